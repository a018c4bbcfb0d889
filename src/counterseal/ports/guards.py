"""The guards: what has been seen, how often, and by whom it was begun."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from counterseal.models import Reservation


class ReplayGuard(Protocol):
    """Remembers what must not be accepted twice."""

    def first_seen(self, key: tuple[str, str, str], until: datetime) -> bool:
        """
        Tell whether *key* is new, and remember it.

        - REPLAY-1: True exactly once for a key until *until*, across threads and processes.
        - REPLAY-2: keys that differ in any part do not meet.

        Args:
            key: The scheme, the signer's GUID, and the id.
            until: From then on it may be forgotten.

        Raises:
            Unavailable: The guard did not answer; the caller refuses.
        """


class Counters(Protocol):
    """Counts acts before they are done."""

    def add(self, key: tuple[str, str], window: timedelta) -> int:
        """
        Count one more, and return how many there were in the last *window*, this one included.

        - COUNTERS-1: it may count too much, never too little,
          across threads and processes, and if the clock steps back.
        - COUNTERS-2: keys that differ in any part do not meet.
        - COUNTERS-3: after two windows without a call it begins anew, with 1.

        Raises:
            Unavailable: The counter did not answer; the caller refuses.
        """


class Idempotency(Protocol):
    """Reserves, for an idempotency key, the GUID of what the call will create."""

    def begin(self, reservation: Reservation, now: datetime) -> Reservation:
        """
        Reserve, or return the reservation that is in force.

        - IDEMPOTENCY-1: of concurrent calls with one scope and key, one gets its own back.
        - IDEMPOTENCY-2: a reservation in force with another fingerprint is returned unchanged.
        - IDEMPOTENCY-3: one that is unfinished and whose lease is over is taken over:
          the caller gets its own back, with the GUID of the older one.
        - IDEMPOTENCY-4: one that is past `until` counts as none.
        - IDEMPOTENCY-6: keys and scopes that differ do not meet.

        Raises:
            Unavailable: It did not answer; the caller refuses.
        """

    def finish(self, reservation: Reservation) -> None:
        """
        Mark the reservation as finished.

        - IDEMPOTENCY-5: afterwards `begin` returns it as finished, until it ends.

        Raises:
            Unavailable: It did not answer; a later call finds the record itself.
        """
