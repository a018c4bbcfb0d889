"""The Notifier: one encrypted message to each subscription, at whatever push service."""

from __future__ import annotations

import json
import ssl
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import attrs
import httpx2

from counterseal.models import AddressKind, PushAddress, PushMessage, PushOutcome, PushResult
from counterseal.ports import Clock, Entropy
from counterseal.wire.messages import push_data
from counterseal_http import Budget, Guard, Rounds, asked_to_wait, guarded_client
from counterseal_http.rounds import AT_ONCE, MISCONFIGURED
from counterseal_webpush.encryption import PLAIN_LIMIT, SALT_BYTES, SCALAR_BYTES, encrypted
from counterseal_webpush.subscription import Unusable, read_subscription
from counterseal_webpush.vapid import Vapid

ANSWER_LIMIT = 16_384
"""Octets of an answer that are read; nothing in it counts."""

LONGEST_LIFE = timedelta(weeks=4)
"""Push services keep nothing longer (RFC 8030, 5.2: they may shorten it)."""

PADDED_TO = 256
"""Messages are of so many octets, or of a multiple: else their length might tell who asks."""

DELIVERED = PushOutcome(result=PushResult.DELIVERED)
GONE = PushOutcome(result=PushResult.GONE)
REJECTED = PushOutcome(result=PushResult.REJECTED)

_SUCCESS = range(200, 300)
_OURS = 500


class WebPushNotifier:
    """
    Sends to browsers, and to apps that have UnifiedPush.

    Devices write the addresses, so that the guard judges each of them.

    Args:
        vapid: Who pushes.
        clock: The time.
        entropy: Luck for the key of each message.
        guard: What may be called; a push service of one's own, inside, has to be in it.
        at_once: How many requests run at once for one push.
        tls: How push services prove who they are; the machine's authorities if none is given.
    """

    def __init__(
        self,
        vapid: Vapid,
        clock: Clock,
        entropy: Entropy,
        *,
        guard: Guard | None = None,
        at_once: int = AT_ONCE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._vapid = vapid
        self._clock = clock
        self._entropy = entropy
        self._guard = guard or Guard()
        self._client = guarded_client(
            self._guard, response_limit=ANSWER_LIMIT, connections=2 * at_once, tls=tls
        )
        self._rounds = Rounds(frozenset({AddressKind.WEBPUSH}), at_once=at_once)

    def kinds(self) -> frozenset[AddressKind]:
        """Return the one that it knows."""
        return self._rounds.kinds

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Send one message to each of *addresses* (NOTIFIER-2 to NOTIFIER-7).

        Raises:
            NotifierUnavailable: The notifier is closed.
        """
        encoded = _message(message)

        def attempt(address: PushAddress, left: Budget) -> PushOutcome:
            return self._send(encoded, address, left)

        return self._rounds.make(addresses, attempt, message.timeout)

    def close(self) -> None:
        """Send nothing from now on, and return when what runs is over."""
        self._rounds.close()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, message: _Message, address: PushAddress, left: Budget) -> PushOutcome:
        if len(message.plain) > PLAIN_LIMIT:
            return REJECTED
        try:
            subscription = read_subscription(address.value)
            body = encrypted(
                message.plain,
                subscription,
                salt=self._entropy.token(SALT_BYTES),
                scalar=self._entropy.token(SCALAR_BYTES),
                size=message.size,
            )
        except Unusable:
            return GONE
        target = self._guard.target(subscription.endpoint)
        now = self._clock.now()
        response = self._client.post(
            target.url,
            content=body,
            headers={
                **message.headers,
                "authorization": self._vapid.authorization(target.origin, now),
            },
            timeout=left.seconds(),
            # As it was written: httpx2 would write some paths in another way.
            extensions={"target": target.path.encode("ascii")},
        )
        return _outcome(response, now)


@attrs.frozen
class _Message:
    plain: bytes = attrs.field(repr=False)
    size: int
    headers: dict[str, str]


def _message(message: PushMessage) -> _Message:
    said = {"title": message.title, "body": message.body, "data": push_data(message)}
    plain = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    life = max(timedelta(0), min(message.life, LONGEST_LIFE))
    return _Message(
        plain=plain,
        size=min(-(-len(plain) // PADDED_TO) * PADDED_TO, PLAIN_LIMIT),
        headers={
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(int(life.total_seconds())),
            # RFC 8030, 5.4: 32 characters at most, which a GUID without hyphens has.
            "topic": message.guid.replace("-", ""),
            "urgency": "high" if message.urgent else "normal",
        },
    )


def _outcome(response: httpx2.Response, now: datetime) -> PushOutcome:
    match response.status_code:
        case status if status in _SUCCESS:
            return DELIVERED
        case 404 | 410:  # RFC 8030, 7.3
            return GONE
        case 408 | 429:  # RFC 8030, 8.4
            return PushOutcome(result=PushResult.LATER, after=asked_to_wait(response.headers, now))
        case status if status >= _OURS:
            return PushOutcome(result=PushResult.LATER, after=asked_to_wait(response.headers, now))
        case 400 | 413 | 415:
            return REJECTED
    # RFC 8292, 4.2: the subscription was made with another key, or ours is not taken.
    return MISCONFIGURED
