"""Operations: one record for each call; routes, documentation and OpenAPI are made from them."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping

import attrs

from counterseal_flask.messages import JSON, Reply

NAME = re.compile(r"\{([a-z_]+)\}")


class Audience(enum.Enum):
    """Who calls, and so what has to come with the call."""

    ORIGIN = "origin"
    """An `Authorization` header, by Basic or CX1."""
    DEVICE = "device"
    """A `Counterseal-Proof` header."""
    ADMIN = "admin"
    """An `Authorization` header, by CX1 with an administrator's key."""
    ANYBODY = "anybody"
    """Nothing, or a secret in the body."""


class Payload(enum.Enum):
    """How a call's body is written."""

    NONE = "none"
    """There is none; one that comes is not looked at, but by signatures."""
    JSON = "json"
    FORM = "form"
    """JSON, or a form with brackets."""
    TOKEN = "token"  # noqa: S105 (a kind of body)
    """A compact JWS, and nothing else."""


@attrs.frozen(kw_only=True)
class Operation:
    """
    One call.

    Attributes:
        id: Names it, in code and in OpenAPI.
        path: After the prefix; what varies stands in braces.
        handler: Takes the service and the message; for an origin's or administrator's
            call, also who asks.
        query: Parameters of the query, each with its meaning.
        needs: Those that have to be there.
        takes: The name of the body's schema.
        gives: The name of each success's schema; None for no body.
        refuses: The outward words that the call's own problems may have.
        media_type: Of what it gives.
        by_key: Whether it takes an `Idempotency-Key`.
    """

    id: str
    method: str
    path: str
    audience: Audience
    summary: str
    handler: Callable[..., Reply]
    payload: Payload = Payload.NONE
    query: Mapping[str, str] = attrs.field(factory=dict)
    needs: frozenset[str] = frozenset()
    takes: str | None = None
    gives: Mapping[int, str | None]
    refuses: tuple[str, ...] = ()
    media_type: str = JSON
    by_key: bool = False

    def rule(self) -> str:
        """Return the path as Flask writes it."""
        return NAME.sub(r"<\1>", self.path)

    def filled(self, names: Mapping[str, str]) -> str:
        """Return the path with *names* in place."""
        return NAME.sub(lambda match: names[match[1]], self.path)
