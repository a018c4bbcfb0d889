"""Calls: each in several attempts if necessary, of which each is signed anew."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta

import attrs

from counterseal.models import Scheme
from counterseal.ports import Clock, Entropy
from counterseal_client.address import Address
from counterseal_client.credential import Attempt, Credential
from counterseal_client.errors import (
    NotSent,
    Overloaded,
    ReplyLost,
    RequestRefused,
    Unauthorised,
    Unfit,
    demand,
)
from counterseal_client.problem import error_of
from counterseal_client.transport import Reply, Transport

ATTEMPTS = 3
PAUSES = (0.2, 0.8)
"""Seconds before the second and the third attempt, plus or minus half of them at random."""

PATIENCE = timedelta(seconds=5)
"""The longest `Retry-After` that the client waits for; a longer one is left to the program."""

KEY_BYTES = 16
NONCE_BYTES = 16

_KEY = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")
_SUCCESS = range(200, 300)


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


@attrs.frozen(kw_only=True)
class Calls:
    """
    Makes the calls of one origin.

    Attributes:
        timeout: The longest that one attempt may take.
        clock: The time for signatures.
        entropy: Makes idempotency keys and nonces, and randomises pauses.
        sleep: Waits for a number of seconds.
    """

    address: Address
    credential: Credential
    transport: Transport
    timeout: timedelta
    clock: Clock
    entropy: Entropy
    sleep: Callable[[float], None] = time.sleep

    def call(self, call: Call) -> Reply:
        """
        Make a call, in several attempts if necessary.

        Raises:
            RequestRefused: The service refuses; subclasses say why.
            Unavailable: The service was not reached, sent no reply, or cannot answer now.
        """
        reply_lost = signed_again = False
        attempt = 1
        while True:
            try:
                return self._once(call)
            except Unauthorised:
                # CX1 has no nonce: another process may have sent the same request just before.
                if signed_again or self.credential.scheme is not Scheme.HMAC:
                    raise
                signed_again = True
                continue
            except RequestRefused as refusal:
                if refusal.problem != "key_in_progress" or attempt == call.attempts:
                    refusal.repeated = reply_lost
                    raise
                retry_after = refusal.retry_after
            except (NotSent, ReplyLost, Overloaded) as problem:
                reply_lost = reply_lost or not isinstance(problem, NotSent)
                retry_after = problem.retry_after if isinstance(problem, Overloaded) else None
                is_too_long = retry_after is not None and retry_after > PATIENCE
                if attempt == call.attempts or is_too_long:
                    raise
            self.sleep(pause_after(attempt, retry_after, self.entropy))
            attempt += 1

    def idempotency_key(self, key: str | None) -> str:
        """
        Return *key*, or a new one if it is None.

        Raises:
            Unfit: *key* is not 1 to 256 printable ASCII characters.
        """
        if key is None:
            return self.entropy.token(KEY_BYTES).hex()
        demand("idempotency_key", key, str)
        if not _KEY.fullmatch(key):
            raise Unfit("not an idempotency key: 1 to 256 printable ASCII characters")
        return key

    def _once(self, call: Call) -> Reply:
        uri, now = self.address.uri(call.path, call.query), self.clock.now()
        headers = [("accept", "application/json, application/problem+json")]
        if call.body:
            headers.append(("content-type", "application/json"))
        if call.idempotency_key is not None:
            headers.append(("idempotency-key", call.idempotency_key))
        attempt = Attempt(
            method=call.method,
            uri=uri,
            headers=tuple(headers),
            body=call.body,
            now=now,
            nonce=self.entropy.token(NONCE_BYTES).hex(),
        )
        headers += self.credential.headers(attempt)
        reply = self.transport.send(
            call.method,
            uri,
            target=self.address.target(call.path, call.query),
            headers=headers,
            body=call.body,
            within=self.timeout + call.hold,
        )
        if reply.status not in _SUCCESS:
            raise error_of(reply, now)
        return reply


def pause_after(attempt: int, retry_after: timedelta | None, entropy: Entropy) -> float:
    """Return the seconds to wait after an attempt that may be repeated."""
    pause = PAUSES[min(attempt, len(PAUSES)) - 1]
    pause *= 0.5 + entropy.token(1)[0] / 255
    if retry_after is not None:
        pause = max(pause, min(retry_after, PATIENCE).total_seconds())
    return pause
