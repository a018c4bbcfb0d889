"""The core plays its histories on this adapter, on both databases."""

import os

import pytest

from counterseal_sql import with_sql
from counterseal_testing.contracts.core_on_store import SHARE, CoreOnStore


class TestCoreOnSqlite(CoreOnStore):
    @pytest.fixture
    def database_server(self, sqlite_server):
        return sqlite_server

    @pytest.fixture
    def new_adapters(self, database_server, opened):
        def adapters():
            database = opened(database_server.emptied())
            return lambda ports: with_sql(ports, database)

        return adapters


class TestCoreOnPostgres(TestCoreOnSqlite):
    share = SHARE if "EVERY_SERVER" in os.environ else 2 * SHARE

    @pytest.fixture
    def database_server(self, postgres_server):
        return postgres_server
