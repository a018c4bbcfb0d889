"""Records in SQLite or PostgreSQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import URL

from counterseal import Ports
from counterseal.ports import Clock
from counterseal_sql import Database, SqlInventory, connect, forget, upgrade, with_sql


class SqlRecords:
    """
    Records in one database.

    Attributes:
        database: Which.

    Raises:
        UnfitUrl: The address is of another kind.
    """

    def __init__(self, address: str | URL) -> None:
        self.database: Database = connect(address)

    def joined(self, ports: Ports) -> Ports:
        """Return *ports* with those that store something, in the database."""
        return with_sql(ports, self.database)

    def prepare(self) -> None:
        """
        Migrate the database.

        Raises:
            SchemaTooNew: A newer release has been at it.
            Unavailable: It did not answer.
        """
        upgrade(self.database)

    def forget(self, before: datetime) -> int:
        """
        Drop what is over since *before*; return how many rows.

        Raises:
            Unavailable: The database did not answer.
        """
        return forget(self.database, before)

    def inventory(self, clock: Clock) -> SqlInventory:
        """Return all that is in the database."""
        return SqlInventory(self.database, clock)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()
