"""What a database does in its own way."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy
from sqlalchemy import Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from counterseal_sql.commits import Commit
from counterseal_sql.connections import ConnectionPool
from counterseal_sql.failures import Failures

if TYPE_CHECKING:
    from counterseal_sql.database import Database
    from counterseal_sql.group_commit import Writer


class Dialect(Protocol):
    """One kind of database, at one address."""

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, which opens every connection and keeps none."""

    @property
    def failures(self) -> Failures:
        """What its driver and SQLAlchemy raise."""

    @property
    def begin(self) -> str:
        """The statement that begins a transaction."""

    @property
    def pool(self) -> ConnectionPool[Any]:
        """The open connections."""

    @property
    def writer(self) -> Writer:
        """What writes, on connections of the pool."""

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """Begin an `INSERT` that can say what to do on conflict."""

    def call(self) -> AbstractContextManager[None]:
        """Return a context manager to make one call in."""

    def create(self, database: Database) -> None:
        """
        Create the database if that takes no more than a file.

        Raises:
            StoreUnavailable: It cannot be created.
        """

    def lock_schema(self, connection: sqlalchemy.Connection) -> None:
        """Let no other process migrate the schema until the transaction ends."""

    def commit(self, database: Database, commit: Commit) -> None:
        """
        Apply *commit*.

        Raises:
            Conflict: A record is not what the decision was made on.
            Indeterminate: Nobody knows whether it was applied.
            StoreUnavailable: The database failed; nothing has changed.
            OperationReused: The operation named other changes before.
        """
