"""The backlog in the metrics, the store's times, and the kind of store."""

import math
from datetime import timedelta

import attrs
import pytest
from prometheus_client.parser import text_string_to_metric_families

from counterseal import AuditChain
from counterseal.errors import StoreUnavailable
from counterseal.memory import MemoryAudit, MemoryStore
from counterseal.models import AddressKind, PushAddress
from counterseal.observed_store import ObservedStore
from counterseal.ports import Due, PartSearch, Store
from counterseal_server.backlog import DUE_COUNTED, read_backlog
from counterseal_server.metrics import VERBS, Metrics
from counterseal_server.records import store_kind
from counterseal_server.timed_store import TimedStore
from counterseal_testing import FakeService
from counterseal_testing.contracts import store_due, store_reading
from counterseal_testing.service import CALLBACK

RELAY = PushAddress(kind=AddressKind.RELAY, value="a-device")


def sample_values(metrics):
    """Return the samples without labels, and those with one label by its value."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if len(sample.labels) < 2 and "le" not in sample.labels
    }


@pytest.fixture
def world():
    world = FakeService()
    zoe = world.bind("zoe", addresses=(RELAY,))
    issued = world.ask("zoe", "Lunch?", callback=CALLBACK)
    zoe.answer(zoe.fetch(issued.challenge.guid))
    world.ask("zoe", "Dinner?")
    return world


def test_the_backlog_is_shown(world):
    metrics = Metrics()
    world.clock.advance(timedelta(seconds=30))

    chained = AuditChain(world.ports, world.policy).chain()

    metrics.backlog.show(read_backlog(world.ports))

    samples = sample_values(metrics)
    assert samples["counterseal_audit_events"] == chained > 0
    assert samples["counterseal_active_users"] == 1
    assert samples["counterseal_active_origins"] == 0, "it has no credential"
    assert samples["counterseal_pending_challenges"] == 1
    assert samples["counterseal_queued_callbacks"] == 1
    assert samples["counterseal_dead_callbacks"] == 0
    assert samples["counterseal_due callback"] == 1
    assert samples["counterseal_due notification"] >= 1
    assert samples["counterseal_due event"] == 1
    assert samples["counterseal_oldest_due_seconds callback"] == 30
    assert samples["counterseal_oldest_due_seconds notification"] == 30
    assert samples["counterseal_oldest_due_seconds event"] == 30


def test_a_callback_that_failed_is_queued_and_not_due(world):
    world.sender.script(500)
    world.deliver()

    backlog = read_backlog(world.ports)

    assert backlog.gauges["queued_callbacks"] == 1
    assert backlog.due["callback"].count == 0
    assert backlog.due["callback"].oldest_seconds == 0


def test_the_oldest_of_many_is_found(world):
    world.sender.script(500)
    world.deliver()
    tomorrow = world.clock.now() + timedelta(days=1)
    (callback,) = world.ports.store.due(Due.CALLBACK, tomorrow, 1)
    world.clock.jump(callback.next_at + timedelta(minutes=5))

    assert read_backlog(world.ports).due["callback"].oldest_seconds == 300


def test_few_due_records_are_read(world):
    limits = []

    class Counting:
        def __getattr__(self, name):
            return getattr(world.ports.store, name)

        def due(self, kind, before, limit):
            limits.append(limit)
            return world.ports.store.due(kind, before, limit)

    read_backlog(attrs.evolve(world.ports, store=Counting()))

    assert limits == [DUE_COUNTED] * 3


def test_nothing_is_shown_before_it_was_read_or_when_it_is_stale(world):
    now = [0.0]
    metrics = Metrics(lambda: now[0])
    names = (
        "counterseal_pending_challenges",
        "counterseal_due callback",
        "counterseal_oldest_due_seconds event",
        "counterseal_audit_events",
    )
    assert all(math.isnan(sample_values(metrics)[name]) for name in names)

    metrics.backlog.show(read_backlog(world.ports))
    now[0] = 60.0
    assert not any(math.isnan(sample_values(metrics)[name]) for name in names)

    now[0] = 60.1
    assert all(math.isnan(sample_values(metrics)[name]) for name in names)


def test_the_audit_log_counts_as_signed_when_it_is():
    now = [0.0]
    metrics = Metrics(lambda: now[0])
    now[0] = 7.0
    assert sample_values(metrics)["counterseal_audit_unsigned_seconds"] == 7
    metrics.audit_signed()
    now[0] = 8.0
    assert sample_values(metrics)["counterseal_audit_unsigned_seconds"] == 1


class TestTimedStore(store_reading.StoreReading, store_due.StoreDue):
    @pytest.fixture
    def new_store(self):
        return lambda: TimedStore(MemoryStore(MemoryAudit()), Metrics())


def test_every_verb_of_the_store_is_measured():
    assert issubclass(TimedStore, ObservedStore)
    assert set(VERBS) == {
        name for name in (*vars(Store), *vars(PartSearch)) if not name.startswith("_")
    }


def test_calls_that_fail_are_counted_and_measured():
    class Broken:
        def __getattr__(self, name):
            def fail(*_):
                raise StoreUnavailable

            return fail

    metrics = Metrics()
    store = TimedStore(Broken(), metrics)
    with pytest.raises(StoreUnavailable):
        store.pending("account")

    samples = sample_values(metrics)
    assert samples["counterseal_store_failures_total pending"] == 1
    assert samples["counterseal_store_seconds_count pending"] == 1
    assert samples["counterseal_store_failures_total commit"] == 0


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (None, "sqlite"),
        ("sqlite:///file.db", "sqlite"),
        ("postgresql://user:secret@host/name", "postgresql"),
        ("postgresql+psycopg://user:secret@host/name", "postgresql"),
        ("rediss://user:secret@host/0", "redis"),
        ("redis+sentinel://host/name", "redis+sentinel"),
        ("rediss+cluster://user:secret@host", "redis+cluster"),
    ],
)
def test_the_kind_of_store_names_nothing_secret(address, kind):
    assert store_kind(address) == kind
    metrics = Metrics()
    metrics.describe(store_kind(address))
    (line,) = [one for one in metrics.text().decode().splitlines() if "build_info{" in one]
    assert f'store="{kind}"' in line
    assert "secret" not in line
