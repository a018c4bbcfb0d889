"""The audit log: what commits, refusals and telemetry have to tell, in one table."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlalchemy import delete, insert, select

from counterseal.models import AuditEvent
from counterseal_records import read_as
from counterseal_sql.commits import event_row
from counterseal_sql.database import Database
from counterseal_sql.schema import EVENTS

_RECORD = insert(EVENTS)


@attrs.frozen
class Entry:
    """
    One line of the log.

    Attributes:
        number: Its place; no other line of the log has it.
            SQLite begins anew when the log is empty.
    """

    number: int
    event: AuditEvent


class SqlAudit:
    """The log of one service, with the events of its commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, event: AuditEvent) -> None:
        """
        Append *event*.

        Raises:
            Unavailable: The database did not answer.
        """
        values = event_row(event)
        self._database.write(lambda connection: connection.execute(_RECORD, values))

    def read(self, *, after: int = 0, limit: int = 1_000) -> tuple[Entry, ...]:
        """
        Return lines in order.

        On PostgreSQL, a line whose transaction ends late can appear before others that are read.

        Args:
            after: The number of the last line that is not wanted.
            limit: How many lines, at most.

        Raises:
            Unavailable: The database did not answer, or a line cannot be read.
        """
        wanted = (
            select(EVENTS.c.number, EVENTS.c.body)
            .where(EVENTS.c.number > after)
            .order_by(EVENTS.c.number)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
        return tuple(Entry(row.number, read_as(AuditEvent, row.body)) for row in rows)

    def drop(self, entries: Sequence[Entry]) -> None:
        """
        Drop lines that have been taken elsewhere.

        By their numbers and not up to one: on PostgreSQL a line that nobody has read can have a
        smaller number.

        Raises:
            Unavailable: The database did not answer, and nothing has changed.
        """
        numbers = [entry.number for entry in entries]
        with self._database.writing() as connection:
            connection.execute(delete(EVENTS).where(EVENTS.c.number.in_(numbers)))
