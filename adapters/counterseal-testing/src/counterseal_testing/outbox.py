"""A notifier that keeps what it is asked to push."""

from __future__ import annotations

import threading

import attrs

from counterseal.errors import InvalidField, NotifierUnavailable
from counterseal.models import AddressKind, Guid, PushAddress, PushMessage, PushOutcome, PushResult


@attrs.frozen
class Push:
    """One push, as it would have gone out."""

    addresses: tuple[PushAddress, ...]
    message: PushMessage


class OutboxNotifier:
    """
    Collects pushes, and fails as push services do when it is set to.

    Args:
        kinds: Of the addresses that it pushes to; all if none are given.

    Attributes:
        pushes: What was delivered so far, in order.
        failing: Whether to refuse service.
        duplicating: Whether to deliver everything twice.
        dead: Addresses that are gone.
        malformed: Addresses that it refuses, and that are gone.
        outcomes: What to say of other addresses at which nothing is to be delivered.
    """

    def __init__(self, *kinds: AddressKind) -> None:
        self.pushes: list[Push] = []
        self.failing = False
        self.duplicating = False
        self.dead: set[PushAddress] = set()
        self.malformed: set[PushAddress] = set()
        self.outcomes: dict[PushAddress, PushOutcome] = {}
        self._kinds = frozenset(kinds or AddressKind)
        self._lock = threading.Lock()

    def kinds(self) -> frozenset[AddressKind]:
        """Return those that it was made with."""
        return self._kinds

    def require_sendable(self, address: PushAddress) -> None:
        """
        Refuse what is in `malformed`.

        Raises:
            InvalidField: It is.
        """
        if address in self.malformed:
            raise InvalidField("value", "malformed")

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Keep a push.

        Raises:
            NotifierUnavailable: It is `failing`.
        """
        if self.failing:
            raise NotifierUnavailable
        outcomes = tuple(self._outcome(address) for address in addresses)
        delivered = tuple(
            address
            for address, outcome in zip(addresses, outcomes, strict=True)
            if outcome.result is PushResult.DELIVERED
        )
        if delivered:
            with self._lock:
                self.pushes += [Push(delivered, message)] * (2 if self.duplicating else 1)
        return outcomes

    def pushes_for(self, subject: Guid) -> tuple[Push, ...]:
        """Return the pushes about *subject*."""
        return tuple(push for push in self.pushes if push.message.subject == subject)

    def _outcome(self, address: PushAddress) -> PushOutcome:
        if address.kind not in self._kinds:
            return PushOutcome(result=PushResult.MISCONFIGURED)
        if address in self.dead | self.malformed:
            return PushOutcome(result=PushResult.GONE)
        return self.outcomes.get(address, PushOutcome(result=PushResult.DELIVERED))
