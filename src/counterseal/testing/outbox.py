"""A notifier that keeps what it is asked to push."""

from __future__ import annotations

import threading

import attrs

from counterseal.errors import NotifierUnavailable
from counterseal.models import Bell, Guid, PushAddress, PushOutcome


@attrs.frozen
class Push:
    """One push, as it would have gone out."""

    addresses: tuple[PushAddress, ...]
    bell: Bell


class OutboxNotifier:
    """
    Collects pushes, and fails as push services do, if it is told to.

    Attributes:
        pushes: What was delivered so far, in order.
        failing: Whether to refuse service.
        duplicating: Whether to deliver everything twice.
        dead: Addresses to name as dead.
    """

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.failing = False
        self.duplicating = False
        self.dead: set[PushAddress] = set()
        self._lock = threading.Lock()

    def push(self, addresses: tuple[PushAddress, ...], bell: Bell) -> PushOutcome:
        """
        Keep a push.

        Raises:
            NotifierUnavailable: It is `failing`.
        """
        if self.failing:
            raise NotifierUnavailable
        living = tuple(address for address in addresses if address not in self.dead)
        with self._lock:
            self.pushes += [Push(living, bell)] * (2 if self.duplicating else 1)
        return PushOutcome(dead=tuple(address for address in addresses if address in self.dead))

    def rung_for(self, challenge: Guid) -> tuple[Push, ...]:
        """Return the pushes that *challenge* caused."""
        return tuple(push for push in self.pushes if push.bell.challenge == challenge)
