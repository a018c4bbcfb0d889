"""
Bulkhead: how many calls to Identity Providers run at once, and how the companies share them.

A call blocks its thread until the provider responds or the call times out.
Without a bound over all issuers, a few providers that hang would block all threads of a service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

import attrs

from counterseal.errors import IdentityUnavailable
from counterseal.models import Guid
from counterseal.slots import SlotCounts, gets_slot
from counterseal_http import Budget


class CallBudget(Budget):
    """
    The time of one call to a provider, which takes a slot the first time that `seconds` is called.

    All code that waits, for a response or for another thread's fetch, first calls `seconds`.
    So a call that finds everything in the caches takes no slot.
    """

    _take_slot: Callable[[], None]

    def __new__(cls, seconds: float, take_slot: Callable[[], None]) -> Self:
        """
        Start the time.

        Args:
            seconds: How long the call may take.
            take_slot: Takes the slot, unless the call already has one.
        """
        self = super().__new__(cls, seconds)
        self._take_slot = take_slot
        return self

    def seconds(self) -> float:
        """
        Return the remaining seconds, always more than zero.

        Raises:
            TimeoutError: No time remains.
            IdentityUnavailable: There is no slot for the call.
        """
        self._take_slot()
        return super().seconds()


class CallSlots:
    """
    The slots of running calls, by company and issuer; not to be shared by threads.

    Companies share them by `counterseal.slots.gets_slot`.
    The last slot of a company is reserved for an issuer without one.

    Args:
        total: The number of slots.
    """

    def __init__(self, total: int) -> None:
        if total < 1:
            raise ValueError("a bulkhead without a slot")
        self._slots = SlotCounts(total)

    def take(self, company: Guid, issuer: str) -> None:
        """
        Take a slot for a call of *company* at *issuer*.

        Raises:
            IdentityUnavailable: The free slots are reserved for other companies, or for other
                issuers of the company.
        """
        count, free = self._slots.count(company), self._slots.free
        leaves_another = gets_slot(count + 1, free - 1)
        is_first = not self._slots.count((company, issuer))
        if not gets_slot(count, free) or not (is_first or leaves_another):
            raise IdentityUnavailable("too many calls to providers run already")
        self._slots.take(company, (company, issuer))

    def release(self, company: Guid, issuer: str) -> None:
        """Release a slot that was taken for *company* and *issuer*."""
        self._slots.give_back(company, (company, issuer))


@attrs.frozen
class Bulkhead:
    """
    Limits how many calls run at once; may be shared by threads.

    Args:
        slots: The slots that the calls share.
    """

    _slots: CallSlots
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @contextmanager
    def call(self, company: Guid, issuer: str, seconds: float) -> Iterator[Budget]:
        """
        Limit a call of *company* at *issuer*: it has a slot from its first wait to its end.

        Args:
            company: The company that calls.
            issuer: The provider that is called.
            seconds: How long the call may take.

        Raises:
            IdentityUnavailable: There is no slot; the budget's `seconds` raises it.
        """
        with ExitStack() as slots:
            has_slot = False

            def take_slot() -> None:
                nonlocal has_slot
                if not has_slot:
                    slots.enter_context(self.slot(company, issuer))
                    has_slot = True

            yield CallBudget(seconds, take_slot)

    @contextmanager
    def slot(self, company: Guid, issuer: str) -> Iterator[None]:
        """
        Occupy a slot while a call of *company* at *issuer* runs.

        Raises:
            IdentityUnavailable: There is no slot for it.
        """
        with self._lock:
            self._slots.take(company, issuer)
        try:
            yield
        finally:
            with self._lock:
                self._slots.release(company, issuer)
