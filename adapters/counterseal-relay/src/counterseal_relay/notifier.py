"""The Notifier: one signed request to the relay for all addresses of a push."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx2

from counterseal.errors import NotifierUnavailable
from counterseal.models import AddressKind, PushAddress, PushMessage, PushOutcome, PushResult
from counterseal.ports import Clock
from counterseal.wire.webhook import webhook_headers
from counterseal_http import Forbidden, Guard, asked_to_wait, guarded_client
from counterseal_http.rounds import AT_ONCE, LATER, MISCONFIGURED, outcome_of_failure
from counterseal_relay.payload import FRAMEWORKS, payload, split

ANSWER_LIMIT = 65_536
"""Octets of an answer that are read; it may list what is gone."""

DELIVERED = PushOutcome(result=PushResult.DELIVERED)
GONE = PushOutcome(result=PushResult.GONE)
REJECTED = PushOutcome(result=PushResult.REJECTED)

_SUCCESS = range(200, 300)
_OURS = 500

_log = logging.getLogger("counterseal_relay")


class RelayNotifier:
    """
    Hands each push to a service of the operator's, which knows how to deliver it.

    Args:
        url: Where the relay takes them.
        secrets: What requests are signed with, each; two while they change.
        clock: The time.
        kinds: Of the addresses that the relay takes.
        guard: What may be called; a relay inside one's own network has to be in it.
        at_once: How many requests run at once.
        tls: How the relay proves who it is; the machine's authorities if none is given.
    """

    def __init__(
        self,
        url: str,
        secrets: Iterable[bytes],
        clock: Clock,
        *,
        kinds: Iterable[AddressKind] = (AddressKind.RELAY,),
        guard: Guard | None = None,
        at_once: int = AT_ONCE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard or Guard()
        self._url = url
        self._secrets = tuple(secrets)
        if not self._secrets:
            raise ValueError("a relay without a secret could not tell us from anybody")
        self._clock = clock
        self._kinds = frozenset(kinds) & frozenset({AddressKind.RELAY, *FRAMEWORKS})
        self._client = guarded_client(
            self._guard, response_limit=ANSWER_LIMIT, connections=at_once, tls=tls
        )
        self._closed = False

    def kinds(self) -> frozenset[AddressKind]:
        """Return those that it was made with."""
        return self._kinds

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Hand one push on, for all of *addresses* that it takes (NOTIFIER-2 to NOTIFIER-7).

        Raises:
            NotifierUnavailable: The notifier is closed.
        """
        if self._closed:
            raise NotifierUnavailable
        taken = dict.fromkeys(address for address in addresses if address.kind in self._kinds)
        outcomes = self._handed(tuple(taken), message) if taken else {}
        return tuple(outcomes.get(address, MISCONFIGURED) for address in addresses)

    def close(self) -> None:
        """Hand nothing on from now on; requests that run come to their own end."""
        self._closed = True
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

    def _handed(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> dict[PushAddress, PushOutcome]:
        body = payload(addresses, message)
        now = self._clock.now()
        try:
            target = self._guard.target(self._url)
            response = self._client.post(
                target.url,
                content=body,
                headers=webhook_headers(self._secrets, message=message.guid, at=now, body=body),
                timeout=message.timeout.total_seconds(),
                extensions={"target": target.path.encode("ascii")},
            )
        except httpx2.TransportError as error:
            # The kind only: the relay's address may be a secret.
            reason = str(error) if isinstance(error, Forbidden) else type(error).__name__
            _log.warning("the relay was not reached: %s", reason)
            return dict.fromkeys(addresses, outcome_of_failure(error))
        except Exception as error:  # noqa: BLE001 (ALL-1; whatever it is, it is tried again)
            _log.warning("the relay was not reached: %s", type(error).__name__)
            return dict.fromkeys(addresses, LATER)
        outcome = _outcome(response, now)
        if outcome is not DELIVERED:
            _log.warning("the relay answers %d", response.status_code)
            return dict.fromkeys(addresses, outcome)
        gone = _gone(response.content)
        return {each: GONE if split(each) in gone else DELIVERED for each in addresses}


def _outcome(response: httpx2.Response, now: datetime) -> PushOutcome:
    match response.status_code:
        case status if status in _SUCCESS:
            return DELIVERED
        case status if status >= _OURS or status in {408, 429}:
            asked = asked_to_wait(response.headers, now)
            return LATER if asked is None else PushOutcome(result=PushResult.LATER, after=asked)
        case 400 | 413 | 415 | 422:
            return REJECTED
    return MISCONFIGURED


def _gone(content: bytes) -> frozenset[tuple[str, str]]:
    """Read which ids are gone, in the form of `notificationMetaData`; most relays say nothing."""
    try:
        members: Any = json.loads(content)
    except (ValueError, RecursionError):
        return frozenset()
    groups = members.get("gone") if isinstance(members, dict) else None
    return frozenset(
        (str(group.get("framework")), name)
        for group in (groups if isinstance(groups, list) else ())
        if isinstance(group, dict) and isinstance(group.get("ids"), list)
        for name in group["ids"]
        if isinstance(name, str)
    )
