"""The audit log: the events of commits, refusals and telemetry, in one table."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlalchemy import bindparam, delete, insert, select

from counterseal.models import AuditEvent
from counterseal_records import read_as
from counterseal_sql.commits import event_row
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import EVENTS

_INSERT = Statement(insert(EVENTS))
_PAGE = Statement(
    select(EVENTS.c.number, EVENTS.c.body)
    .where(EVENTS.c.number > bindparam("after"))
    .order_by(EVENTS.c.number)
    .limit(bindparam("limit"))
)
_DELETE = Statement(delete(EVENTS).where(EVENTS.c.number == bindparam("number")))


@attrs.frozen
class Entry:
    """
    One entry of the log.

    Attributes:
        number: Its position; no other entry of the log has it.
            SQLite starts again at 1 when the log is empty.
    """

    number: int
    event: AuditEvent


class SqlAudit:
    """The log of one service, with the events of its commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, event: AuditEvent) -> None:
        """Append *event*."""
        values = event_row(event)
        self._database.write(lambda connection: connection.count(_INSERT, [values]))

    def read(self, *, after: int = 0, limit: int = 1_000) -> tuple[Entry, ...]:
        """
        Return entries in order.

        On PostgreSQL, an entry of a slow transaction can appear after one with a greater number.

        Args:
            after: Return only entries with a greater number.
            limit: How many entries, at most.
        """
        with self._database.reading() as connection:
            rows = connection.rows(_PAGE, {"after": after, "limit": limit})
        return tuple(Entry(number, read_as(AuditEvent, body)) for number, body in rows)

    def drop(self, entries: Sequence[Entry]) -> None:
        """
        Delete *entries*, which have been copied elsewhere, and no others.

        On PostgreSQL, an entry that has not been read can have a smaller number than these.
        """
        if not entries:
            return
        with self._database.committing() as connection:
            connection.count(_DELETE, [{"number": entry.number} for entry in entries])
