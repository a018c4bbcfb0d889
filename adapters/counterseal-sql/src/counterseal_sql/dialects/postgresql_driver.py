"""A connection of psycopg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql import psycopg as dialects

from counterseal_sql.prepared import Rows, Statement, Values

_DIALECT = dialects.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class PostgresqlConnection:
    """
    A connection to PostgreSQL, in autocommit: a transaction begins with an explicit `BEGIN`.

    Methods that execute statements raise `psycopg.Error`.

    Args:
        driver: The driver's own connection; its `prepare_threshold` is None if no statement is
            to be prepared on the server.
    """

    __slots__ = ("_driver",)

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver

    def rows(self, statement: Statement, values: Values) -> Rows:
        """Execute *statement*, and return its rows."""
        compiled = statement.compiled(_DIALECT, values)
        cursor = psycopg.RawCursor(self._driver)
        cursor.execute(compiled.text.encode(), compiled.parameters(values), prepare=True)
        return cursor.fetchall()

    def count(self, statement: Statement, values: Sequence[Values]) -> int:
        """Execute *statement* once for each of *values*; return how many rows it has changed."""
        compiled = statement.compiled(_DIALECT, values[0])
        text = compiled.text.encode()
        cursor = psycopg.RawCursor(self._driver)
        if len(values) == 1:
            cursor.execute(text, compiled.parameters(values[0]), prepare=True)
        else:
            cursor.executemany(text, map(compiled.parameters, values))
        return cursor.rowcount

    def run(self, sql: str) -> Rows:
        """Execute a statement without values, and return its rows, if it has any."""
        cursor = psycopg.RawCursor(self._driver)
        cursor.execute(sql.encode(), prepare=False)
        return [] if cursor.rownumber is None else cursor.fetchall()

    @property
    def lost(self) -> bool:
        """Whether the connection was closed, or broke."""
        return self._driver.closed

    def reset(self) -> bool:
        """Tell whether the connection can be used again; one in a transaction cannot."""
        return self._driver.info.transaction_status is TransactionStatus.IDLE

    def close(self) -> None:
        """Close it; a transaction that was begun is rolled back."""
        self._driver.close()
