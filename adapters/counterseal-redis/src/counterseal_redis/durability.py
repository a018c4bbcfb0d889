"""
How durable a write must be before it is acknowledged.

If a level is not reached in time, a commit raises `Indeterminate`, and every other call
`Unavailable`. It is safe to repeat the call, which waits again.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal_redis.commands import Command

PATIENCE = timedelta(seconds=2)

_MILLISECOND = timedelta(milliseconds=1)


@attrs.frozen(kw_only=True)
class Durability:
    """
    One level; `NONE`, `fsync` and `replicated` make them.

    Attributes:
        confirmation: The command that is sent after a write, on its connection; empty for none.
        threshold: The smallest reply to it that confirms the write.
    """

    confirmation: Command = ()
    threshold: int = 0

    def is_reached(self, answer: object) -> bool:
        """Tell whether *answer*, the reply to `confirmation`, confirms the write."""
        first = answer[0] if isinstance(answer, list) and answer else answer
        return isinstance(first, int) and first >= self.threshold


NONE = Durability()
"""The server's reply is enough; its own settings say what a crash can lose."""


def fsync(*, patience: timedelta = PATIENCE) -> Durability:
    """
    Wait until the server has synced the write to its disk: Redis 7.2 or newer, `appendonly yes`.

    With `appendfsync always` that takes milliseconds; with `everysec` up to a second.

    Args:
        patience: The longest wait; less than the client's own timeout.
    """
    return Durability(confirmation=("WAITAOF", 1, 0, patience // _MILLISECOND), threshold=1)


def replicated(replicas: int = 1, *, patience: timedelta = PATIENCE) -> Durability:
    """
    Wait until replicas have the write in their memory.

    Args:
        replicas: How many. If it is less than all that may be promoted, a promotion can lose
            acknowledged writes.
        patience: The longest wait; less than the client's own timeout.
    """
    command = ("WAIT", replicas, patience // _MILLISECOND)
    return Durability(confirmation=command, threshold=replicas)
