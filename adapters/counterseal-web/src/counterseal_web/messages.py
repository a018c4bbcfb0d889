"""Messages: a request as a face received it, and the response that the face sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

import attrs
import msgspec

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"
JOSE = "application/jose"
"""RFC 7515, 9.2.1: a JWS in its compact form."""
PNG = "image/png"

STANDARD_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of each response unless its reply sets them."""

REQUEST_ID: ContextVar[str | None] = ContextVar("counterseal_request_id", default=None)
"""
The id of the request that is answered, which problems and pages of errors name.

The program that serves sets it to an id that its log has, of at most 64 letters, digits, dots,
hyphens and underscores; without one, nothing names an id.
"""

_JSON = msgspec.json.Encoder()


@attrs.frozen(kw_only=True)
class Request:
    """
    One HTTP request, as a face received it.

    Attributes:
        method: Upper case.
        path: What the client wrote after `public_url` and before the query, percent-decoded as
            UTF-8; a byte that is not UTF-8 is U+FFFD.
        query: What follows the question mark, as it was sent.
        headers: By lower-case name; those with the same name are joined by a comma.
        read_body: Returns the body, or its first bytes, as many as the
            argument, if it is longer.
            Raises `BodyTooLargeError` or `BrokenBodyError`. It is called once at most.
    """

    method: str
    path: str
    query: bytes = attrs.field(default=b"", repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    read_body: Callable[[int], bytes] = attrs.field(default=lambda _: b"", repr=False)


@attrs.frozen(kw_only=True)
class Response:
    """
    One HTTP response.

    Attributes:
        status: Of HTTP.
        headers: All of them, but `Date` and what concerns the connection.
        body: The whole body; empty if it comes in pieces.
        stream: The body in pieces; the face calls its `close`, sent or not.
        operation: The id of the operation that was called, for logs and metrics; None if the
            request names none.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = attrs.field(default=b"", repr=False)
    stream: Iterable[bytes] | None = attrs.field(default=None, repr=False)
    operation: str | None = None


@attrs.frozen(kw_only=True)
class Reply:
    """
    What a handler returns.

    Attributes:
        document: What the body says, as JSON; None for no body.
        content: The body's bytes as they are, in place of *document*.
        stream: The body in pieces, in place of *document*; closed after the last piece, or when
            the connection ends.
    """

    status: int = HTTPStatus.OK
    document: Any = attrs.field(default=None, repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)
    media_type: str = JSON
    headers: Mapping[str, str] = attrs.field(factory=dict)
    stream: Iterable[bytes] | None = attrs.field(default=None, repr=False)

    def body(self) -> bytes:
        """Return the body's bytes; empty for a stream."""
        if self.content is not None:
            return self.content
        return b"" if self.document is None else encode(self.document)

    def response(
        self, operation: str | None = None, more_headers: tuple[tuple[str, str], ...] = ()
    ) -> Response:
        """
        Return the reply as it is sent.

        Args:
            operation: The id of the operation that was called.
            more_headers: Those that the request asks for, whatever the reply.
        """
        headers = {"Content-Type": self.media_type, **STANDARD_HEADERS, **self.headers}
        body = self.body()
        if self.stream is None:
            if not body:
                del headers["Content-Type"]
            if self.status != HTTPStatus.NO_CONTENT:
                headers["Content-Length"] = str(len(body))
        return Response(
            status=int(self.status),
            headers=(*headers.items(), *more_headers),
            body=body,
            stream=self.stream,
            operation=operation,
        )


def encode(document: Any) -> bytes:
    """Return *document* as JSON, without white space."""
    return _JSON.encode(document)
