"""A commit on SQLite: what it does while nobody else writes."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.dialects import sqlite

from counterseal.errors import Conflict, OperationReused
from counterseal_sql.commits import Attempt
from counterseal_sql.database import Database
from counterseal_sql.schema import EVENTS, OPERATIONS, RECORDS
from counterseal_sql.statements import Statement

_REMEMBER = Statement(sqlite.insert(OPERATIONS).on_conflict_do_nothing())
_KNOWN = Statement(
    select(OPERATIONS.c.fingerprint).where(OPERATIONS.c.operation == bindparam("operation"))
)
_GUARDED = Statement(
    select(RECORDS.c.guid, RECORDS.c.version).where(
        RECORDS.c.guid.in_(bindparam("guids", expanding=True))
    ),
    listed="guids",
)
_SWAP = Statement(
    update(RECORDS)
    .prefix_with("OR IGNORE")  # a natural key that another account has: counted as not swapped
    .where(RECORDS.c.guid == bindparam("held"), RECORDS.c.version == bindparam("held_version"))
)
_CREATE = Statement(sqlite.insert(RECORDS).on_conflict_do_nothing())
_TELL = Statement(insert(EVENTS))


def commit(database: Database, wanted: Attempt) -> None:
    """
    Make the commit.

    Raises:
        Conflict: A record is not what the decision was made on.
        Indeterminate: SQLite could not say whether it is on the disk.
        StoreUnavailable: SQLite refused; nothing has changed.
        OperationReused: The operation named other changes before.
    """
    database.write(partial(_made, wanted), single=False)


def _made(wanted: Attempt, connection: Connection) -> None:
    if _begins(connection, wanted):
        _apply(connection, wanted)


def _begins(connection: Connection, wanted: Attempt) -> bool:
    if _REMEMBER.changed(connection, [wanted.operation]):
        return True
    ((known,),) = _KNOWN.rows(connection, {"operation": wanted.operation["operation"]})
    if known != wanted.operation["fingerprint"]:
        raise OperationReused
    return False


def _apply(connection: Connection, wanted: Attempt) -> None:
    if wanted.guarded:
        found = _GUARDED.rows(connection, {"guids": list(wanted.guarded)})
        if dict(found) != wanted.guarded:
            raise Conflict
    for statement, rows in ((_SWAP, wanted.swapped), (_CREATE, wanted.created)):
        if rows and statement.changed(connection, rows) != len(rows):
            raise Conflict
    if wanted.told:
        _TELL.changed(connection, wanted.told)
