"""
The smaller reference adapters, all in this process.

Clock and entropy of the operating system, signer and sealer with keys in memory, a wake for
threads and coroutines, and placeholders for the outside: they send nothing, and have no Identity
Provider.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeAlias

from counterseal import keys
from counterseal.errors import AttestationRefused, IdentityUnavailable, SignerUnavailable
from counterseal.keys import Aead, PrivateKey, b64url
from counterseal.models import (
    AddressKind,
    Algorithm,
    Delivery,
    DeliveryOutcome,
    Guid,
    PublicKey,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.ports import Entropy

NO_CONTENT = 204

_Waiter: TypeAlias = "threading.Event | asyncio.Future[None]"


class SilentNotifier:
    """Sends nothing; devices ask for themselves."""

    def kinds(self) -> frozenset[AddressKind]:
        """Return no kind: nothing is sent."""
        return frozenset()

    def require_sendable(self, address: PushAddress) -> None:
        """Refuse nothing: it has no kinds, so nobody asks."""

    def push(
        self,
        addresses: tuple[PushAddress, ...],
        message: PushMessage,  # noqa: ARG002 (the port's)
    ) -> tuple[PushOutcome, ...]:
        """Do nothing, and say so."""
        return (PushOutcome(result=PushResult.MISCONFIGURED),) * len(addresses)


class NoIdentityProvider:
    """
    The Identity Provider port of a service without one.

    Raises:
        IdentityUnavailable: Every method, always.
    """

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise IdentityUnavailable

    authorization_url = exchange = revalidate = read_logout = revoke_grant = _refuse


class NoAttestationVerifier:
    """
    The AttestationVerifier port of a service that registers no passkeys of browsers.

    Raises:
        AttestationRefused: Both methods, always.
    """

    def conveyance(self) -> NoReturn:
        """Refuse, before a browser makes a passkey for nothing."""
        raise AttestationRefused("this service registers no passkeys of browsers")

    def verify(self, *_: object, **__: object) -> NoReturn:
        """Refuse a registration."""
        raise AttestationRefused


class CollectingSender:
    """Collects each delivery in `deliveries`, in order, and reports it as accepted."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self._lock = threading.Lock()

    def require_callable(self, url: str) -> None:
        """Accept every address."""

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """Collect *delivery*."""
        with self._lock:
            self.deliveries.append(delivery)
        return DeliveryOutcome(status=NO_CONTENT)


KID_BYTES = 16


class MemorySigner:
    """Signing keys of *algorithm*, the newest first; their ids come from *entropy*."""

    def __init__(self, algorithm: Algorithm, entropy: Entropy) -> None:
        self._algorithm = algorithm
        self._entropy = entropy
        self._lock = threading.Lock()
        self._keys: dict[str, PrivateKey] = {}
        self._public: tuple[PublicKey, ...] = ()
        self.rotate()

    def jwks(self) -> tuple[PublicKey, ...]:
        """Return the public keys; the first one signs."""
        return self._public

    def sign(self, kid: str, data: bytes) -> bytes:
        """Sign *data* with the key *kid*; raises SignerUnavailable if there is no such key."""
        key = self._keys.get(kid)
        if key is None:
            raise SignerUnavailable
        return key.sign(data)

    def rotate(self) -> None:
        """Generate a new key, which signs from now on; the old keys stay valid."""
        key = keys.generate(self._algorithm, kid=b64url(self._entropy.token(KID_BYTES)))
        with self._lock:
            self._keys[key.public.kid] = key
            self._public = (key.public, *self._public)


class MemorySealer:
    """AES-256-GCM under one key of 32 bytes; *entropy* gives the nonces."""

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        self._aead = Aead(key, entropy.token)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt *plain* for *context*."""
        return self._aead.seal(plain, context)

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal` returned; raises SealBroken for another context or changed bytes."""
        return self._aead.open(sealed, context)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        return datetime.now(UTC)


class SystemEntropy:
    """The operating system's generator."""

    def token(self, size: int) -> bytes:
        """Return *size* random bytes."""
        return os.urandom(size)


class MemoryWake:
    """Wakes the threads and the coroutines of this process."""

    def __init__(self) -> None:
        self._waiting: dict[Guid, set[_Waiter]] = defaultdict(set)
        self._lock = threading.Lock()

    def notify(self, guid: Guid) -> None:
        """Wake those who wait for *guid*."""
        with self._lock:
            waiters = self._waiting.pop(guid, set())
        _wake(waiters)

    def notify_all(self) -> None:
        """Wake all who wait, for an adapter that may have missed notifications."""
        with self._lock:
            waiters = set().union(*self._waiting.values())
            self._waiting.clear()
        _wake(waiters)

    def wait(self, guid: Guid, timeout: timedelta) -> None:
        """Return when *guid* is notified, or after *timeout*."""
        event = threading.Event()
        with self._registered(guid, event):
            event.wait(timeout.total_seconds())

    async def wait_async(self, guid: Guid, timeout: timedelta) -> None:
        """Return when *guid* is notified, or after *timeout*."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._registered(guid, future):
            timer = loop.call_later(timeout.total_seconds(), _finish, [future])
            try:
                await future
            finally:
                timer.cancel()

    @contextmanager
    def _registered(self, guid: Guid, waiter: _Waiter) -> Iterator[None]:
        with self._lock:
            self._waiting[guid].add(waiter)
        try:
            yield
        finally:
            with self._lock:
                waiters = self._waiting.get(guid)
                if waiters is not None:
                    waiters.discard(waiter)
                    if not waiters:
                        del self._waiting[guid]


def _wake(waiters: Iterable[_Waiter]) -> None:
    futures: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = defaultdict(list)
    for waiter in waiters:
        if isinstance(waiter, threading.Event):
            waiter.set()
        else:
            futures[waiter.get_loop()].append(waiter)
    for loop, those_of_loop in futures.items():
        # A loop that was closed has no coroutine left to wake.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_finish, those_of_loop)


def _finish(futures: Iterable[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
