"""All that a database holds: for checks and copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import RowMapping, func, insert, select

from counterseal.invariants import Violation
from counterseal.models import AuditEvent, Record
from counterseal.ports import Clock
from counterseal_records import AgedRecord, Page, PartitionContents, RecordUnreadable, read_record
from counterseal_sql import on_postgresql, on_sqlite
from counterseal_sql.audit import SqlAudit
from counterseal_sql.commits import event_row, loading
from counterseal_sql.database import Database
from counterseal_sql.rows import row
from counterseal_sql.schema import EVENTS, RECORDS

PAGE = 1_000

_guid = RECORDS.c.guid
_TOLD = select(func.count()).select_from(EVENTS)
_COMMIT = {"sqlite": on_sqlite.commit, "postgresql": on_postgresql.commit}


class SqlInventory:
    """
    What one service keeps in a database.

    Args:
        database: Which.
        clock: Dates operations, as the store's does.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._commit = _COMMIT[database.engine.dialect.name]

    def read_partition(self, partition: int) -> PartitionContents:
        """
        Return one partition, as it was at one moment.

        Raises:
            Unavailable: The database did not answer.
        """
        begin = f"{partition:02x}"
        wanted = (
            select(RECORDS)
            .where(_guid >= begin, _guid < f"{begin}g")  # after every digit
            .order_by(RECORDS.c.number)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
        records: list[AgedRecord] = []
        flaws: list[Violation] = []
        for held in rows:
            try:
                record = read_record(held["body"])
            except RecordUnreadable:
                flaws.append(Violation(held["guid"], "it cannot be read"))
                continue
            records.append(AgedRecord(held["number"], record))
            flaws += _flaws(held, record)
        return PartitionContents(tuple(records), tuple(flaws))

    def load(self, records: Sequence[Record], operation: str) -> None:
        """
        Create *records*, each with the version that it has.

        Raises:
            Conflict: One of them is there.
            Indeterminate: The reply was lost.
            Unavailable: The database did not answer, and nothing has changed.
        """
        self._commit(self._database, loading(records, operation, self._clock.now()))

    def events(self) -> Iterator[Sequence[AuditEvent]]:
        """
        Return the audit log in pages.

        Raises:
            Unavailable: The database did not answer, or a line cannot be read.
        """
        for page in self.pages():
            yield page.events

    def pages(self) -> Iterator[Page]:
        """
        Return the audit log in pages that can be dropped.

        Raises:
            Unavailable: The database did not answer, or a line cannot be read.
        """
        audit, after = SqlAudit(self._database), 0
        while entries := audit.read(after=after, limit=PAGE):
            events = tuple(entry.event for entry in entries)
            yield Page(events, partial(audit.drop, entries))
            after = entries[-1].number

    def append_events(self, events: Sequence[AuditEvent], first: int) -> None:
        """
        Append those of *events* that are not there; *first* lines stand before them.

        Raises:
            Unavailable: The database did not answer; all of them are there, or none is.
        """
        with self._database.committing() as connection:
            there = max(0, connection.execute(_TOLD).scalar_one() - first)
            if there < len(events):
                connection.execute(insert(EVENTS), [event_row(one) for one in events[there:]])


def _flaws(held: RowMapping, record: Record) -> Iterator[Violation]:
    for column, value in row(record).items():
        # How it is written may be an older release's way.
        if column != "body" and held[column] != value:
            yield Violation(held["guid"], f"the column {column} is not what the record says")
