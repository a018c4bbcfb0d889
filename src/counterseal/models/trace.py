"""
Trace contexts: they connect what a worker sends with the request that led to it.

The core makes no traces. A package that does, such as counterseal-otel, sets `TRACE` while a
request is served. The core stores it with a callback, and sends it in the callback's headers.

Trace Context of the W3C (Recommendation of 23 November 2021) says what the headers look like.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any

import attrs

from counterseal.errors import InvalidField

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

STATE_LIMIT = 512
"""Characters of a `tracestate` that everybody has to propagate (Trace Context, 3.3.1.5)."""

_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_STATE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def _parent(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
    if not isinstance(value, str) or not _PARENT.fullmatch(value):
        raise InvalidField(attribute.name, "not a traceparent of version 00")


def _state(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
    fits = isinstance(value, str) and len(value) <= STATE_LIMIT and _STATE.fullmatch(value)
    if value != "" and not fits:
        raise InvalidField(attribute.name, "not a tracestate of at most 512 characters")


@attrs.frozen(kw_only=True)
class TraceContext:
    """
    The span in which something happens.

    Attributes:
        parent: The value of `traceparent`: the ids of the trace and of the span, and its flags.
        state: The value of `tracestate`, which programs that make traces add; empty without one.

    Raises:
        InvalidField: A value does not have the form of its header.
    """

    parent: str = attrs.field(validator=_parent)
    state: str = attrs.field(default="", validator=_state)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that carry it."""
        parent = (TRACEPARENT, self.parent)
        return (parent, (TRACESTATE, self.state)) if self.state else (parent,)


TRACE: ContextVar[TraceContext | None] = ContextVar("counterseal_trace", default=None)
"""The span that this thread or task works in; None if nobody makes traces."""
