"""The store of the alias keeps every clause, on both databases, and nothing of a dead process."""

import os

import pytest
from sqlalchemy import event

from counterseal_django.store import AliasStore, address_of_alias, connect_to
from counterseal_sql import SqlAudit, forget
from counterseal_testing import FrozenClock, StoreContract
from counterseal_testing.contracts.core_on_store import KilledWriter

EVERY_SERVER = "EVERY_SERVER" in os.environ

OPENING = """
import django
from django.conf import settings

settings.configure(DATABASES={"default": {}, "counterseal": %r})
django.setup()

from counterseal_django.store import AliasStore, address_of_alias, connect_to
from counterseal_testing import FrozenClock

store = AliasStore(connect_to(address_of_alias(), 2), FrozenClock())
"""


def _hasten(connection, _):
    connection.execute("PRAGMA synchronous = OFF")


class StoreOfAlias:
    """What the contract and the killed writer need to know of the store of the alias."""

    @pytest.fixture
    def new_store(self, databases, set_databases):
        stores = []

        def new_store(members=None):
            self.members = databases.members() if members is None else members
            set_databases(default={}, counterseal=self.members)
            database = connect_to(address_of_alias(), 16)
            if database.engine.dialect.name == "sqlite":
                # No test cuts the power.
                event.listen(database.engine, "connect", _hasten)
            stores.append(database)
            return AliasStore(database, FrozenClock())

        yield new_store
        for database in stores:
            database.close()

    @pytest.fixture
    def broken_store(self, databases, new_store):
        return lambda: new_store(databases.broken())

    def recorded(self, store):
        return [entry.event for entry in SqlAudit(store._database).read()]

    def reopened(self, store):
        return AliasStore(connect_to(address_of_alias(), 16), FrozenClock())


class TestStore(StoreOfAlias, StoreContract):
    """In this process, by threads."""

    can_forget = True
    finds_parts = True
    survives_a_crash = True
    crash_stride = 1 if EVERY_SERVER else 40

    def forget(self, store, before):
        forget(store._database, before)


class TestKilledWriter(StoreOfAlias, KilledWriter):
    """In a process that is killed."""

    def opening(self, store):
        return OPENING % self.members
