"""The guards and the audit log keep every clause, on both databases."""

import pytest

from counterseal.testing import (
    AuditContract,
    CountersContract,
    IdempotencyContract,
    ReplayGuardContract,
)
from counterseal_sql import SqlAudit, SqlCounters, SqlIdempotency, SqlReplayGuard


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
