"""Audit logs that break a clause each, caught by the checks of `AuditContract`."""

import attrs
import pytest
from broken_adapters import BrokenAdapters

from counterseal.memory import MemoryAudit
from counterseal.testing import contracts

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


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_log_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_log_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_log_has_a_broken_one():
    BROKEN.require_every_clause("AUDIT", "ALL-1")
