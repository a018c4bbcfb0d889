"""The world: time, luck, the audit log, and a bell for whoever waits inside."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from counterseal.models import AuditEvent, Guid


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """
        Return the time.

        - CLOCK-1: aware, in UTC.
        """


class Entropy(Protocol):
    """The only source of luck."""

    def token(self, size: int) -> bytes:
        """
        Return *size* random bytes.

        - ENTROPY-1: from a cryptographically secure generator.
        - ENTROPY-2: exactly *size* bytes.
        """


class Audit(Protocol):
    """An append-only log of refusals and telemetry; a commit's events travel inside it."""

    def record(self, event: AuditEvent) -> None:
        """
        Append *event*.

        - AUDIT-1: what was recorded is never changed, and never lost.
        - AUDIT-2: an event is in the log, whole, when the call returns.

        Raises:
            Unavailable: The log did not answer.
        """


class Wake(Protocol):
    """A hint for whoever waits; the store is the truth."""

    def ring(self, guid: Guid) -> None:
        """
        Wake those who wait for *guid*.

        - WAKE-1: it may be lost; it never blocks.

        Raises:
            Unavailable: It did not answer.
        """

    def wait(self, guid: Guid, timeout: timedelta) -> None:
        """
        Return when *guid* is rung, or after *timeout*, or for no reason.

        - WAKE-2: after *timeout* at the latest.

        Raises:
            Unavailable: It did not answer.
        """
