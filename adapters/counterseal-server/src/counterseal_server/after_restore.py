"""
The wait after a restore, so that nothing is answered, used or replayed a second time.

A restored store lists challenges, invitations and log-ins as open that have ended since the backup,
and lacks the replay keys of the calls since. Each of them has a deadline, so a service that waits
until the last deadline is over accepts none of them again.
A note in the data folder has both times, so that a process that is started again goes on waiting.
Where the folder cannot be written, only the process waits that was started with the option.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import attrs

from counterseal import Policy
from counterseal.errors import InvalidField
from counterseal.policy import TEN_MINUTES
from counterseal.ports import Clock
from counterseal.wire.members import format_time, parse_time
from counterseal_keys import private_files
from counterseal_server.head_memory import FileHeadMemory

NOTE = "after-restore.json"
"""The file in the data folder."""

LONGEST_LIFE = TEN_MINUTES
"""
No policy allows a longer life of a challenge, an invitation, a log-in or a ceremony.

Actions live longer: `counterseal_server.restored_actions` ends them.

The present policy is no bound: a challenge may have been issued under an earlier one.
"""

log = logging.getLogger("counterseal_server")


@attrs.frozen(kw_only=True)
class Restored:
    """
    When a store was restored, and what it was restored from.

    Attributes:
        backed_up_at: When the backup was made, or later; nothing in it was issued afterwards.
        restored_at: When it was restored, or later; no call was answered from the lost store
            afterwards.
    """

    backed_up_at: datetime
    restored_at: datetime

    def ends_at(self, policy: Policy) -> datetime:
        """Return when the service may serve: no deadline from before is in the future then."""
        return max(
            self.backed_up_at + LONGEST_LIFE,
            self.restored_at + policy.proof_past + policy.proof_future,
        )

    def write(self, data: Path) -> None:
        """
        Write the note into the folder *data*.

        Raises:
            OSError: It cannot be written.
        """
        document = {
            "backedUpAt": format_time(self.backed_up_at),
            "restoredAt": format_time(self.restored_at),
        }
        private_files.write(data / NOTE, f"{json.dumps(document)}\n".encode("ascii"))

    @classmethod
    def read(cls, data: Path) -> Self | None:
        """
        Read the note in the folder *data*; None if there is none.

        Raises:
            InvalidField: It cannot be read.
        """
        file = data / NOTE
        try:
            document = json.loads(file.read_bytes())
            return cls(
                backed_up_at=parse_time(document["backedUpAt"]),
                restored_at=parse_time(document["restoredAt"]),
            )
        except FileNotFoundError:
            return None
        except Exception as error:
            # Whatever it is, a service that ignored it would not wait.
            problem = f"{file} cannot be read: delete it, and give serve --after-restore"
            raise InvalidField("data", problem) from error


class RestoreWait:
    """
    The wait of one process; it is over from the start if no restore is known.

    Args:
        data: The data folder.
        policy: The policy of the service.
        clock: Says when the wait is over; deadlines are compared with the same clock.
        restored: What to wait for where no note could be written; None if there is nothing.

    Attributes:
        ends_at: When it is over; None if there is nothing to wait for, or the wait has ended.
        restored_at: When the store was restored; None if there was nothing to wait for.

    Raises:
        InvalidField: The note cannot be read.
    """

    def __init__(
        self, data: Path, policy: Policy, clock: Clock, restored: Restored | None = None
    ) -> None:
        self._data = data
        self._clock = clock
        restored = Restored.read(data) or restored
        self.ends_at = None if restored is None else restored.ends_at(policy)
        self.restored_at = None if restored is None else restored.restored_at

    def remaining(self) -> timedelta:
        """Return how long the service still waits; zero when it may serve."""
        if self.ends_at is None:
            return timedelta(0)
        return max(self.ends_at - self._clock.now(), timedelta(0))

    def end(self) -> None:
        """Delete the note, since the wait is over."""
        if self.ends_at is not None:
            with contextlib.suppress(OSError):  # a note whose time is over delays nothing
                (self._data / NOTE).unlink(missing_ok=True)
            self.ends_at = None
            log.info("the wait after the restore is over")

    def wait(self, stopped: threading.Event, every: timedelta) -> bool:
        """
        Return when the wait is over, or when *stopped* is set; return whether it is over.

        Args:
            stopped: Ends the wait early.
            every: How often the clock is read.
        """
        if self.ends_at is not None:
            log.warning("after a restore: nothing is done until %s", format_time(self.ends_at))
        while (remaining := self.remaining()) > timedelta(0):
            if stopped.wait(min(remaining, every).total_seconds()):
                return False
        self.end()
        return True


def note_restore(data: Path, policy: Policy, clock: Clock) -> Restored | None:
    """
    Write the note for a store that was restored by other means, unless its wait has begun.

    Nobody knows when its backup was made, so it counts as made now. Its audit log may end earlier
    than the one that this machine remembers, so nothing is signed until `counterseal audit renew`.

    Returns:
        What the caller has to remember itself, since the folder *data* cannot be written; None if
        there is a note. Such a machine remembers no head of the audit log, either.

    Raises:
        InvalidField: There is a note that cannot be read, or what is remembered cannot.
        OSError: It cannot be written.
    """
    begun, now = Restored.read(data), clock.now()
    if begun is not None and now < begun.ends_at(policy):
        return None
    restored = Restored(backed_up_at=now, restored_at=now)
    if not os.access(data, os.W_OK):
        log.warning(
            "the data folder cannot be written, so this process alone remembers it that the store"
            " was restored: each start with --after-restore waits anew"
        )
        return restored
    FileHeadMemory(data).mark_replaced(now)
    restored.write(data)
    return None
