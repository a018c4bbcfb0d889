"""The Notifier: one request to FCM for each address, over pooled connections."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Any
from urllib.parse import quote

from counterseal.models import PushAddress, PushMessage, PushOutcome, PushResult
from counterseal.ports import Clock
from counterseal_fcm.credentials import AccessTokens, NoAccessToken, ServiceAccount
from counterseal_fcm.message import TARGETS, build_message, encode_message, fits
from counterseal_fcm.response import Fault, read_response
from counterseal_http import Authorities, Budget, Guard
from counterseal_http.fan_out import CONCURRENCY, DELIVERED, GONE, REJECTED, FanOutNotifier

FCM_URL = "https://fcm.googleapis.com"

RESPONSE_LIMIT = 16_384
"""Octets of a response that are read; FCM's have some hundred."""

TEXTS_LIMIT = 1_024
"""Accepted texts that are remembered; most of them are the defaults of an App Space."""


class FcmNotifier(FanOutNotifier):
    """
    Sends push messages to apps with Firebase's library.

    Args:
        account: The service account that sends, and its project.
        clock: The time.
        base_url: The URL of FCM.
        guard: Which URLs may be called; it has to allow FCM and the account's token endpoint.
        concurrency: How many requests run at the same time for one push message.
        tls: The authorities that FCM's certificate needs; by default the machine's.
    """

    def __init__(
        self,
        account: ServiceAccount,
        clock: Clock,
        *,
        base_url: str = FCM_URL,
        guard: Guard | None = None,
        concurrency: int = CONCURRENCY,
        tls: Authorities | None = None,
    ) -> None:
        super().__init__(
            frozenset(TARGETS),
            guard or Guard(),
            response_limit=RESPONSE_LIMIT,
            concurrency=concurrency,
            tls=tls,
        )
        self._clock = clock
        self._url = f"{base_url}/v1/projects/{quote(account.project, safe='')}/messages:send"
        self._tokens = AccessTokens(account.credentials, self._client, clock)
        self._accepted_texts = _AcceptedTexts(TEXTS_LIMIT)

    def require_sendable(self, address: PushAddress) -> None:
        """Refuse nothing: tokens and installation ids are opaque, and FCM names the bad ones."""

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Send one message to each of *addresses* (NOTIFIER-2 to NOTIFIER-7).

        Raises:
            NotifierUnavailable: The notifier is closed.
        """
        fcm_message = build_message(message, self._clock.now())
        is_accepted = fits(fcm_message)

        def attempt(address: PushAddress, budget: Budget) -> PushOutcome:
            return self._send(fcm_message, address, budget) if is_accepted else REJECTED

        return self._fan_out.send(addresses, attempt, message.timeout)

    def _send(
        self, fcm_message: dict[str, Any], address: PushAddress, budget: Budget
    ) -> PushOutcome:
        try:
            token = self._tokens.get(budget)
        except NoAccessToken as error:
            return error.outcome
        response = self._client.post(
            self._url,
            content=encode_message(fcm_message, address),
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            timeout=budget.seconds(),
        )
        texts = fcm_message["notification"]
        outcome = read_response(response, self._clock.now())
        if outcome is Fault.TOKEN:
            return self._tokens.discard(token)
        if outcome is Fault.TARGET or outcome.result is not PushResult.LATER:
            self._tokens.confirm(token)
        if outcome is Fault.TARGET:
            return GONE if texts in self._accepted_texts else REJECTED
        if outcome == DELIVERED:
            self._accepted_texts.add(texts)
        return outcome


class _AcceptedTexts:
    """
    The texts that FCM has accepted.

    Everything else in a message always has the same form. So if FCM calls a message malformed
    whose texts it has accepted before, the address is malformed. Otherwise the message may be,
    and then no address may be dropped.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._digests: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, texts: dict[str, str]) -> bool:
        return _digest(texts) in self._digests

    def add(self, texts: dict[str, str]) -> None:
        digest = _digest(texts)
        with self._lock:
            self._digests[digest] = None
            self._digests.move_to_end(digest)
            while len(self._digests) > self._limit:
                self._digests.popitem(last=False)


def _digest(texts: dict[str, str]) -> bytes:
    joined = f"{len(texts['title'])} {texts['title']}{texts['body']}"
    return hashlib.sha256(joined.encode("utf-8", "replace")).digest()
