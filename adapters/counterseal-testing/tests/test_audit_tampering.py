"""The checks of a changed audit log find those logs that hide a change."""

import attrs
import pytest

from counterseal.memory import MemoryAudit
from counterseal.models import AuditPage, AuditQuery, ChainedEvent
from counterseal_testing.contracts.audit_tampering import AuditTampering
from counterseal_testing.contracts.stored_chain import PARTITION, StoredChain, StoredEntry


class MemoryTampering(AuditTampering):
    def stored_chain(self, audit):
        head = audit._heads[PARTITION]
        entries = {
            one.position: StoredEntry(one.hash, one.body, one.event)
            for one in audit._chains[PARTITION]
        }
        return StoredChain(head.base, head.base_hash, head.position, head.hash, entries)

    def store_chain(self, audit, chain):
        fields = attrs.asdict(chain, filter=lambda field, _: field.name != "entries")
        audit._heads[PARTITION] = attrs.evolve(audit._heads[PARTITION], **fields)
        audit._chains[PARTITION] = [
            ChainedEvent(
                partition=PARTITION,
                position=position,
                hash=entry.hash,
                body=entry.body,
                event=entry.columns,
            )
            for position, entry in sorted(chain.entries.items())
        ]


class ReportsNothingMisplaced(MemoryAudit):
    def misplaced(self, limit):
        return ()


class HidesBodies(MemoryAudit):
    """It returns what it was given, whatever became of it."""

    def append_chain(self, links):
        self.appended = getattr(self, "appended", {}) | {
            (one.partition, one.position): one for link in links for one in link.events
        }
        return super().append_chain(links)

    def chained(self, partition, after, limit):
        return tuple(
            self.appended.get((partition, one.position), one)
            for one in super().chained(partition, after, limit)
        )


class FindsWhatIsDropped(MemoryAudit):
    def search(self, query, after, limit):
        page = super().search(query, after, limit)
        if query != AuditQuery():
            return page
        return AuditPage(events=tuple(self._chains[PARTITION][::-1]), after=None)


CHECKS = {
    "each kind": MemoryTampering.test_each_kind_of_change_is_found_where_it_was_made,
    "random": MemoryTampering.test_random_changes_are_found_where_they_were_made,
    "below": MemoryTampering.test_no_search_finds_what_stands_below_the_base,
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_log_passes(check):
    CHECKS[check](MemoryTampering(), MemoryAudit)


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        ("below", ReportsNothingMisplaced),
        ("each kind", HidesBodies),
        ("random", HidesBodies),
        ("below", FindsWhatIsDropped),
    ],
)
def test_a_broken_log_is_caught(check, broken):
    with pytest.raises(AssertionError):
        CHECKS[check](MemoryTampering(), broken)
