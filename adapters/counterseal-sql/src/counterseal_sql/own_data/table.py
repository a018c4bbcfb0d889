"""The table of the requests, and its rows by SQLAlchemy."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Insert,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session

from counterseal.models import Guid
from counterseal_records import microseconds
from counterseal_sql.own_data.approval_request import (
    GUID_LENGTH,
    KEY_LENGTH,
    OUTCOME_LENGTH,
    ApprovalRequest,
    read_row,
)

NAME = "approval_requests"


class ApprovalTable:
    """
    The table of the requests, among the tables of the embedding program.

    Its times are microseconds since 1970. The program may read it, join it and delete old rows that
    have an outcome; it changes none.

    Args:
        metadata: The program's own, so that Alembic's autogenerate creates the table.
        name: Of the table.

    Attributes:
        table: SQLAlchemy's.
    """

    def __init__(self, metadata: MetaData, name: str = NAME) -> None:
        self.table = Table(
            name,
            metadata,
            Column("key", String(KEY_LENGTH), primary_key=True),
            Column("question", Text, nullable=False),
            Column("next_visit", BigInteger, index=True),
            Column("challenge", String(GUID_LENGTH), unique=True),
            Column("asked_at", BigInteger),
            Column("outcome", String(OUTCOME_LENGTH)),
            Column("use", String(GUID_LENGTH), unique=True),
        )
        self._columns = self.table.c
        self._select = select(self.table)

    def insert(self, *, key: str, document: str, next_visit: datetime) -> Insert:
        """Return the statement that inserts a request."""
        return insert(self.table).values(
            key=key, question=document, next_visit=microseconds(next_visit)
        )

    def load(self, session: Session, key: str) -> ApprovalRequest | None:
        """Return the request of this key."""
        row = session.execute(self._select.where(self._columns.key == key)).first()
        return None if row is None else read_row(row)

    def load_open(self, session: Session) -> list[ApprovalRequest]:
        """Return the requests that have a challenge and no outcome, oldest first."""
        columns = self._columns
        open_rows = self._select.where(columns.challenge.is_not(None), columns.outcome.is_(None))
        rows = session.execute(open_rows.order_by(columns.asked_at, columns.key))
        return [read_row(row) for row in rows]

    def claim(
        self, session: Session, due: datetime, next_visit: datetime
    ) -> ApprovalRequest | None:
        """Return a request whose next visit is *due*, and defer it to *next_visit*."""
        columns, due_rows = self._columns, self.table.alias().c
        # SQLite has one writer, and no locks of rows; its dialect leaves the clause out.
        first = (
            select(due_rows.key)
            .where(due_rows.next_visit <= microseconds(due))
            .order_by(due_rows.next_visit, due_rows.key)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        # One statement: a transaction that reads first could not write later, on SQLite.
        claim = update(self.table).where(columns.key == first).returning(*columns)
        row = session.execute(claim.values(next_visit=microseconds(next_visit))).first()
        return None if row is None else read_row(row)

    def defer(self, session: Session, key: str, next_visit: datetime) -> None:
        """Defer the next visit."""
        self._change_open(session, key, next_visit=microseconds(next_visit))

    def record_challenge(
        self, session: Session, key: str, challenge: Guid, asked_at: datetime
    ) -> bool:
        """Record the challenge of a request that has none; return False if it has one."""
        changes = {"challenge": challenge, "asked_at": microseconds(asked_at)}
        return self._change_open(session, key, self._columns.challenge.is_(None), **changes)

    def record_outcome(self, session: Session, key: str, outcome: str, use: Guid | None) -> bool:
        """Record the outcome of an open request; return False if it has one."""
        changes: dict[str, Any] = {"outcome": outcome, "use": use}
        if use is None:
            changes["next_visit"] = None
        return self._change_open(session, key, **changes)

    def record_report(self, session: Session, key: str) -> None:
        """Record that the use was reported."""
        row = update(self.table).where(self._columns.key == key)
        session.execute(row.values(next_visit=None))

    def _change_open(self, session: Session, key: str, *conditions: Any, **changes: Any) -> bool:
        """Change a request without an outcome, if it meets the conditions; tell whether."""
        columns = self._columns
        row = update(self.table).where(columns.key == key, columns.outcome.is_(None), *conditions)
        # A second transaction waits here for the first one, and then finds the outcome.
        return session.execute(row.values(changes).returning(columns.key)).first() is not None
