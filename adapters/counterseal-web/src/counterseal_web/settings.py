"""Settings: of the HTTP API alone; the service's rules are in its policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

import attrs

from counterseal.errors import InvalidField, PolicyUnsound
from counterseal.models import Guid
from counterseal.models.document_hosts import EXAMPLE, is_document_origin
from counterseal.models.guid import parse
from counterseal.wire.link import is_base

ORIGIN = re.compile(
    r"(?P<scheme>https?)://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(:(?P<port>[1-9][0-9]{0,4}))?"
)
"""As a browser writes the origin of a page (RFC 6454, 6.2): without the scheme's own port."""

WEBPUSH_KEY = re.compile(r"B[A-P][A-Za-z0-9_-]{85}")
"""65 bytes of which the first is 4, as an uncompressed point begins."""

DEFAULT_PORTS = {"http": 80, "https": 443}
LAST_PORT = 65_535


def _public_url(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
    if not isinstance(value, str) or not is_base(value):
        message = f"{attribute.name}: not an address like https://auth.example.com, without a slash"
        raise PolicyUnsound(message)


def _flag(_: Any, attribute: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise PolicyUnsound(f"{attribute.name}: neither true nor false")


def _at_least(least: int) -> Callable[[Any, attrs.Attribute[int], int], None]:
    def valid(_: Any, attribute: attrs.Attribute[int], value: int) -> None:
        if type(value) is not int or value < least:
            raise PolicyUnsound(f"{attribute.name}: not a whole number, {least} or more")

    return valid


def _span(_: Any, attribute: attrs.Attribute[timedelta], value: timedelta) -> None:
    if not isinstance(value, timedelta) or value <= timedelta(0):
        raise PolicyUnsound(f"{attribute.name}: not a timedelta of more than nothing")


def _cors(_: Any, __: attrs.Attribute[Any], value: Mapping[Guid, Collection[str]]) -> None:
    try:
        require_pages(value, field="cors")
    except InvalidField as error:
        raise PolicyUnsound(str(error)) from None


def require_pages(pages: Mapping[Guid, Collection[str]], *, field: str) -> None:
    """
    Refuse origins of web pages that no browser writes so, and keys that are no GUIDs.

    Args:
        pages: The origins that each App Space lists.
        field: What the refusal names.

    Raises:
        InvalidField: *pages* has such an origin or key, or is of another type.
    """
    if not isinstance(pages, Mapping):
        raise InvalidField(field, "not a mapping of App Spaces to origins")
    for app_space, origins in pages.items():
        try:
            parse(app_space, field=field)
        except InvalidField:
            raise InvalidField(field, f"{app_space!r} is not the GUID of an App Space") from None
        if isinstance(origins, str) or not isinstance(origins, Collection):
            raise InvalidField(field, f"not a list of origins: {origins!r}")
        for origin in origins:
            _require_origin(origin, field)


def _require_origin(origin: str, field: str) -> None:
    match = ORIGIN.fullmatch(origin) if isinstance(origin, str) else None
    if match is None:
        raise InvalidField(field, f"{origin!r} is not like https://app.example")
    port = int(match["port"] or 0)
    if port > LAST_PORT:
        raise InvalidField(field, f"{origin!r}: there is no such port")
    if port == DEFAULT_PORTS[match["scheme"]]:
        raise InvalidField(field, f"{origin!r}: browsers leave out the port {port}")


def _app_url(_: Any, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not (isinstance(value, str) and is_base(value)):
        raise PolicyUnsound(f"{attribute.name}: not an address like https://auth.example.com/app")


def _app_origins(_: Any, attribute: attrs.Attribute[Any], value: Collection[str] | None) -> None:
    if value is not None and not all(map(is_document_origin, value)):
        raise PolicyUnsound(f"{attribute.name}: one is not {EXAMPLE}")


def _webpush_key(_: Any, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not (isinstance(value, str) and WEBPUSH_KEY.fullmatch(value)):
        raise PolicyUnsound(f"{attribute.name}: not a point of P-256 in base64url")


@attrs.frozen(kw_only=True)
class Settings:
    """
    How the service is reached, and how much of it one caller may use.

    Attributes:
        public_url: What a client writes before the path that this application sees: scheme,
            host, port and, behind a proxy that strips one, a prefix. Signatures are checked
            against it; `Host`, `X-Forwarded-*` and `SCRIPT_NAME` are never looked at.
        administration: Whether administrators are served too, under `/admin/api`.
        app_url: Where the service's device in the browser is, which bind links open; None if there
            is none.
        app_origins: The web origins from which that device may fetch the documents of actions,
            `connect-src` of its Content Security Policy; None if the service does not know them.
            The reply to `request/add` has a warning of each document at another one.
        body_limit: Bytes of a request's body; a longer one is refused, and no more is stored of it.
        wait_limit: The longest that `?wait=` waits; a longer one is cut to it.
        waiters: How many calls may wait at a time, streams among them. All faces of one `Service`
            share them; every process has a service of its own, and so has as many again.
        look_every: How often a request is loaded from the store, once for all that wait for
            it, and a device's list for each call that waits. `Wake` makes most waits shorter.
        beat_every: How often a silent stream sends a comment, so that no proxy closes it.
        cors: The exact origins of the web pages that may make device calls, by App Space; without
            them no page may.
        webpush_key: The public key with which devices subscribe to Web Push: 65 bytes in base64url,
            `Vapid.public` of counterseal-webpush; None where the notifier sends none.
        retry_after: The `Retry-After` where nothing better is known.

    Raises:
        PolicyUnsound: A setting makes no sense.
    """

    public_url: str = attrs.field(validator=_public_url)
    administration: bool = attrs.field(default=False, validator=_flag)
    body_limit: int = attrs.field(default=131_072, validator=_at_least(1))
    wait_limit: timedelta = attrs.field(default=timedelta(seconds=30), validator=_span)
    waiters: int = attrs.field(default=64, validator=_at_least(0))
    look_every: timedelta = attrs.field(default=timedelta(seconds=1), validator=_span)
    beat_every: timedelta = attrs.field(default=timedelta(seconds=15), validator=_span)
    cors: Mapping[Guid, Collection[str]] = attrs.field(factory=dict, validator=_cors)
    webpush_key: str | None = attrs.field(default=None, validator=_webpush_key)
    app_url: str | None = attrs.field(default=None, validator=_app_url)
    app_origins: Collection[str] | None = attrs.field(default=None, validator=_app_origins)
    retry_after: timedelta = attrs.field(default=timedelta(seconds=1), validator=_span)
