"""The rows of the requests, as one transaction reads and changes them by Django."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connections
from django.db.models import QuerySet

from counterseal.models import Guid
from counterseal_django.own_data.models import ApprovalRow
from counterseal_records import microseconds
from counterseal_sql.own_data.approval_request import ApprovalRequest, read_row

CLAIM = """
UPDATE {table} SET next_visit = %s WHERE {key} = (
    SELECT {key} FROM {table} WHERE next_visit <= %s ORDER BY next_visit, {key} LIMIT 1 {locking}
) RETURNING {key}
"""
"""One statement, because on SQLite a transaction that reads first could not write later."""


class DjangoRows:
    """
    The rows in one database; a transaction of it is open when a method is called.

    Args:
        alias: Of the database.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias

    @property
    def _rows(self) -> QuerySet[ApprovalRow]:
        return ApprovalRow.objects.using(self._alias)

    def insert(self, *, key: str, document: str, next_visit: datetime) -> None:
        """Insert a request."""
        row = ApprovalRow(key=key, question=document, next_visit=microseconds(next_visit))
        row.save(using=self._alias, force_insert=True)

    def load(self, _: None, key: str) -> ApprovalRequest | None:
        """Return the request of this key."""
        row = self._rows.filter(key=key).first()
        return None if row is None else read_row(row)

    def load_open(self, _: None) -> list[ApprovalRequest]:
        """Return the requests that have a challenge and no outcome, oldest first."""
        rows = self._rows.filter(challenge__isnull=False, outcome__isnull=True)
        return [read_row(row) for row in rows.order_by("asked_at", "key")]

    def claim(self, _: None, due: datetime, next_visit: datetime) -> ApprovalRequest | None:
        """Return a request whose next visit is *due*, and defer it to *next_visit*."""
        connection = connections[self._alias]
        can_skip = connection.features.has_select_for_update_skip_locked
        statement = CLAIM.format(
            table=connection.ops.quote_name(ApprovalRow._meta.db_table),  # noqa: SLF001 (Django's documented name)
            key=connection.ops.quote_name("key"),
            locking="FOR UPDATE SKIP LOCKED" if can_skip else "",
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [microseconds(next_visit), microseconds(due)])
            row = cursor.fetchone()
        return None if row is None else self.load(None, row[0])

    def defer(self, _: None, key: str, next_visit: datetime) -> None:
        """Defer the next visit."""
        self._open(key).update(next_visit=microseconds(next_visit))

    def record_challenge(self, _: None, key: str, challenge: Guid, asked_at: datetime) -> bool:
        """Record the challenge of a request that has none; return False if it has one."""
        row = self._open(key).filter(challenge__isnull=True)
        return bool(row.update(challenge=challenge, asked_at=microseconds(asked_at)) == 1)

    def record_outcome(self, _: None, key: str, outcome: str, use: Guid | None) -> bool:
        """Record the outcome of an open request; return False if it has one."""
        changes: dict[str, Any] = {"outcome": outcome, "use": use}
        if use is None:
            changes["next_visit"] = None
        # A second transaction waits here for the first one, and then finds the outcome.
        return bool(self._open(key).update(**changes) == 1)

    def record_report(self, _: None, key: str) -> None:
        """Record that the use was reported."""
        self._rows.filter(key=key).update(next_visit=None)

    def _open(self, key: str) -> QuerySet[ApprovalRow]:
        return self._rows.filter(key=key, outcome__isnull=True)
