"""The probe: a row that is written to find out whether the database can still store something."""

from __future__ import annotations

from datetime import datetime

from counterseal_records import digest, microseconds
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import OPERATIONS

ROW = digest("counterseal", "probe")
"""The key of its row: no operation has it, and the row is deleted as old operations are."""


def probe(database: Database, data: bytes, now: datetime) -> None:
    """
    Write *data* into a row of its own, in place of what was there, and commit.

    A database whose disk is full may still change a number in place, but finds no page for this.

    Raises:
        StoreFull: The disk is full.
        StoreUnavailable: The database failed.
        Indeterminate: The reply to the commit was lost.
    """
    new = database.dialect.insert(OPERATIONS)
    write = Statement(
        new.on_conflict_do_update(
            index_elements=[OPERATIONS.c.operation],
            set_={
                "fingerprint": new.excluded.fingerprint,
                "applied_at": new.excluded.applied_at,
            },
        )
    )
    values = {"operation": ROW, "fingerprint": data, "applied_at": microseconds(now)}
    database.write(lambda connection: connection.count(write, [values]))
