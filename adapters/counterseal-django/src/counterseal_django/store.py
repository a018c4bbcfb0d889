"""
Store: the database of the alias `counterseal`, with connections of its own.

Its commits are its own, whatever a view's transaction does. The address comes from Django's
connection at the first use, so that the database of a test runner follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TypeVar

import attrs
import sqlalchemy
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from sqlalchemy import URL

from counterseal.models import AuditEvent, Change
from counterseal.ports import Clock, Ports
from counterseal_django import transactions
from counterseal_django.errors import StoreOutsideTest, UnfitDatabase
from counterseal_sql import Database, SqlStore, UnfitUrl, connect, with_sql
from counterseal_sql.connections import Connection
from counterseal_sql.group_commit import Work

ALIAS = "counterseal"
"""Of `settings.DATABASES`."""

OWN_OPTIONS = frozenset({"assume_role", "isolation_level", "pool", "server_side_binding"})
"""Of Django's connections to PostgreSQL alone; a role is assumed by ours, too."""

IN_MEMORY = (
    "a database in memory belongs to one connection alone; for tests, name a file:"
    " DATABASES['default']['TEST'] = {'NAME': BASE_DIR / 'test.sqlite3'}"
)
OUTSIDE = (
    "a test uses the store only inside counterseal_django.testing: put ApprovalsMixin before"
    " TransactionTestCase (what a TestCase writes is rolled back, and no other connection sees it),"
    " or use fake_approvals(FakeService()), which needs no database"
)
NOT_FOR_TESTS = (
    f"the alias {ALIAS!r} has the project's own database, which a test would empty: give it"
    " 'TEST': {'MIRROR': 'default'}, or add it to the test's `databases`"
)

T = TypeVar("T")

_stores_of_tests: list[URL] = []
"""The addresses that a test may use."""

_project_urls: list[URL] = []
"""The address of the alias when the apps were ready, before any test runner."""


class StoreDatabase(Database):
    """
    The connections of this process to the database of the alias.

    Every method can raise `StoreOutsideTest`, and those that write can raise `StoreInTransaction`.

    Args:
        database: What `counterseal_sql.connect` returned.
        url: Its address.
    """

    def __init__(self, database: Database, url: URL) -> None:
        super().__init__(database.dialect)
        self._url = url
        self._file = url.database if url.get_backend_name() == "sqlite" else None

    def reading(self) -> AbstractContextManager[Connection]:
        """Use a connection for one statement that reads."""
        require_test_store(self._url)
        return super().reading()

    def writing(self) -> AbstractContextManager[Connection]:
        """Use a connection for one statement that writes, and is a transaction by itself."""
        self.require_writable()
        return super().writing()

    @contextmanager
    def committing(self) -> Iterator[Connection]:
        """Use a connection for a transaction, and commit it."""
        self.require_writable()
        with super().committing() as connection:
            yield connection

    @contextmanager
    def inspecting(self) -> Iterator[sqlalchemy.Connection]:
        """Open a connection of SQLAlchemy's, to inspect or to change the schema."""
        self.require_writable()
        with super().inspecting() as connection:
            yield connection

    def write(self, work: Work[T], *, single: bool = True) -> T:
        """Do *work* in a transaction and commit it."""
        self.require_writable()
        return super().write(work, single=single)

    def remember(self, work: Work[T]) -> T:
        """Do *work*, one statement, in a transaction, and commit it."""
        self.require_writable()
        return super().remember(work)

    def require_writable(self) -> None:
        """
        Refuse to write inside a transaction of SQLite, and in a test that has no store.

        Raises:
            StoreInTransaction: A transaction of this thread is open on the same SQLite file.
            StoreOutsideTest: A test has no store.
        """
        require_test_store(self._url)
        if self._file is not None:
            transactions.require_no_transaction(self._file)


