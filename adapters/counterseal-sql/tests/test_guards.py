"""The guards and the audit log keep every clause, on both databases."""

from datetime import timedelta

import pytest

from counterseal.errors import Conflict
from counterseal.models import Change
from counterseal_sql import (
    SqlAudit,
    SqlCounters,
    SqlIdempotency,
    SqlReplayGuard,
    SqlStore,
    forget,
)
from counterseal_testing import (
    AuditContract,
    CountersContract,
    FrozenClock,
    IdempotencyContract,
    ReplayGuardContract,
)
from counterseal_testing.contracts.record_factory import RecordFactory


class TestReplayGuard(ReplayGuardContract):
    @pytest.fixture
    def new_replay_guard(self, server, opened):
        return lambda clock: SqlReplayGuard(opened(server.emptied()), clock)

    @pytest.fixture
    def broken_replay_guard(self, server, opened):
        return lambda clock: SqlReplayGuard(opened(server.broken()), clock)


class TestCounters(CountersContract):
    @pytest.fixture
    def new_counters(self, server, opened):
        return lambda clock: SqlCounters(opened(server.emptied()), clock)

    @pytest.fixture
    def broken_counters(self, server, opened):
        return lambda clock: SqlCounters(opened(server.broken()), clock)


def test_a_count_stays_stored_until_the_next_window_ends(server, opened):
    clock, window = FrozenClock(), timedelta(minutes=1)
    database = opened(server.emptied())
    counters = SqlCounters(database, clock)
    assert [counters.add(("asked", "x"), window) for _ in range(3)] == [1, 2, 3]
    end = clock.now() + 2 * window  # the clock of the tests begins with a minute
    assert forget(database, end) == 0
    clock.jump(end - timedelta(microseconds=1))
    assert counters.add(("asked", "x"), window) == 4


def test_an_operation_is_known_for_an_hour(server, opened):
    clock, database = FrozenClock(), opened(server.emptied())
    store, company = SqlStore(database, clock), RecordFactory().company()
    changes, hour = (Change(None, company),), timedelta(hours=1)
    for repeat in (False, True):
        store.commit(changes, (), "create")
        assert forget(database, clock.now() + hour) == 0, repeat
    assert forget(database, clock.now() + hour + timedelta(microseconds=1)) == 1
    with pytest.raises(Conflict):
        store.commit(changes, (), "create")


class TestIdempotency(IdempotencyContract):
    @pytest.fixture
    def new_idempotency(self, server, opened):
        return lambda: SqlIdempotency(opened(server.emptied()))

    @pytest.fixture
    def broken_idempotency(self, server, opened):
        return lambda: SqlIdempotency(opened(server.broken()))


class TestAudit(AuditContract):
    @pytest.fixture
    def new_audit(self, server, opened):
        return lambda: SqlAudit(opened(server.emptied()))

    @pytest.fixture
    def broken_audit(self, server, opened):
        return lambda: SqlAudit(opened(server.broken()))

    def recorded(self, audit):
        return [entry.event for entry in audit.read()]
