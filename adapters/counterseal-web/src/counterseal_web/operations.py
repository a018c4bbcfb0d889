"""Operations: one record for each call; routes, documentation and OpenAPI are made from them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

import attrs

from counterseal_web.messages import JSON, Reply
from counterseal_web.pending import EventStream, LongPoll
from counterseal_web.router import NAME


class Audience(enum.Enum):
    """Who calls, and so what has to come with the call."""

    ORIGIN = "origin"
    """An `Authorization` header, by Basic or CX1, or a message signature."""
    DEVICE = "device"
    """A `Counterseal-Proof` header."""
    ADMIN = "admin"
    """An `Authorization` header, by CX1, or a message signature, with an administrator's key."""
    ANYBODY = "anybody"
    """Nothing, or a secret in the body."""


class Payload(enum.Enum):
    """How a call's body is written."""

    NONE = "none"
    """There is none; an empty document says nothing, and any other is refused."""
    JSON = "json"
    FORM = "form"
    """JSON, or a form with brackets."""
    TOKEN = "token"  # noqa: S105 (a kind of body)
    """A compact JWS, and nothing else."""


NOTHING: Mapping[int, str | None] = {204: None}
"""What a call returns that has no document."""


@attrs.frozen
class Operation:
    """
    One call.

    Attributes:
        id: Names it, in code and in OpenAPI.
        method: Upper case.
        path: After the prefix; variable segments are in braces.
        handler: Takes the service and the message; for an origin's or administrator's
            call, also the party that calls. Its docstring says what the call does, to users too.
        gives: The name of each success's schema; None for no body.
        audience: Who calls.
        takes: The name of the body's schema; None if it takes no body.
        accepts: How a body that it takes is written.
        needs: Parameters of the query that have to be there, each with its meaning.
        query: Those that may be there.
        refuses: The public codes that the call's own problems may have.
        media_type: Of what it gives.
        by_key: Whether it takes an `Idempotency-Key`.
        from_pages: Whether web pages may make it, those that the settings list (CORS).
    """

    id: str
    method: str
    path: str
    handler: Callable[..., Reply | LongPoll | EventStream]
    gives: Mapping[int, str | None]
    audience: Audience = attrs.field(kw_only=True)
    takes: str | None = attrs.field(default=None, kw_only=True)
    accepts: Payload = attrs.field(default=Payload.JSON, kw_only=True)
    needs: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    query: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    refuses: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    media_type: str = attrs.field(default=JSON, kw_only=True)
    by_key: bool = attrs.field(default=False, kw_only=True)
    from_pages: bool = attrs.field(default=False, kw_only=True)

    @property
    def payload(self) -> Payload:
        """Return how the body is written, if there is one."""
        return Payload.NONE if self.takes is None else self.accepts

    @property
    def summary(self) -> str:
        """Return what the call does."""
        return " ".join((self.handler.__doc__ or "").split())

    def filled(self, names: Mapping[str, str]) -> str:
        """Return the path with *names* in place."""
        if not names:
            return self.path
        return NAME.sub(lambda match: names[match[1]], self.path)
