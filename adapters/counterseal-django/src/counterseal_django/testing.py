"""
Testing: a store of its own for each test of a project, or a fake in memory.

    class CheckoutTest(ApprovalsMixin, TransactionTestCase):
        def test_paying_asks(self): ...

    class PageTest(TestCase):
        def test_it_shows_the_order(self):
            with fake_approvals(FakeService()): ...

A store is in the alias's own test database. Its tables are emptied before and after each test, and
its keys are in a folder that lasts as long as the test.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from unittest import TestCase as UnitTestCase

import attrs
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import TestCase
from django.test.utils import override_settings

import counterseal as cs
from counterseal.models import RelyingParty
from counterseal_django.configuration import SETTING, configuration
from counterseal_django.errors import StoreOutsideTest
from counterseal_django.site_actions import SITE_ACTIONS
from counterseal_django.store import (
    ALIAS,
    OUTSIDE,
    StoreDatabase,
    address_of_alias,
    connect_to,
    store_of_test,
)
from counterseal_django.wiring import (
    Approvals,
    approvals,
    close_approvals,
    key_files,
    replaced_approvals,
)
from counterseal_sql import upgrade
from counterseal_sql.schema import ID_PARTS, METADATA
from counterseal_web import Service

_FORGET_TEXTS = "INSERT INTO counterseal_id_texts (counterseal_id_texts) VALUES ('delete-all')"


class MemoryService(Protocol):
    """What `counterseal.testing.FakeService` has of use here."""

    ports: cs.Ports
    policy: cs.Policy
    origin: RelyingParty


@contextmanager
def store_for_test() -> Iterator[Approvals]:
    """
    Let a test use the store: with its tables, empty, and with keys of its own.

    Raises:
        StoreOutsideTest: The test runs in a transaction, as those of a `TestCase` do.
        UnfitDatabase: The alias does not fit, such as a SQLite database in memory.
        Unavailable: The store failed.
    """
    if any(connection.in_atomic_block for connection in connections.all(initialized_only=True)):
        raise StoreOutsideTest(OUTSIDE)
    url = address_of_alias()
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        members = {**getattr(settings, SETTING), "KEYS": Path(folder, "keys")}
        with override_settings(**{SETTING: members}), store_of_test(url):
            config = configuration()
            database = connect_to(url, config.connections)
            try:
                upgrade(database)
                empty(database)
                key_files(config).create_missing()
                yield approvals()
            finally:
                close_approvals()
                empty(database)
                database.close()


@contextmanager
def fake_approvals(fake: MemoryService) -> Iterator[Approvals]:
    """
    Let `approvals` return the use cases of *fake*, which needs no database.

    Args:
        fake: A `counterseal.testing.FakeService`.
    """
    config = configuration()
    ports = attrs.evolve(fake.ports, actions=SITE_ACTIONS)
    service = Service(ports, fake.policy, config.http)
    with replaced_approvals(Approvals(config, service, fake.origin, None)) as current:
        yield current


class ApprovalsMixin(UnitTestCase):
    """
    Gives each test of a `TransactionTestCase` a store; write it before that class.

    Attributes:
        databases: The aliases that Django prepares for the tests.
    """

    databases = frozenset({DEFAULT_DB_ALIAS, ALIAS})

    @classmethod
    def setUpClass(cls) -> None:
        """
        Refuse to be mixed into a `TestCase`.

        Raises:
            StoreOutsideTest: It is.
        """
        if issubclass(cls, TestCase):
            raise StoreOutsideTest(OUTSIDE)
        super().setUpClass()

    def setUp(self) -> None:
        """Make the store."""
        self.enterContext(store_for_test())
        super().setUp()


def empty(database: StoreDatabase) -> None:
    """Delete every row of Counterseal's tables."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    with database.committing() as connection:
        for name in METADATA.tables:
            if not (is_sqlite and name == ID_PARTS.name):
                connection.run(f"DELETE FROM {name}")  # noqa: S608 (our own names)
        if is_sqlite:
            connection.run(_FORGET_TEXTS)
