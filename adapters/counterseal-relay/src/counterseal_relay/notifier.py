"""The Notifier: one signed request to the relay for all addresses of a push message."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any, Self

import httpx2

from counterseal.errors import InvalidField, NotifierUnavailable
from counterseal.models import AddressKind, PushAddress, PushMessage, PushOutcome
from counterseal.outbox.documents import webhook_headers
from counterseal.ports import Clock
from counterseal_http import (
    Authorities,
    Guard,
    describe_failure,
    guarded_client,
)
from counterseal_http.fan_out import (
    CONCURRENCY,
    DELIVERED,
    GONE,
    LATER,
    MISCONFIGURED,
    outcome_of_failure,
    outcome_of_response,
)
from counterseal_relay.payload import (
    FRAMEWORKS,
    encode_payload,
    framework_and_id,
    require_complete,
)

RESPONSE_LIMIT = 65_536
"""Octets of a response that are read; it may list addresses that are gone."""

_REJECTED = frozenset({400, 413, 415, 422})

_log = logging.getLogger("counterseal_relay")


class RelayNotifier:
    """
    Sends push messages to a service of the operator, which delivers them.

    Args:
        url: The URL of the relay.
        secrets: Each request is signed with all of them; two while they change.
        clock: The time.
        kinds: The kinds of addresses that the relay accepts.
        guard: Which URLs may be called; it has to allow a relay in the own network.
        concurrency: How many requests run at the same time.
        tls: The authorities that the relay's certificate needs; by default the machine's.
    """

    def __init__(
        self,
        url: str,
        secrets: Iterable[bytes],
        clock: Clock,
        *,
        kinds: Iterable[AddressKind] = (AddressKind.RELAY,),
        guard: Guard | None = None,
        concurrency: int = CONCURRENCY,
        tls: Authorities | None = None,
    ) -> None:
        self._guard = guard or Guard()
        self._url = url
        self._secrets = tuple(secrets)
        if not self._secrets:
            raise ValueError("no secret: the relay could not verify requests")
        self._clock = clock
        self._kinds = frozenset(kinds) & frozenset({AddressKind.RELAY, *FRAMEWORKS})
        self._client = guarded_client(
            self._guard, response_limit=RESPONSE_LIMIT, connections=concurrency, tls=tls
        )
        self._closed = False

    def kinds(self) -> frozenset[AddressKind]:
        """Return the kinds that the relay accepts."""
        return self._kinds

    def require_sendable(self, address: PushAddress) -> None:
        """
        Refuse a `relay` address that lacks a part (NOTIFIER-8, NOTIFIER-9).

        Raises:
            InvalidField: *address* is one.
        """
        require_complete(address)

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Send one message for all of *addresses* that the relay accepts (NOTIFIER-2 to NOTIFIER-7).

        Raises:
            NotifierUnavailable: The notifier is closed.
        """
        if self._closed:
            raise NotifierUnavailable
        outcomes = dict.fromkeys(addresses, MISCONFIGURED)
        complete = []
        for address in outcomes:
            if address.kind not in self._kinds:
                continue
            try:
                require_complete(address)
            except InvalidField as error:
                # Once: the core takes the address off its device.
                _log.warning("an address is forgotten: %s", error)
                outcomes[address] = GONE
            else:
                complete.append(address)
        if complete:
            outcomes |= self._send(tuple(complete), message)
        return tuple(outcomes[address] for address in addresses)

    def close(self) -> None:
        """Refuse further calls; requests that run are completed."""
        self._closed = True
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> dict[PushAddress, PushOutcome]:
        body = encode_payload(addresses, message)
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
            # The kind only: the URL of the relay may be a secret.
            _log.warning("the relay was not reached: %s", describe_failure(error))
            return dict.fromkeys(addresses, outcome_of_failure(error))
        except Exception as error:  # noqa: BLE001 (ALL-1; each failure is retried)
            _log.warning("the relay was not reached: %s", type(error).__name__)
            return dict.fromkeys(addresses, LATER)
        outcome = outcome_of_response(response, now, rejected=_REJECTED)
        if outcome is not DELIVERED:
            _log.warning("the relay responds with status %d", response.status_code)
            return dict.fromkeys(addresses, outcome)
        dropped = _dropped_addresses(response.content)
        return {
            address: GONE if framework_and_id(address) in dropped else DELIVERED
            for address in addresses
        }


def _dropped_addresses(content: bytes) -> frozenset[tuple[str, str]]:
    """Read the member `gone`, in the form of `notificationMetaData`; it is optional."""
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
