"""What goes wrong with a body, or a copy; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse, Unavailable


class RecordUnreadable(Unavailable):
    """What is stored is no record that this release can read."""

    code = "record_unreadable"


class SourceUnsound(Misuse):
    """What is to be copied has records that cannot be read, or are not where they belong."""

    code = "source_unsound"


class TargetDiffers(Misuse):
    """Where a copy is to go, there is something else."""

    code = "target_differs"
