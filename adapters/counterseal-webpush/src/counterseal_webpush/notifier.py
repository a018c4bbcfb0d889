"""The Notifier: one encrypted message to each subscription, at any push service."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

import attrs
import httpx2

from counterseal.challenges.documents.messages import push_data
from counterseal.errors import InvalidField
from counterseal.models import AddressKind, PushAddress, PushMessage, PushOutcome
from counterseal.ports import Clock, Entropy
from counterseal_http import Authorities, Budget, Guard
from counterseal_http.fan_out import (
    CONCURRENCY,
    GONE,
    REJECTED,
    FanOutNotifier,
    outcome_of_response,
)
from counterseal_webpush.encryption import (
    PLAIN_LIMIT,
    SALT_BYTES,
    SCALAR_BYTES,
    encrypt,
    read_point,
)
from counterseal_webpush.subscription import read_subscription
from counterseal_webpush.vapid import Vapid

RESPONSE_LIMIT = 16_384
"""Octets of a response that are read; the body does not matter."""

MAX_LIFE = timedelta(weeks=4)
"""Push services store messages no longer (RFC 8030, 5.2: they may shorten it)."""

PADDING_UNIT = 256
"""Messages are padded to a multiple of it; their length might show which origin asks."""

_log = logging.getLogger("counterseal_webpush")

_UNSUBSCRIBED = frozenset({404, 410})
"""RFC 8030, 7.3."""
_REJECTED = frozenset({400, 413, 415})


class WebPushNotifier(FanOutNotifier):
    """
    Sends push messages to browsers and to apps with UnifiedPush.

    Devices choose the URLs, so the guard checks each of them.

    Args:
        vapid: Identifies the sender to push services.
        clock: The time.
        entropy: Makes the key and salt of each message.
        guard: Which URLs may be called; it has to allow a push service in the own network.
        concurrency: How many requests run at the same time for one push message.
        tls: The authorities that push services' certificates need; by default the machine's.
    """

    def __init__(
        self,
        vapid: Vapid,
        clock: Clock,
        entropy: Entropy,
        *,
        guard: Guard | None = None,
        concurrency: int = CONCURRENCY,
        tls: Authorities | None = None,
    ) -> None:
        self._vapid = vapid
        self._clock = clock
        self._entropy = entropy
        self._guard = guard or Guard()
        super().__init__(
            frozenset({AddressKind.WEBPUSH}),
            self._guard,
            response_limit=RESPONSE_LIMIT,
            concurrency=concurrency,
            tls=tls,
        )

    def require_sendable(self, address: PushAddress) -> None:
        """
        Refuse what is no subscription (NOTIFIER-8, NOTIFIER-9).

        The guard decides at the push whether the endpoint may be called: by plain `http`, at a
        port, or at a private address.

        Raises:
            InvalidField: *address* is malformed, or its key is not a point of P-256.
        """
        read_point(read_subscription(address.value))

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Send one message to each of *addresses* (NOTIFIER-2 to NOTIFIER-7).

        Raises:
            NotifierUnavailable: The notifier is closed.
        """
        encoded = _message(message)

        def attempt(address: PushAddress, budget: Budget) -> PushOutcome:
            return self._send(encoded, address, budget)

        return self._fan_out.send(addresses, attempt, message.timeout)

    def _send(self, message: _Message, address: PushAddress, budget: Budget) -> PushOutcome:
        if len(message.plain) > PLAIN_LIMIT:
            return REJECTED
        try:
            subscription = read_subscription(address.value)
            body = encrypt(
                message.plain,
                subscription,
                salt=self._entropy.token(SALT_BYTES),
                scalar=self._entropy.token(SCALAR_BYTES),
                size=message.size,
            )
        except InvalidField as error:
            # Once: the core takes the address off its device.
            _log.warning("a subscription is forgotten: %s", error)
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
            timeout=budget.seconds(),
            # Unchanged: httpx2 would encode some paths differently.
            extensions={"target": target.path.encode("ascii")},
        )
        return _outcome(response, now)


@attrs.frozen
class _Message:
    plain: bytes = attrs.field(repr=False)
    size: int
    headers: dict[str, str]


def _message(message: PushMessage) -> _Message:
    members = {"title": message.title, "body": message.body, "data": push_data(message)}
    plain = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )
    life = max(timedelta(0), min(message.life, MAX_LIFE))
    return _Message(
        plain=plain,
        size=min(-(-len(plain) // PADDING_UNIT) * PADDING_UNIT, PLAIN_LIMIT),
        headers={
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(int(life.total_seconds())),
            # RFC 8030, 5.4: 32 characters at most, which a GUID without hyphens has.
            "topic": message.collapse_key.replace("-", ""),
            "urgency": "high" if message.urgent else "normal",
        },
    )


def _outcome(response: httpx2.Response, now: datetime) -> PushOutcome:
    if response.status_code in _UNSUBSCRIBED:
        return GONE
    # RFC 8292, 4.2: another 4xx, as the subscription is for another VAPID key, or ours is refused.
    return outcome_of_response(response, now, rejected=_REJECTED)
