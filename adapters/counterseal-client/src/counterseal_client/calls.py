"""Calls: each in several attempts if necessary, of which each is signed anew."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal.models import Scheme
from counterseal_client.connection import ACCEPT, ATTEMPTS, Connection
from counterseal_client.credential import Attempt, Credential
from counterseal_client.errors import Unauthorised
from counterseal_client.transport import Reply


@attrs.frozen(kw_only=True)
class Call:
    """
    One call.

    Every call may be repeated: it only reads, it has an idempotency key, or a repetition changes
    nothing.

    Attributes:
        path: The path after `/api/`.
        attempts: The largest number of attempts.
        hold: How long the service may hold the call; added to the timeout.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    idempotency_key: str | None = attrs.field(default=None, repr=False)
    attempts: int = ATTEMPTS
    hold: timedelta = timedelta(0)


@attrs.frozen
class Calls:
    """Makes the calls of one origin, which its credential signs."""

    connection: Connection
    credential: Credential

    def call(self, call: Call) -> Reply:
        """
        Make a call, in several attempts if necessary.

        Raises:
            RequestRefused: The service refuses; subclasses say why.
            Unavailable: The service was not reached, sent no reply, or cannot answer now.
        """
        return self.connection.repeat(lambda: self._attempt(call), call.attempts)

    def call_once(self, method: str, path: str, body: bytes, key: str | None) -> Reply:
        """
        Make a call that has one effect, however often it is sent.

        Args:
            method: The HTTP method, in capitals.
            path: The path after `/api/`.
            body: What is sent.
            key: The idempotency key; None for a new one.

        Raises:
            Unfit: *key* is not 1 to 256 printable ASCII characters.
            RequestRefused, Unavailable: As of `call`.
        """
        idempotency_key = self.connection.idempotency_key(key)
        return self.call(Call(method=method, path=path, body=body, idempotency_key=idempotency_key))

    def _attempt(self, call: Call) -> Reply:
        try:
            return self._send(call)
        except Unauthorised:
            # CX1 has no nonce: another process may have sent the same request just before.
            if self.credential.scheme is not Scheme.HMAC:
                raise
        return self._send(call)

    def _send(self, call: Call) -> Reply:
        connection = self.connection
        uri = connection.address.uri(call.path, call.query)
        headers = [ACCEPT]
        if call.body:
            headers.append(("content-type", "application/json"))
        if call.idempotency_key is not None:
            headers.append(("idempotency-key", call.idempotency_key))
        attempt = Attempt(
            method=call.method,
            uri=uri,
            headers=tuple(headers),
            body=call.body,
            now=connection.clock.now(),
            nonce=connection.nonce(),
        )
        headers += self.credential.headers(attempt)
        return connection.send(call.method, uri, headers=headers, body=call.body, hold=call.hold)
