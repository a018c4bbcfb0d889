"""A callback sender that answers by a script."""

from __future__ import annotations

import threading
from collections import deque
from typing import TypeAlias

import attrs

from counterseal.errors import CallbackUncallable
from counterseal.models import Delivery, DeliveryOutcome

Line: TypeAlias = int | DeliveryOutcome | Exception
"""A status, an outcome that says more, or what to raise."""

NO_CONTENT = 204


@attrs.frozen
class Attempt:
    """
    One attempt that was made.

    Attributes:
        outcome: None if the sender raised.
    """

    delivery: Delivery
    outcome: DeliveryOutcome | None

    @property
    def message(self) -> str:
        """The `webhook-id`, the same at every attempt of one callback."""
        return dict(self.delivery.headers)["webhook-id"]


class ScriptedSender:
    """
    Answers each attempt with the next line of its script.

    Attributes:
        attempts: What was attempted so far, in order.
        otherwise: The line that counts once the script is at its end.
        uncallable: The addresses that it refuses, each with the reason.
    """

    def __init__(self, *script: Line) -> None:
        self.attempts: list[Attempt] = []
        self.otherwise: Line = NO_CONTENT
        self.uncallable: dict[str, str] = {}
        self._script = deque(script)
        self._lock = threading.Lock()

    def script(self, *lines: Line) -> None:
        """Add lines to the script."""
        with self._lock:
            self._script.extend(lines)

    def require_callable(self, url: str) -> None:
        """
        Refuse the addresses that are `uncallable`.

        Raises:
            CallbackUncallable: It is one of them.
        """
        if url in self.uncallable:
            raise CallbackUncallable(self.uncallable[url])

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """
        Keep an attempt, and answer it.

        Raises:
            Exception: What the script says.
        """
        with self._lock:
            if delivery.url in self.uncallable:
                return DeliveryOutcome(status=None, final=True, may_have_arrived=False)
            line = self._script.popleft() if self._script else self.otherwise
            if isinstance(line, Exception):
                self.attempts.append(Attempt(delivery, None))
                raise line
            outcome = DeliveryOutcome(status=line) if isinstance(line, int) else line
            self.attempts.append(Attempt(delivery, outcome))
            return outcome
