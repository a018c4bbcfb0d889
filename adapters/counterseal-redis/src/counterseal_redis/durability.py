"""
How sure a write has to be before it is told.

A level that is not reached in time is told as `Indeterminate`, or as `Unavailable` where nothing
was decided; to ask again is safe, and waits again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

import attrs

PATIENCE = timedelta(seconds=2)

_MILLISECOND = timedelta(milliseconds=1)

Command: TypeAlias = tuple[str | int | bytes, ...]


@attrs.frozen(kw_only=True)
class Durability:
    """
    One level; `NONE`, `fsync` and `replicated` make them.

    Attributes:
        confirm: What is sent after a write, on its connection; empty for nothing.
        enough: What it has to answer, at least.
    """

    confirm: Command = ()
    enough: int = 0

    def reached(self, answer: object) -> bool:
        """Tell whether *answer*, to `confirm`, is enough."""
        first = answer[0] if isinstance(answer, list) and answer else answer
        return isinstance(first, int) and first >= self.enough


NONE = Durability()
"""What the server has said is believed; its own settings say what a crash can lose."""


def fsync(*, patience: timedelta = PATIENCE) -> Durability:
    """
    Wait until the server has it on its disk; from Redis 7.2 on, with `appendonly yes`.

    With `appendfsync always` that is soon; with `everysec` it is up to a second later.

    Args:
        patience: How long, at most; less than the client's own timeout.
    """
    return Durability(confirm=("WAITAOF", 1, 0, patience // _MILLISECOND), enough=1)


def replicated(replicas: int = 1, *, patience: timedelta = PATIENCE) -> Durability:
    """
    Wait until replicas have it in their memory.

    Args:
        replicas: How many: every one that may be promoted, or a promotion may lose what was told.
        patience: How long, at most; less than the client's own timeout.
    """
    return Durability(confirm=("WAIT", replicas, patience // _MILLISECOND), enough=replicas)
