"""Calls: signed afresh for each attempt, and repeated where a repetition can do no harm."""

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
from counterseal_client.line import Line, Reply
from counterseal_client.problem import failure

ATTEMPTS = 3
PAUSES = (0.2, 0.8)
"""Seconds before the second and the third attempt, give or take a half."""

PATIENCE = timedelta(seconds=5)
"""A longer `Retry-After` is the program's to wait for, not ours."""

LUCK_SPAN = 255
KEY_BYTES = 16
NONCE_BYTES = 16

_KEY = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")
_SUCCESS = range(200, 300)


@attrs.frozen(kw_only=True)
class Call:
    """
    One call.

    Every call may be repeated: it reads, it carries an idempotency key, or doing it twice is
    doing it once.

    Attributes:
        path: After `/api/`.
        attempts: How many at most.
        longer: How much longer than others its reply may take.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    idempotency_key: str | None = attrs.field(default=None, repr=False)
    attempts: int = ATTEMPTS
    longer: timedelta = timedelta(0)


@attrs.frozen(kw_only=True)
class Caller:
    """
    Makes the calls of one origin.

    Attributes:
        timeout: The longest that one attempt may take.
        clock: The time that signatures tell.
        entropy: Where idempotency keys and nonces come from, and what spreads repetitions.
        sleep: Waits for so many seconds.
    """

    address: Address
    credential: Credential
    line: Line
    timeout: timedelta
    clock: Clock
    entropy: Entropy
    sleep: Callable[[float], None] = time.sleep

    def call(self, call: Call) -> Reply:
        """
        Make a call, in several attempts if need be.

        Raises:
            RequestRefused: The service says no; one of the classes under it.
            Unavailable: It was not reached, or did not answer, or cannot now.
        """
        lost = resigned = False
        attempt = 1
        while True:
            try:
                return self._once(call)
            except Unauthorised:
                # With CX1 perhaps a replay: another process may have sent the same just now.
                if resigned or self.credential.scheme is not Scheme.HMAC:
                    raise
                resigned = True
                continue
            except RequestRefused as refusal:
                if refusal.problem != "key_in_progress" or attempt == call.attempts:
                    refusal.repeated = lost
                    raise
                asked = refusal.retry_after
            except (NotSent, ReplyLost, Overloaded) as problem:
                lost = lost or not isinstance(problem, NotSent)
                asked = problem.retry_after if isinstance(problem, Overloaded) else None
                if attempt == call.attempts or (asked is not None and asked > PATIENCE):
                    raise
            self._pause(attempt, asked)
            attempt += 1

    def idempotency_key(self, given: str | None) -> str:
        """
        Return *given*, or a fresh key if it is None.

        Raises:
            Unfit: No header can hold it.
        """
        if given is None:
            return self.entropy.token(KEY_BYTES).hex()
        demand("idempotency_key", given, str)
        if not _KEY.fullmatch(given):
            raise Unfit("not an idempotency key: 1 to 256 printable ASCII characters")
        return given

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
        headers += self.credential.shown(attempt)
        reply = self.line.send(
            call.method,
            uri,
            target=self.address.sent(call.path, call.query),
            headers=headers,
            body=call.body,
            within=self.timeout + call.longer,
        )
        if reply.status not in _SUCCESS:
            raise failure(reply, now)
        return reply

    def _pause(self, attempt: int, asked: timedelta | None) -> None:
        pause = PAUSES[min(attempt, len(PAUSES)) - 1]
        pause *= 0.5 + self.entropy.token(1)[0] / LUCK_SPAN
        self.sleep(pause if asked is None else max(pause, min(asked, PATIENCE).total_seconds()))
