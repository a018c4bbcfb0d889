"""What goes wrong with a body, or a copy; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse, Unavailable


class RecordUnreadable(Unavailable, code="record_unreadable"):
    """What is stored is no record that this release can read."""


class SourceUnsound(Misuse, code="source_unsound"):
    """What is to be copied has records that cannot be read, or are not where they belong."""


class TargetDiffers(Misuse, code="target_differs"):
    """Where a copy is to go, there is something else."""
