"""The guards and the audit log keep every clause, on every server."""

from datetime import timedelta

import pytest

from counterseal.memory import SystemEntropy
from counterseal_redis import RedisAudit, RedisCounters, RedisIdempotency, RedisReplayGuard
from counterseal_redis.guards import MARGIN
from counterseal_testing import (
    AuditContract,
    CountersContract,
    FrozenClock,
    IdempotencyContract,
    ReplayGuardContract,
)


class TestReplayGuard(ReplayGuardContract):
    @pytest.fixture
    def new_replay_guard(self, server, new_keyspace):
        return lambda clock: RedisReplayGuard(new_keyspace(server), clock, SystemEntropy())

    @pytest.fixture
    def broken_replay_guard(self, nowhere, new_keyspace):
        return lambda clock: RedisReplayGuard(new_keyspace(nowhere), clock, SystemEntropy())


class TestCounters(CountersContract):
    @pytest.fixture
    def new_counters(self, server, new_keyspace):
        return lambda clock: RedisCounters(new_keyspace(server), clock)

    @pytest.fixture
    def broken_counters(self, nowhere, new_keyspace):
        return lambda clock: RedisCounters(new_keyspace(nowhere), clock)


def test_a_count_stays_stored_until_the_next_window_ends(redis_8_2, new_keyspace):
    """Redis deletes it by its own clock, so some minutes later."""
    keyspace, window = new_keyspace(redis_8_2), timedelta(days=1)
    RedisCounters(keyspace, FrozenClock()).add(("asked", "x"), window)
    (key,) = keyspace.client.keys(f"{keyspace.prefix}*")
    # The clock of the tests begins with a day.
    end = timedelta(milliseconds=keyspace.client.pttl(key))
    assert 2 * window < end <= 2 * window + MARGIN


class TestIdempotency(IdempotencyContract):
    @pytest.fixture
    def new_idempotency(self, server, new_keyspace):
        return lambda: RedisIdempotency(new_keyspace(server))

    @pytest.fixture
    def broken_idempotency(self, nowhere, new_keyspace):
        return lambda: RedisIdempotency(new_keyspace(nowhere))


class TestAudit(AuditContract):
    @pytest.fixture
    def new_audit(self, server, new_keyspace):
        return lambda: RedisAudit(new_keyspace(server))

    @pytest.fixture
    def broken_audit(self, nowhere, new_keyspace):
        return lambda: RedisAudit(new_keyspace(nowhere))

    def recorded(self, audit):
        return [entry.event for entry in audit.all_entries()]