class AliasStore(SqlStore):
    """
    The records in the database of the alias.

    Args:
        database: The database.
        clock: Dates operations.
    """

    def __init__(self, database: StoreDatabase, clock: Clock) -> None:
        super().__init__(database, clock)
        self._alias_database = database

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """Apply *changes* and record *audit*, all or nothing, as `SqlStore` does."""
        self._alias_database.require_writable()
        super().commit(changes, audit, operation)


def with_alias(ports: Ports, database: StoreDatabase) -> Ports:
    """Return *ports* with those that store in *database*."""
    return attrs.evolve(with_sql(ports, database), store=AliasStore(database, ports.clock))


def connect_to(url: URL, connections_limit: int) -> StoreDatabase:
    """
    Return the database at *url*; nothing is opened yet.

    Raises:
        UnfitDatabase: The driver is not installed, or the address does not fit.
    """
    try:
        return StoreDatabase(connect(url, connections=connections_limit), url)
    except UnfitUrl as error:
        raise UnfitDatabase(f"DATABASES[{ALIAS!r}]: {error}") from error


def require_test_store(url: URL) -> None:
    """
    Refuse to use the store in a test that has none.

    Raises:
        StoreOutsideTest: Django's test environment is set up, and no test has *url*.
    """
    if in_test_environment() and url not in _stores_of_tests:
        raise StoreOutsideTest(OUTSIDE)


def in_test_environment() -> bool:
    """Tell whether Django's test environment is set up, by Django's own mark of it."""
    return hasattr(mail, "outbox")


@contextmanager
def store_of_test(url: URL) -> Iterator[None]:
    """
    Allow the tests that run meanwhile to use the store at *url*, and to empty it.

    Raises:
        StoreOutsideTest: It may be the project's own.
    """
    if not _project_urls or url in _project_urls:
        raise StoreOutsideTest(NOT_FOR_TESTS)
    _stores_of_tests.append(url)
    try:
        yield
    finally:
        _stores_of_tests.remove(url)


def remember_project() -> None:
    """Remember the address of the alias: no test may empty it."""
    with suppress(UnfitDatabase):
        _project_urls.append(address_of_alias())


def address_of_alias() -> URL:
    """
    Return the address of the alias as Django's connection has it now.

    Raises:
        UnfitDatabase: The alias is missing, or Counterseal cannot use its database.
    """
    if ALIAS not in connections:
        raise UnfitDatabase(f"DATABASES has no {ALIAS!r}")
    try:
        connection = connections[ALIAS]
    except ImproperlyConfigured as error:
        raise UnfitDatabase(f"DATABASES[{ALIAS!r}]: {error}") from error
    members: Mapping[str, Any] = connection.settings_dict
    if connection.vendor == "postgresql":
        return _postgresql_url(members)
    if connection.vendor == "sqlite":
        return _sqlite_url(members)
    raise UnfitDatabase(
        f"DATABASES[{ALIAS!r}]: {connection.vendor} is neither postgresql nor sqlite"
    )


def _sqlite_url(members: Mapping[str, Any]) -> URL:
    name = str(members["NAME"])
    if name == ":memory:" or name.startswith("file:"):
        raise UnfitDatabase(f"DATABASES[{ALIAS!r}]: {IN_MEMORY}")
    return URL.create("sqlite", database=name)


def _postgresql_url(members: Mapping[str, Any]) -> URL:
    options: Mapping[str, Any] = members.get("OPTIONS") or {}
    query = {}
    for name, value in options.items():
        if name in OWN_OPTIONS:
            continue
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise UnfitDatabase(f"DATABASES[{ALIAS!r}]: the option {name!r} is none of libpq")
        query[name] = str(value)
    if role := options.get("assume_role"):
        query["options"] = f"{query.get('options', '')} -c role={role}".strip()
    host = str(members.get("HOST") or "")
    if host.startswith("/"):
        query["host"] = host
    port = members.get("PORT")
    return URL.create(
        "postgresql",
        username=members.get("USER") or None,
        password=members.get("PASSWORD") or None,
        host=None if host.startswith("/") else host or None,
        port=int(port) if port else None,
        database=str(members["NAME"]) if members.get("NAME") else None,
        query=query,
    )
