"""What goes wrong with a body; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Unavailable


class RecordUnreadable(Unavailable):
    """What is stored is no record that this release can read."""

    code = "record_unreadable"
