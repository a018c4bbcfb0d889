"""
Memories of GUIDs: which record goes with another one, so that both are read in one trip.

A use case that has read a record, and then the one that this names, remembers both GUIDs. The next
call reads both at once:

- the App Space of an origin, and the company of an App Space, which never change;
- the origin that invited last in an App Space, which most likely invites again.

A remembered GUID may be wrong. So a decision looks for the record that it needs among those that
were read, and reads it in a trip of its own if it is missing. Each use case of each process has a
memory of its own: only the number of trips depends on it. Its size has a limit.
"""

from __future__ import annotations

from counterseal.models import Guid

REMEMBERED_GUIDS = 10_000
"""How many GUIDs a memory has at most; with more, it begins anew."""


class GuidMemory(dict[Guid, Guid]):
    """
    The GUIDs of records, by the GUIDs of those that they go with.

    Threads may share it: at worst, one of them reads a record once more.
    """

    def find(self, *guids: Guid) -> tuple[Guid, ...]:
        """
        Return the GUIDs that go with *guids*, as far as they are remembered.

        Args:
            guids: As a caller claims them; they may be anything.
        """
        # Another thread may clear it meanwhile.
        remembered_guids = map(self.get, guids)
        return tuple(guid for guid in remembered_guids if guid is not None)

    def remember(self, guid: Guid, related_guid: Guid) -> None:
        """
        Remember that *related_guid* goes with *guid*.

        Args:
            guid: Of a record that was read: else a caller could fill the memory with any GUIDs.
            related_guid: Of the record that goes with it from now on.
        """
        if len(self) >= REMEMBERED_GUIDS:
            self.clear()
        self[guid] = related_guid
