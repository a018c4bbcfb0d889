"""The Notifier: one request to FCM for each address, over pooled connections."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections import OrderedDict
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from counterseal.models import AddressKind, PushAddress, PushMessage, PushOutcome, PushResult
from counterseal.ports import Clock
from counterseal_fcm.account import ServiceAccount
from counterseal_fcm.answer import DELIVERED, GONE, REJECTED, Fault, read_answer
from counterseal_fcm.message import TARGETS, body, build_message, fits
from counterseal_fcm.tokens import NoToken, Tokens
from counterseal_http import Budget, Guard, Rounds, guarded_client
from counterseal_http.rounds import AT_ONCE

FCM_URL = "https://fcm.googleapis.com"

ANSWER_LIMIT = 16_384
"""Octets of an answer that are read; FCM's have some hundred."""

TEXTS_KNOWN = 1_024
"""Texts that FCM took, of which it is remembered; most are one App Space's defaults."""


class FcmNotifier:
    """
    Sends to apps that have Firebase in them.

    Args:
        account: Who sends, for which project.
        clock: The time.
        base_url: Where FCM is.
        guard: What may be called; FCM and the account's token endpoint have to be in it.
        at_once: How many requests run at once for one push.
        tls: How FCM proves who it is; the machine's authorities if none is given.
    """

    def __init__(
        self,
        account: ServiceAccount,
        clock: Clock,
        *,
        base_url: str = FCM_URL,
        guard: Guard | None = None,
        at_once: int = AT_ONCE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._url = f"{base_url}/v1/projects/{quote(account.project, safe='')}/messages:send"
        self._client = guarded_client(
            guard or Guard(), response_limit=ANSWER_LIMIT, connections=2 * at_once, tls=tls
        )
        self._tokens = Tokens(account.credentials, self._client, clock)
        self._rounds = Rounds(frozenset(TARGETS), at_once=at_once)
        self._known = _Known(TEXTS_KNOWN)

    def kinds(self) -> frozenset[AddressKind]:
        """Return both of FCM's."""
        return self._rounds.kinds

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Send one message to each of *addresses* (NOTIFIER-2 to NOTIFIER-7).

        Raises:
            NotifierUnavailable: The notifier is closed.
        """
        made = build_message(message, self._clock.now())
        good = fits(made)

        def attempt(address: PushAddress, left: Budget) -> PushOutcome:
            return self._send(made, address, left) if good else REJECTED

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

    def _send(self, made: dict[str, Any], address: PushAddress, left: Budget) -> PushOutcome:
        try:
            token = self._tokens.bearer(left)
        except NoToken as error:
            return error.outcome
        response = self._client.post(
            self._url,
            content=body(made, address),
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            timeout=left.seconds(),
        )
        read = read_answer(response, self._clock.now())
        if read is Fault.TOKEN:
            return self._tokens.refused(token)
        if read is Fault.TARGET or read.result is not PushResult.LATER:
            self._tokens.accepted(token)
        if read is Fault.TARGET:
            return GONE if made["notification"] in self._known else REJECTED
        if read == DELIVERED:
            self._known.add(made["notification"])
        return read


class _Known:
    """
    The texts that FCM took before.

    All else of a message has one form for ever: where FCM finds fault with one whose texts it
    took before, the fault is in the address; else it may be ours, and forgetting everybody's
    address would be the worst that could come of it.
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
