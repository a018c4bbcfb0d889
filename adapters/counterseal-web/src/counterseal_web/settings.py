"""Settings: of the HTTP API alone; the service's rules are in its policy."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

import attrs

from counterseal.errors import PolicyUnsound
from counterseal.models import Guid
from counterseal.wire.link import is_base

ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]*)?")
"""As a browser writes the origin of a page (RFC 6454, 6.2)."""


def _public_url(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
    if not is_base(value):
        message = f"{attribute.name}: not an address like https://auth.example.com, without a slash"
        raise PolicyUnsound(message)


def _positive(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value <= type(value)(0):
        message = f"{attribute.name}: must be more than nothing"
        raise PolicyUnsound(message)


def _origins(
    _: Any, attribute: attrs.Attribute[Any], value: Mapping[Guid, Collection[str]]
) -> None:
    for origins in value.values():
        for origin in origins:
            if ORIGIN.fullmatch(origin) is None:
                raise PolicyUnsound(f"{attribute.name}: {origin!r} is not like https://app.example")


@attrs.frozen(kw_only=True)
class Settings:
    """
    How the service is reached, and how much of it one caller may use.

    Attributes:
        public_url: What a client writes before the path that this application sees: scheme,
            host, port and, behind a proxy that strips one, a prefix. Signatures are checked
            against it; `Host`, `X-Forwarded-*` and `SCRIPT_NAME` are never looked at.
        administration: Whether administrators are served too, under `/admin/api`.
        body_limit: Bytes of a request's body; a longer one is refused before it is read.
        wait_limit: The longest that `?wait=` waits; a longer one is cut to it.
        waiters: How many requests of this process may wait at a time, streams among them.
        look_every: How often a request is loaded from the store, once for all that wait for
            it. `Wake` makes most waits shorter.
        beat_every: How often a silent stream sends a comment, so that no proxy closes it.
        retry_after: The `Retry-After` where nothing better is known.

    Raises:
        PolicyUnsound: A setting makes no sense.
    """

    public_url: str = attrs.field(validator=_public_url)
    administration: bool = False
    body_limit: int = attrs.field(default=131_072, validator=_positive)
    wait_limit: timedelta = attrs.field(default=timedelta(seconds=30), validator=_positive)
    waiters: int = attrs.field(default=64, validator=attrs.validators.ge(0))
    look_every: timedelta = attrs.field(default=timedelta(seconds=1), validator=_positive)
    beat_every: timedelta = attrs.field(default=timedelta(seconds=15), validator=_positive)
    cors: Mapping[Guid, Collection[str]] = attrs.field(factory=dict, validator=_origins)
    retry_after: timedelta = attrs.field(default=timedelta(seconds=1), validator=_positive)
