"""A connection of SQLite's driver."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sqlalchemy.dialects.sqlite import pysqlite

from counterseal_sql.prepared import Rows, Statement, Values

_DIALECT = pysqlite.dialect()


class SqliteConnection:
    """
    A connection to a SQLite file, in autocommit: a transaction begins with an explicit `BEGIN`.

    Methods that execute statements raise `sqlite3.Error`.

    Args:
        driver: The driver's own connection.
    """

    __slots__ = ("_driver",)

    lost = False
    """A connection to a file does not break."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver

    def rows(self, statement: Statement, values: Values) -> Rows:
        """Execute *statement*, and return its rows."""
        compiled = statement.compiled(_DIALECT, values)
        return self._driver.execute(compiled.text, compiled.parameters(values)).fetchall()

    def count(self, statement: Statement, values: Sequence[Values]) -> int:
        """Execute *statement* once for each of *values*; return how many rows it has changed."""
        compiled = statement.compiled(_DIALECT, values[0])
        return self._driver.executemany(compiled.text, map(compiled.parameters, values)).rowcount

    def run(self, sql: str) -> Rows:
        """Execute a statement without values, and return its rows, if it has any."""
        return self._driver.execute(sql).fetchall()

    def script(self, sql: str) -> None:
        """
        Execute statements without values, each compiled anew.

        SQLite applies some of a `PRAGMA` while it compiles it, and `run` would compile it only
        once.
        """
        self._driver.executescript(sql)

    @property
    def total_changes(self) -> int:
        """How many rows the connection has ever changed."""
        return self._driver.total_changes

    def reset(self) -> bool:
        """Roll back what was begun, and tell whether the connection can be used again."""
        try:
            self._driver.rollback()
        except sqlite3.Error:
            return False
        return True

    def close(self) -> None:
        """Close it; a transaction that was begun is rolled back."""
        self._driver.close()
