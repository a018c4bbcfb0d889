"""
Configuration: the dictionary `settings.COUNTERSEAL`, read once.

    COUNTERSEAL = {
        "URL": "https://shop.example/auth",
        "KEYS": BASE_DIR / "keys",
        "TENANCY": "shop.example/django",
        "COMPANY": "Example Ltd",
    }
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
from django.conf import settings as django_settings
from django.utils.module_loading import import_string

import counterseal as cs
from counterseal.errors import InvalidField, PolicyUnsound
from counterseal.models.passkeys import origin_of
from counterseal_django.errors import UnfitSettings
from counterseal_sql.database import CONNECTIONS
from counterseal_web import MOUNT, Settings

SETTING = "COUNTERSEAL"
REQUIRED = ("URL", "KEYS", "TENANCY", "COMPANY")


def account_id_of(user: Any) -> str:
    """
    Return the primary key of *user* as text, the account id unless `ACCOUNT_ID` says another.

    Raises:
        InvalidField: *user* is anonymous, or not saved yet: all of these would be one account.
    """
    if user.pk is None:
        raise InvalidField("user", "not a stored user")
    return str(user.pk)


def _unchanged(ports: cs.Ports) -> cs.Ports:
    return ports


@attrs.frozen(kw_only=True)
class Configuration:
    """
    What `settings.COUNTERSEAL` says; each attribute is a member of it, in upper case.

    Attributes:
        url: The public address below which `counterseal_django.urls` is included: scheme, host and
            path, without a slash at the end. Devices sign it.
        keys: The folder of the service's keys.
        tenancy: The project's own name for its tenancy, which never changes.
        company: The company's name.
        app_space: The App Space's name, which people read on their device; the company's if it is
            missing.
        origin: The origin's name; the App Space's if it is missing.
        policy: The policy; the setting has only what differs from `counterseal.STANDARD`, and by
            default its `passkey_origin` is the URL's.
        http: How the API is served; the setting has members of `counterseal_web.Settings`, but
            `public_url` and `app_url`.
        account_id: Returns the account id of a user; the setting may be a dotted path.
        ports: Puts other adapters in the place of those of the app, such as a notifier; the setting
            may be a dotted path.
        connections: How many connections each process opens at most.
    """

    url: str
    keys: Path = attrs.field(repr=False)
    tenancy: str
    company: str
    app_space: str
    origin: str
    policy: cs.Policy = attrs.field(repr=False)
    http: Settings = attrs.field(repr=False)
    account_id: Callable[[Any], str] = attrs.field(repr=False)
    ports: Callable[[cs.Ports], cs.Ports] = attrs.field(repr=False)
    connections: int


MEMBERS = tuple(field.name.upper() for field in attrs.fields(Configuration))

_cached: tuple[object, Configuration] | None = None


def configuration() -> Configuration:
    """
    Return what `settings.COUNTERSEAL` says; it is read again where a test overrides it.

    Raises:
        UnfitSettings: The setting is missing; or a member is missing, unknown or of another kind.
    """
    global _cached  # noqa: PLW0603 (the one of this process)
    members = getattr(django_settings, SETTING, None)
    cached = _cached
    if cached is None or cached[0] is not members:
        cached = _cached = (members, read_configuration(members))
    return cached[1]


def read_configuration(members: object) -> Configuration:
    """
    Return what *members* say, as they stand in `settings.COUNTERSEAL`.

    Raises:
        UnfitSettings: They are no dictionary; or one is missing, unknown or of another kind.
    """
    if not isinstance(members, Mapping):
        raise UnfitSettings(f"{SETTING}: missing, or not a dictionary")
    for name in members:
        if name not in MEMBERS:
            raise UnfitSettings(f"{SETTING}: {name!r} is unknown; there are {', '.join(MEMBERS)}")
    for name in REQUIRED:
        if name not in members:
            raise UnfitSettings(f"{SETTING}: {name!r} is missing")
    company = _text(members, "COMPANY", "")
    app_space = _text(members, "APP_SPACE", company)
    return Configuration(
        url=_text(members, "URL", ""),
        keys=_folder(members["KEYS"]),
        tenancy=_text(members, "TENANCY", ""),
        company=company,
        app_space=app_space,
        origin=_text(members, "ORIGIN", app_space),
        policy=_policy(_text(members, "URL", ""), _mapping(members, "POLICY")),
        http=_http(_text(members, "URL", ""), _mapping(members, "HTTP")),
        account_id=_function(members.get("ACCOUNT_ID", account_id_of), "ACCOUNT_ID"),
        ports=_function(members.get("PORTS", _unchanged), "PORTS"),
        connections=_number(members.get("CONNECTIONS", CONNECTIONS)),
    )


def _text(members: Mapping[str, Any], name: str, default: str) -> str:
    text = members.get(name, default)
    if not isinstance(text, str) or not text:
        raise UnfitSettings(f"{SETTING}: {name!r} is not a text, or empty")
    return text


def _folder(value: object) -> Path:
    if not isinstance(value, str | PathLike) or not value:
        raise UnfitSettings(f"{SETTING}: 'KEYS' is not the path of a folder")
    folder = Path(value)
    if not folder.is_absolute():
        # Each process would look for it in its own folder.
        raise UnfitSettings(f"{SETTING}: 'KEYS' is not an absolute path, such as BASE_DIR / 'keys'")
    return folder


def _mapping(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = members.get(name, {})
    if not isinstance(value, Mapping):
        raise UnfitSettings(f"{SETTING}: {name!r} is not a dictionary")
    return value


def _policy(url: str, changes: Mapping[str, Any]) -> cs.Policy:
    _require_fields(cs.Policy, "POLICY", changes)
    try:
        # Browser devices are served at the same web origin.
        return attrs.evolve(cs.STANDARD, **{"passkey_origin": origin_of(url), **changes})
    except PolicyUnsound as error:
        raise UnfitSettings(f"{SETTING}: 'POLICY': {error}") from error


def _http(url: str, changes: Mapping[str, Any]) -> Settings:
    _require_fields(Settings, "HTTP", changes)
    for name in ("public_url", "app_url"):
        if name in changes:
            raise UnfitSettings(f"{SETTING}: 'HTTP': {name!r} follows from 'URL'")
    try:
        return Settings(public_url=url, app_url=url + MOUNT, **changes)
    except PolicyUnsound as error:
        raise UnfitSettings(f"{SETTING}: 'URL' or 'HTTP': {error}") from error


def _require_fields(record: type[Any], name: str, changes: Mapping[str, Any]) -> None:
    for change in changes:
        if change not in attrs.fields_dict(record):
            raise UnfitSettings(f"{SETTING}: {name!r}: {change!r} is unknown")


def _function(value: object, name: str) -> Callable[..., Any]:
    if isinstance(value, str):
        try:
            value = import_string(value)
        except ImportError as error:
            raise UnfitSettings(f"{SETTING}: {name!r}: {error}") from error
    if not callable(value):
        raise UnfitSettings(f"{SETTING}: {name!r} is neither a function nor the path of one")
    return value


def _number(value: object) -> int:
    if type(value) is not int or value < 1:
        raise UnfitSettings(f"{SETTING}: 'CONNECTIONS' is not a whole number, 1 or more")
    return value
