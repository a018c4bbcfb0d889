"""A process that is killed leaves every commit that it had acknowledged, and no half of one."""

import pytest

from counterseal_sql import SqlAudit, SqlStore
from counterseal_testing import FrozenClock
from counterseal_testing.contracts.core_on_store import KilledWriter


class TestKilledWriter(KilledWriter):
    @pytest.fixture
    def new_store(self, server, opened):
        return lambda: SqlStore(opened(server.emptied()), FrozenClock())

    def opening(self, store):
        url = store._database.engine.url.render_as_string(hide_password=False)
        return (
            "from counterseal_sql import SqlStore, connect\n"
            "from counterseal_testing import FrozenClock\n"
            f"store = SqlStore(connect({url!r}), FrozenClock())"
        )

    def reopened(self, store):
        return store

    def recorded(self, store):
        return [entry.event for entry in SqlAudit(store._database).read()]
