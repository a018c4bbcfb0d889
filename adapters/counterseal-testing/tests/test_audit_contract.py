"""Audit logs that break a clause each, caught by the checks of `AuditContract`."""

import attrs
import pytest
from broken_adapters import BrokenAdapters

from counterseal.memory import MemoryAudit
from counterseal.models import ChainHead
from counterseal_testing import contracts

BROKEN = BrokenAdapters(contracts.AuditContract(), MemoryAudit)
breaks = BROKEN.breaks


@breaks("AUDIT-1")
class KeepsTheLastFew(MemoryAudit):
    def record(self, event):
        super().record(event)
        del self._events[:-100]


@breaks("AUDIT-1")
class WritesOverWhatIsAlike(MemoryAudit):
    def record(self, event):
        self._events = [one for one in self._events if one != event] + [event]


@breaks("AUDIT-2")
class CutsTheReason(MemoryAudit):
    def record(self, event):
        super().record(attrs.evolve(event, reason=""))


@breaks("AUDIT-2")
class WritesLater(MemoryAudit):
    _late = None

    def record(self, event):
        late, self._late = self._late, event
        if late is not None:
            super().record(late)


@breaks("AUDIT-3")
class SkipsTheLast(MemoryAudit):
    def unchained(self, limit):
        batches = super().unchained(limit)
        return tuple(attrs.evolve(one, events=one.events[:-1] or one.events) for one in batches)


@breaks("AUDIT-3")
class ReversesThem(MemoryAudit):
    def unchained(self, limit):
        batches = super().unchained(limit)
        return tuple(attrs.evolve(one, events=one.events[::-1]) for one in batches)


@breaks("AUDIT-4")
class BeginsAnew(MemoryAudit):
    def unchained(self, limit):
        batches = super().unchained(limit)
        return tuple(
            attrs.evolve(one, head=ChainHead(partition=one.head.partition)) for one in batches
        )

    def _append(self, link):
        partition = link.head.partition
        return super()._append(attrs.evolve(link, head=self._heads[partition]))


@breaks("AUDIT-5")
class AppendsToAnyHead(MemoryAudit):
    def _append(self, link):
        return super()._append(attrs.evolve(link, head=self._heads[link.head.partition]))


@breaks("AUDIT-6")
class CountsFirst(MemoryAudit):
    def _append(self, link):
        stands = super()._append(link)
        if not stands:
            self._counts.update(link.counts)
        return stands


@breaks("AUDIT-7")
class KeepsThem(MemoryAudit):
    def _append(self, link):
        return super()._append(attrs.evolve(link, stored=link.stored[1:]))


@breaks("AUDIT-8")
class HasOnlyHeadsWithEvents(MemoryAudit):
    def heads(self):
        return tuple(head for head in super().heads() if head.position)


@breaks("AUDIT-9")
class WritesBodiesAnew(MemoryAudit):
    def chained(self, partition, after, limit):
        events = super().chained(partition, after, limit)
        return tuple(attrs.evolve(one, body=one.body.replace(b" ", b"")) for one in events)


@breaks("AUDIT-10")
class ForgetsTheBase(MemoryAudit):
    def drop_chained(self, partition, through):
        super().drop_chained(partition, through)
        self._heads[partition] = attrs.evolve(self._heads[partition], base_hash=bytes(32))


@breaks("AUDIT-11")
class FindsTheOldestFirst(MemoryAudit):
    def search(self, query, after, limit):
        page = super().search(query, after, limit)
        return attrs.evolve(page, events=page.events[::-1])


@breaks("AUDIT-11")
class FindsOneTwice(MemoryAudit):
    def search(self, query, after, limit):
        page = super().search(query, after, limit)
        if page.after is None:
            return page
        return attrs.evolve(page, after=page.after._replace(position=page.after.position + 1))


@breaks("AUDIT-12")
class CountsOnce(MemoryAudit):
    def _append(self, link):
        return super()._append(attrs.evolve(link, counts=dict.fromkeys(link.counts, 1)))


@breaks("AUDIT-13")
class StoresAnyHead(MemoryAudit):
    def replace_signed_head(self, head):
        self._signed_head = head
        return True


@breaks("AUDIT-14")
class CountsFromTheBase(MemoryAudit):
    def misplaced(self, limit):
        return tuple(
            (head.partition, head.base + 1) for head in self.heads() if head.position > head.base
        )[:limit]


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_log_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_log_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_log_has_a_broken_one():
    BROKEN.require_every_clause("AUDIT", "ALL-1")
