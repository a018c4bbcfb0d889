"""Messages: one HTTP request as it came in, and one reply, without a framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import attrs
import msgspec

from counterseal.errors import InvalidField

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"
JOSE = "application/jose"
"""RFC 7515, 9.2.1: a JWS in its compact form."""

_JSON = msgspec.json.Encoder()


@attrs.frozen(kw_only=True)
class Message:
    """
    One request.

    Attributes:
        method: Upper case.
        uri: The full public address, as configured, with the query as it was sent.
        root: The part of *uri* before the operation's own path.
        names: What the path holds, by name.
        query: The query's parameters; none is there twice.
        media_type: Of the body, lower case and without parameters.
        document: What the body says, with no other names than the operation takes; empty until
            they are looked at, and where there is none.
        authorization, proof: The headers that say who is asking.
        headers: All, as they came, where a message signature is among them; else none.
    """

    method: str
    uri: str
    root: str
    names: Mapping[str, str] = attrs.field(factory=dict)
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    document: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    media_type: str = ""
    charset: str = "utf-8"
    authorization: str = attrs.field(default="", repr=False)
    proof: str = attrs.field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    idempotency_key: str | None = attrs.field(default=None, repr=False)

    def asked(self, name: str) -> str:
        """
        Return a parameter of the query.

        Raises:
            InvalidField: It is missing or empty.
        """
        value = self.query.get(name)
        if not value:
            raise InvalidField(name, "missing or empty")
        return value


@attrs.frozen(kw_only=True)
class Reply:
    """
    One answer.

    Attributes:
        document: What the body says, as JSON; None for no body.
        stream: The body in pieces, in place of *document*; closed when it is sent or lost.
    """

    status: int = HTTPStatus.OK
    document: Any = attrs.field(default=None, repr=False)
    media_type: str = JSON
    headers: Mapping[str, str] = attrs.field(factory=dict)
    stream: Iterable[bytes] | None = attrs.field(default=None, repr=False)

    def body(self) -> bytes:
        """Return the body's bytes; empty for a stream."""
        if self.document is None:
            return b""
        return written(self.document)


def written(document: Any) -> bytes:
    """Return *document* as JSON, without white space."""
    return _JSON.encode(document)
