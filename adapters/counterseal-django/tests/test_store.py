"""The store of the alias keeps every clause, on both databases, and nothing of a dead process."""

import os
from functools import partial

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import event

from counterseal_django.store import AliasStore, address_of_alias, connect_to
from counterseal_sql import SqlAudit, forget
from counterseal_testing import FrozenClock, StoreContract
from counterseal_testing.contracts import StoreHistory
from counterseal_testing.contracts.core_on_store import KilledWriter
from counterseal_testing.contracts.race import bounded_shrinking

EVERY_SERVER = "EVERY_SERVER" in os.environ
KILLED = ["postgresql", "sqlite"] if EVERY_SERVER else ["postgresql"]
"""Databases to which a process that is killed has written."""

FEW = 2
"""Histories: the tests of counterseal-sql play more with the same store."""

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

    @pytest.fixture(autouse=True)
    def have_databases(self, databases, set_databases):
        self._databases, self._set_databases, self._open = databases, set_databases, []
        yield
        for database in self._open:
            database.close()

    def open_store(self):
        """Return the store of the alias as it is now; nothing waits for the disk."""
        # Tests that make many use one after the other; one that is used again works all the same.
        for database in self._open[:-4]:
            database.close()
        self._open.append(database := connect_to(address_of_alias(), 16))
        if database.engine.dialect.name == "sqlite":
            event.listen(database.engine, "connect", _hasten)
        return AliasStore(database, FrozenClock())

    def store_of(self, members):
        self.members = members
        self._set_databases(default={}, counterseal=members)
        return self.open_store()

    @pytest.fixture
    def new_store(self):
        return lambda: self.store_of(self._databases.members())

    @pytest.fixture
    def broken_store(self):
        return lambda: self.store_of(self._databases.broken())

    def recorded(self, store):
        return [entry.event for entry in SqlAudit(store._database).read()]

    def reopened(self, store):
        return self.open_store()


class TestStore(StoreOfAlias, StoreContract):
    """In this process, by threads."""

    can_forget = True
    finds_parts = True
    survives_a_crash = True
    crash_stride = 1 if EVERY_SERVER else 40

    def forget(self, store, before):
        forget(store._database, before)

    def test_store_17_holds_in_every_history(self, new_store):
        """STORE-17."""
        examples = settings.default.max_examples if EVERY_SERVER else FEW
        with bounded_shrinking("STORE-17"):
            run_state_machine_as_test(
                partial(StoreHistory, new_store, self.recorded, self.reopened),
                settings=settings(max_examples=examples, stateful_step_count=30),
            )


@pytest.mark.parametrize("databases", KILLED, indirect=True)
class TestKilledWriter(StoreOfAlias, KilledWriter):
    """In a process that is killed."""

    def opening(self, store):
        return OPENING % self.members
