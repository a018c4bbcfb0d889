"""The connection of a client to the service: how each attempt is sent, and when it is repeated."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypedDict

import attrs

from counterseal.memory import SystemClock, SystemEntropy
from counterseal.ports import Clock, Entropy
from counterseal_client.address import Address
from counterseal_client.errors import (
    NotSent,
    Overloaded,
    ReplyLost,
    RequestRefused,
    Unfit,
    demand,
)
from counterseal_client.problem import error_of
from counterseal_client.transport import Reply, Transport
from counterseal_client.waiting import HOLD
from counterseal_http import Authorities, Guard

TIMEOUT = timedelta(seconds=10)
CONNECTIONS = 32

OWN_SERVICE = Guard(allow_http=True, allow_private=True, ports=None)
"""The service's address comes from the operator: it may be private, but no cloud's metadata."""

ATTEMPTS = 3
PAUSES = (0.2, 0.8)
"""Seconds before the second and the third attempt, plus or minus half of them at random."""

PATIENCE = timedelta(seconds=5)
"""The longest `Retry-After` that the client waits for; a longer one is left to the program."""

KEY_PATIENCE = timedelta(seconds=45)
"""
How long a call waits in all for an earlier one with its idempotency key.

The process that ran it may have died: then the key is free after the policy's `idempotency_lease`,
half a minute by default.
"""

KEY_BYTES = 16
NONCE_BYTES = 16

ACCEPT = ("accept", "application/json, application/problem+json")

_KEY = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")
_SUCCESS = range(200, 300)


class ConnectionOptions(TypedDict, total=False):
    """What each client takes by keyword, as `Connection.open` describes it."""

    timeout: timedelta
    tls: Authorities | None
    allow_http: bool
    guard: Guard
    connections: int
    clock: Clock | None
    entropy: Entropy | None
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]


@attrs.frozen(kw_only=True)
class Connection:
    """
    A connection to one service; threads may share it.

    Attributes:
        timeout: The longest that one attempt may take.
        clock: The time for signatures.
        entropy: Makes idempotency keys and nonces, and randomises pauses.
        sleep: Waits for a number of seconds.
        monotonic: A monotonic clock, in seconds.
    """

    address: Address
    transport: Transport
    timeout: timedelta
    clock: Clock
    entropy: Entropy
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]

    @classmethod
    def open(
        cls,
        url: str,
        *,
        timeout: timedelta = TIMEOUT,
        tls: Authorities | None = None,
        allow_http: bool = False,
        guard: Guard = OWN_SERVICE,
        connections: int = CONNECTIONS,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Connection:
        """
        Return a connection to the service at *url*; nothing is sent yet.

        Args:
            url: The service's public address, equal to the service's own `public_url`.
            timeout: The longest that one attempt of a call may take, from the look-up of the name
                to the last octet of the reply; a call makes three attempts at most. A call that
                the service holds may take 25 seconds longer.
            tls: The authorities that the service's certificate needs; by default the machine's.
            allow_http: Whether plain `http` to another machine is allowed.
            guard: Which addresses the service may have.
            connections: How many requests run at once.
            clock: The time for signatures; by default the machine's.
            entropy: Makes idempotency keys and nonces; by default the machine's.
            sleep: Waits for a number of seconds.
            monotonic: A monotonic clock, in seconds.

        Raises:
            Unfit: An argument is of another type, or has a value that cannot work.
        """
        demand("timeout", timeout, timedelta)
        if timeout <= timedelta(0):
            raise Unfit("timeout: not more than 0")
        longest = timeout + timedelta(seconds=HOLD)
        return cls(
            address=Address.read(url, guard, allow_http=allow_http),
            transport=Transport(guard, longest=longest, connections=connections, tls=tls),
            timeout=timeout,
            clock=clock or SystemClock(),
            entropy=entropy or SystemEntropy(),
            sleep=sleep,
            monotonic=monotonic,
        )

    def send(
        self,
        method: str,
        uri: str,
        *,
        headers: list[tuple[str, str]],
        body: bytes = b"",
        hold: timedelta = timedelta(0),
    ) -> Reply:
        """
        Make one attempt, and return the reply of a success.

        Args:
            method: The HTTP method, in capitals.
            uri: The full URI, of the service's address.
            headers: The request's headers.
            body: The request's body; if it is empty, none is sent.
            hold: How long the service may hold the request; added to the timeout.

        Raises:
            RequestRefused: The service refuses; subclasses say why.
            Unavailable: The service was not reached, sent no reply, or cannot answer now.
        """
        reply = self.transport.send(
            method,
            uri,
            target=self.address.target(uri),
            headers=headers,
            body=body,
            within=self.timeout + hold,
        )
        if reply.status not in _SUCCESS:
            raise error_of(reply, self.clock.now())
        return reply

    def repeat(self, attempt: Callable[[], Reply], attempts: int = ATTEMPTS) -> Reply:
        """
        Return the reply to a call, in several attempts if necessary.

        Args:
            attempt: Makes one attempt. To repeat it is harmless: it only reads, it has an
                idempotency key, or a repetition changes nothing.
            attempts: The largest number of attempts, without those that had to wait for a call
                with the same idempotency key.

        Raises:
            RequestRefused: The service refuses; `repeated` says whether an earlier reply was lost.
            Unavailable: The last attempt got no reply, or the service cannot answer now.
        """
        reply_lost = False
        number = 1
        waited = timedelta(0)
        while True:
            try:
                return attempt()
            except RequestRefused as refusal:
                pause = _pause_after(number, refusal.retry_after, KEY_PATIENCE, self.entropy)
                waited += timedelta(seconds=pause)
                if refusal.problem != "key_in_progress" or waited > KEY_PATIENCE:
                    refusal.repeated = reply_lost
                    raise
            except (NotSent, ReplyLost, Overloaded) as problem:
                reply_lost = reply_lost or not isinstance(problem, NotSent)
                retry_after = problem.retry_after if isinstance(problem, Overloaded) else None
                is_too_long = retry_after is not None and retry_after > PATIENCE
                if number == attempts or is_too_long:
                    raise
                pause = _pause_after(number, retry_after, PATIENCE, self.entropy)
                number += 1
            self.sleep(pause)

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

    def nonce(self) -> str:
        """Return a random text that no other attempt has."""
        return self.entropy.token(NONCE_BYTES).hex()

    def close(self) -> None:
        """Refuse further requests; requests that run are completed."""
        self.transport.close()


def _pause_after(
    attempt: int, retry_after: timedelta | None, patience: timedelta, entropy: Entropy
) -> float:
    """Return the seconds to wait after an attempt that may be repeated."""
    pause = PAUSES[min(attempt, len(PAUSES)) - 1]
    pause *= 0.5 + entropy.token(1)[0] / 255
    if retry_after is not None:
        pause = max(pause, min(retry_after, patience).total_seconds())
    return pause
