"""Sends requests to an application, and keeps what was sent and what came back."""

import json
from datetime import timedelta
from urllib.parse import unquote

import attrs

from counterseal_web.operations import Operation

PUBLIC = "https://auth.example.com"
"""The service's public address; device proofs and signatures are for it."""

SECOND = timedelta(seconds=1)

REPLY_HEADERS = (
    "Content-Type",
    "Location",
    "Allow",
    "Retry-After",
    "WWW-Authenticate",
    "Connection",
)
"""Those that say something of their own; the page names the two that every reply has."""


@attrs.frozen(kw_only=True)
class Exchange:
    """
    One request, and its reply.

    Attributes:
        operation: The call that was meant; None if there is none.
        target: Path and query.
        about: What happens, in a sentence or more; None keeps it off the pages.
        line: How the reply begins: status and phrase.
        got: Those headers of the reply that the pages show.
        headers: All of them but the request's id, with names in lower case.
    """

    operation: Operation | None
    about: str
    method: str
    target: str
    sent: tuple[tuple[str, str], ...]
    body: bytes
    line: str
    got: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    reply: bytes

    @property
    def status(self):
        """The number at the head of the reply's line."""
        return int(self.line.partition(" ")[0])

    @property
    def document(self):
        """The reply's JSON."""
        return json.loads(self.reply)

    def header(self, name):
        """Return a header of the reply."""
        return dict(self.got)[name]


class Recorder:
    """
    Plays requests, in the process and in order.

    Args:
        client: Calls the application.
        find: Returns the operation that a method and a path name, or None.
        clock: Moved on by a second after each request: nobody says the same thing twice at
            one time.
    """

    def __init__(self, client, find, clock):
        self.clock = clock
        self.exchanges = []
        self._client = client
        self._find = find

    def send(self, about, method, target, *, headers, body=b"", meanwhile=None, events=None):
        """
        Send a request, and return the exchange.

        Args:
            about: What happens.
            target: Path and query.
            meanwhile: Done once the reply has begun; for a stream, which ends with it.
            events: How many are read of a stream that does not end by itself.
        """
        response = self._client.open(
            target, method=method, headers=list(headers.items()), data=body or None
        )
        if events is not None:
            reply = b""
            pieces = iter(response.response)
            while reply.count(b"data: ") < events or not reply.endswith(b"\n\n"):
                reply += next(pieces)
            response.close()
        elif meanwhile is None:
            reply = response.get_data()
        else:
            pieces = iter(response.response)
            first = next(pieces)
            meanwhile()
            reply = b"".join((first, *pieces))
        exchange = self.keep(
            about,
            method,
            target,
            headers=headers,
            body=body,
            line=response.status,
            got=response.headers,
            reply=reply,
        )
        self.clock.advance(SECOND)
        return exchange

    def keep(self, about, method, target, *, headers, body, line, got, reply):
        """Keep what was sent and what came back, and return the exchange."""
        exchange = Exchange(
            operation=self._find(method, unquote(target.partition("?")[0])),
            about=about,
            method=method,
            target=target,
            sent=tuple(headers.items()),
            body=body,
            line=line,
            got=tuple((name, got[name]) for name in REPLY_HEADERS if name in got),
            headers=tuple(
                sorted(
                    (name.lower(), value) for name, value in got.items() if name != "X-Request-Id"
                )
            ),
            reply=reply,
        )
        self.exchanges.append(exchange)
        return exchange

    def last(self, operation, key):
        """Return the newest exchange of *operation* with this idempotency key."""
        return next(
            each
            for each in reversed(self.exchanges)
            if each.operation.id == operation and ("Idempotency-Key", key) in each.sent
        )
