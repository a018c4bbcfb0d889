"""Records in SQLite or PostgreSQL."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from counterseal import Ports
from counterseal.errors import InvalidField
from counterseal.ports import Clock
from counterseal_server.records.records import Schema
from counterseal_sql import (
    NEWEST_SCHEMA,
    Database,
    SqlInventory,
    UnfitUrl,
    connect,
    forget,
    probe,
    schema_version,
    server_time,
    upgrade,
    with_sql,
)

DATABASES = frozenset({"sqlite", "postgresql"})

PORTS = (
    "store: none of sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME, redis://HOST:6379/0,"
    " rediss://…, redis+sentinel://… and redis+cluster://…"
)
"""All kinds of URL, because the address matched none of them."""


class SqlRecords:
    """
    Records in one database.

    Attributes:
        database: The database.
        file: The file of a SQLite database; None if it is of another kind.

    Raises:
        UnfitUrl: The URL is of another kind, or needs an extra.
    """

    def __init__(self, address: str | Path) -> None:
        if isinstance(address, Path):
            # Not as text: a path may contain characters with a meaning in URLs.
            url: str | URL = URL.create("sqlite", database=str(address))
        else:
            url = address
        if str(url).partition(":")[0].partition("+")[0] not in DATABASES:
            raise UnfitUrl(PORTS)
        self.file = file_of(url)
        try:
            self.database: Database = connect(url)
        except UnfitUrl as error:
            raise UnfitUrl(f"store: {error}") from error

    def joined(self, ports: Ports) -> Ports:
        """Return *ports* with the adapters that store something in the database."""
        return with_sql(ports, self.database)

    def call(self) -> AbstractContextManager[None]:
        """
        Return the context of one call, in which several commits share a sync of the disk.

        Raises:
            Indeterminate: At the end: what was written may not survive a power cut.
        """
        return self.database.call()

    def create(self) -> None:
        """
        Create what is missing in the database, and the file of a SQLite database.

        Raises:
            FullTextMissing: SQLite was built without FTS5.
            SchemaTooNew: A newer release has migrated it.
        """
        upgrade(self.database)

    def prepare(self) -> None:
        """
        Migrate the database.

        Raises:
            InvalidField: There is no such file. SQLite would create it, and it would be empty.
            FullTextMissing: SQLite was built without FTS5.
            SchemaTooNew: A newer release has been at it.
        """
        self._demand_file()
        upgrade(self.database)

    def schema(self) -> Schema:
        """
        Return how far the database has been migrated; nothing is written.

        Raises:
            InvalidField: There is no such file.
        """
        self._demand_file()
        return Schema(present=schema_version(self.database), newest=NEWEST_SCHEMA)

    def server_times(self) -> tuple[datetime, ...]:
        """Return the time of the database's server; none for SQLite."""
        time = server_time(self.database)
        return () if time is None else (time,)

    def probe(self, data: bytes, now: datetime) -> None:
        """
        Store *data* in a row of its own.

        Raises:
            StoreFull: The disk is full.
        """
        probe(self.database, data, now)

    def forget(self, before: datetime) -> int:
        """Delete records that ended before *before*; return how many rows."""
        return forget(self.database, before)

    def inventory(self, clock: Clock) -> SqlInventory:
        """Return the content of the database."""
        return SqlInventory(self.database, clock)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    def _demand_file(self) -> None:
        file = self.file
        if file is not None and not file.exists():
            raise InvalidField("store", f"there is no file {file}")


def file_of(url: str | URL) -> Path | None:
    """Return the file of a SQLite database; None if it is in memory, or of another kind."""
    try:
        parsed_url = make_url(url)
    except ArgumentError:
        return None
    name = parsed_url.database
    is_file = parsed_url.get_backend_name() == "sqlite" and name and name != ":memory:"
    return Path(name) if is_file and name else None
