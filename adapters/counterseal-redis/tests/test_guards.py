"""The guards and the audit log keep every clause, on every server."""

import pytest

from counterseal.memory import SystemEntropy
from counterseal.testing import (
    AuditContract,
    CountersContract,
    IdempotencyContract,
    ReplayGuardContract,
)
from counterseal_redis import RedisAudit, RedisCounters, RedisIdempotency, RedisReplayGuard


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
