"""
The settings of the server: a TOML file, and two secrets that may come from the environment.

Every name of the file is a field of `Settings`, but for three that name files: `key_file` and
`token_file` hold the secrets, and `jwks` the public keys of the service.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import Scheme
from counterseal.wire.members import require_known
from counterseal_client import Client, Trust, Unfit

KEY_VARIABLE = "COUNTERSEAL_MCP_KEY"
TOKEN_VARIABLE = "COUNTERSEAL_MCP_TOKEN"  # noqa: S105 (the variable's name)

FILE_LIMIT = 65_536
"""Bytes of each file."""

WAIT_LIMIT = 300
"""Seconds that a call of `require` may wait, at most; many clients give up after 60."""

TOKEN_LENGTH = 32
"""Characters that a bearer token has at least."""

ACCOUNTS_LIMIT = 100

_MALFORMED_KEY = f"not an origin's key, in this file or in {KEY_VARIABLE}"
_TOKEN = re.compile(rf"[!-~]{{{TOKEN_LENGTH},512}}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5}|:\*)?|\[[0-9a-f:.]{2,45}\](:[0-9]{1,5}|:\*)?")


def _require(holds: object, attribute: attrs.Attribute[Any], problem: str) -> None:
    if not holds:
        raise InvalidField(attribute.name, problem)


def _text(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    _require(isinstance(value, str) and value, attribute, "missing, empty or not a text")


def _flag(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    _require(isinstance(value, bool), attribute, "neither true nor false")


def _accounts(_: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
    _require(value, attribute, "missing or empty: nobody could be asked")
    _require(len(value) <= ACCOUNTS_LIMIT, attribute, f"more than {ACCOUNTS_LIMIT}")
    _require(all(isinstance(each, str) and each for each in value), attribute, "not all are texts")
    _require(len(set(value)) == len(value), attribute, "one stands twice")


def _wait(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    _require(
        is_integer and 0 <= value <= WAIT_LIMIT,  # type: ignore[operator]
        attribute,
        f"not 0 to {WAIT_LIMIT} whole seconds",
    )


def _token(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    _require(
        value is None or _TOKEN.fullmatch(value),
        attribute,
        f"not {TOKEN_LENGTH} to 512 printable ASCII characters without spaces",
    )


def _hosts(_: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
    sound = all(isinstance(each, str) and _HOST.fullmatch(each) for each in value)
    _require(sound, attribute, "not hosts like agents.example.com or 127.0.0.1:8791")


@attrs.frozen(kw_only=True)
class Settings:
    """
    How the server reaches the service, and whom agents may ask.

    Attributes:
        service: The service's public address.
        origin: The GUID of the origin in whose name the server asks.
        key: The origin's secret.
        trust: The service's keys that prove approvals and uses.
        accounts: The account ids of the people who may be asked. If there is one, agents name
            none.
        scheme: The origin's scheme.
        app_space: The App Space's GUID; if given, replies of another one are refused.
        agent: The agent's name that people are shown; None lets each call name one.
        state: The folder that stores what was asked, so that an approval outlives the process;
            None stores it in memory.
        longest_wait: Seconds that a call of `require` may wait for the answer.
        invite: Whether a person without a device is invited to bind one, by the client.
        allow_http: Whether the service may be on another machine without TLS.
        token: The bearer token of HTTP; None serves HTTP on loopback only.
        hosts: Names in `Host` that HTTP accepts, besides the address that it listens at.
    """

    service: str = attrs.field(validator=_text)
    origin: str = attrs.field(validator=_text)
    key: str = attrs.field(repr=False, validator=_text)
    trust: Trust = attrs.field(validator=attrs.validators.instance_of(Trust))
    accounts: tuple[str, ...] = attrs.field(converter=tuple, validator=_accounts)
    scheme: str = attrs.field(default=Scheme.BASIC.value, validator=_text)
    app_space: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    agent: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    state: Path | None = None
    longest_wait: int = attrs.field(default=50, validator=_wait)
    invite: bool = attrs.field(default=False, validator=_flag)
    allow_http: bool = attrs.field(default=False, validator=_flag)
    token: str | None = attrs.field(default=None, repr=False, validator=_token)
    hosts: tuple[str, ...] = attrs.field(default=(), converter=tuple, validator=_hosts)

    def __attrs_post_init__(self) -> None:
        if self.invite and len(self.accounts) != 1:
            raise InvalidField("invite", "needs exactly one account: the person at the client")

    def client(self, **more: Any) -> Client:
        """
        Make the origin's client; *more* goes to it.

        Raises:
            InvalidField: Address, origin, key or scheme are malformed.
        """
        try:
            return Client(
                self.service,
                self.origin,
                self.key,
                scheme=self.scheme,
                app_space=self.app_space,
                allow_http=self.allow_http,
                **more,
            )
        except Unfit as error:
            if error.argument == "key":
                raise InvalidField("key_file", _MALFORMED_KEY) from None
            field = error.argument or "service"
            raise InvalidField(field, str(error).removeprefix(f"{field}: ")) from None


_FILE = {
    *(field.name for field in attrs.fields(Settings)),
    *("key_file", "token_file", "jwks"),
} - {"key", "token", "trust"}
"""The names in the file; secrets are not among them."""


def read_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """
    Read the settings.

    Relative paths in the file begin at its folder.

    Args:
        path: The TOML file.
        environment: Has the secrets that no file has: the origin's key as `COUNTERSEAL_MCP_KEY`,
            the bearer token as `COUNTERSEAL_MCP_TOKEN`.

    Raises:
        InvalidField: A file cannot be read, or a setting is missing, unknown or malformed.
    """
    try:
        members = tomllib.loads(_read_text(path, "config"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidField("config", f"not TOML: {error}") from None
    require_known(members, _FILE)
    for name, variable in (("key", KEY_VARIABLE), ("token", TOKEN_VARIABLE)):
        secret = _secret(path, name, members.pop(f"{name}_file", None), environment.get(variable))
        if secret is not None:
            members[name] = secret
    if "key" not in members:
        raise InvalidField("key_file", f"missing, and {KEY_VARIABLE} is not set")
    members["trust"] = _trust(path, members.pop("jwks", None))
    for name in ("accounts", "hosts"):
        if not isinstance(members.get(name, []), list):
            raise InvalidField(name, "not a list")
    if "state" in members:
        members["state"] = _path(path, members["state"], "state")
    for field in attrs.fields(Settings):
        if field.default is attrs.NOTHING and field.name not in members:
            raise InvalidField(field.name, "missing")
    return Settings(**members)


def _secret(config: Path, name: str, file: object, variable: str | None) -> str | None:
    """Return a secret, of the file or of the environment."""
    if file is None:
        return variable
    field = f"{name}_file"
    if variable is not None:
        raise InvalidField(field, "the environment has this secret, too")
    return _read_text(_path(config, file, field), field).strip()


def _path(config: Path, name: object, field: str) -> Path:
    if not isinstance(name, str) or not name:
        raise InvalidField(field, "empty or not a text")
    return config.parent / name


def _read_text(path: Path, field: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
        if len(data) > FILE_LIMIT:
            raise InvalidField(field, f"longer than {FILE_LIMIT} bytes")
        return data.decode()
    except OSError as error:
        raise InvalidField(field, f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidField(field, f"cannot read {path}: not UTF-8") from None


def _trust(config: Path, name: object) -> Trust:
    try:
        return Trust.jwks(_read_text(_path(config, name, "jwks"), "jwks"))
    except Unfit as error:
        raise InvalidField("jwks", str(error)) from None
