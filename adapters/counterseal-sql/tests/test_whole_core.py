"""The core plays its histories on this adapter, on both databases."""

import pytest

from counterseal_sql import with_sql
from counterseal_testing.contracts.core_on_store import CoreOnStore


class TestCoreOnSql(CoreOnStore):
    @pytest.fixture
    def new_adapters(self, server, opened):
        def adapters():
            database = opened(server.emptied())
            return lambda ports: with_sql(ports, database)

        return adapters
