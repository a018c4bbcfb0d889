"""
How durable a write must be before it is acknowledged.

If a level is not reached in time, a commit raises `Indeterminate`, and everything else
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
        confirm: The command that is sent after a write, on its connection; empty for none.
        enough: The smallest reply to it that confirms the write.
    """

    confirm: Command = ()
    enough: int = 0

    def is_reached(self, answer: object) -> bool:
        """Tell whether *answer*, the reply to `confirm`, confirms the write."""
        first = answer[0] if isinstance(answer, list) and answer else answer
        return isinstance(first, int) and first >= self.enough


NONE = Durability()
"""The server's reply is enough; its own settings say what a crash can lose."""


def fsync(*, patience: timedelta = PATIENCE) -> Durability:
    """
    Wait until the server has written it to its disk; from Redis 7.2 on, with `appendonly yes`.

    With `appendfsync always` that takes milliseconds; with `everysec` up to a second.

    Args:
        patience: The longest wait; less than the client's own timeout.
    """
    return Durability(confirm=("WAITAOF", 1, 0, patience // _MILLISECOND), enough=1)


def replicated(replicas: int = 1, *, patience: timedelta = PATIENCE) -> Durability:
    """
    Wait until replicas have it in their memory.

    Args:
        replicas: How many: all that may be promoted, or a promotion can lose acknowledged writes.
        patience: The longest wait; less than the client's own timeout.
    """
    return Durability(confirm=("WAIT", replicas, patience // _MILLISECOND), enough=replicas)
