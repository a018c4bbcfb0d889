"""A commit on SQLite: one transaction that is the only writer from its first statement on."""

from __future__ import annotations

from sqlalchemy import Connection, Insert, Table, bindparam, insert, select, update
from sqlalchemy.dialects import sqlite

from counterseal.errors import Conflict, OperationReused
from counterseal_sql.commits import Attempt
from counterseal_sql.database import Database
from counterseal_sql.schema import EVENTS, OPERATIONS, RECORDS


def _new(table: Table) -> Insert:
    # Of an `INSERT`, SQLAlchemy keeps how many rows there were only if it is told to.
    statement = sqlite.insert(table).on_conflict_do_nothing()
    return statement.execution_options(preserve_rowcount=True)


_REMEMBER = _new(OPERATIONS)
_KNOWN = select(OPERATIONS.c.fingerprint).where(OPERATIONS.c.operation == bindparam("operation"))
_GUARDED = select(RECORDS.c.guid, RECORDS.c.version).where(
    RECORDS.c.guid.in_(bindparam("guids", expanding=True))
)
_SWAP = update(RECORDS).where(
    RECORDS.c.guid == bindparam("held"), RECORDS.c.version == bindparam("held_version")
)
_CREATE = _new(RECORDS)
_TELL = insert(EVENTS)


def commit(database: Database, wanted: Attempt) -> None:
    """
    Make the commit.

    Raises:
        Conflict: A record is not what the decision was made on.
        Indeterminate: SQLite could not say whether it is on the disk.
        StoreUnavailable: SQLite refused; nothing has changed.
        OperationReused: The operation named other changes before.
    """
    with database.committing() as connection:
        if _begins(connection, wanted):
            _apply(connection, wanted)


def _begins(connection: Connection, wanted: Attempt) -> bool:
    if connection.execute(_REMEMBER, wanted.operation).rowcount:
        return True
    known = connection.execute(_KNOWN, wanted.operation).scalar_one()
    if known != wanted.operation["fingerprint"]:
        raise OperationReused
    return False


def _apply(connection: Connection, wanted: Attempt) -> None:
    if wanted.guarded:
        found = connection.execute(_GUARDED, {"guids": list(wanted.guarded)}).all()
        if {row.guid: row.version for row in found} != wanted.guarded:
            raise Conflict
    for statement, rows in ((_SWAP, wanted.swapped), (_CREATE, wanted.created)):
        if rows and connection.execute(statement, rows).rowcount != len(rows):
            raise Conflict
    if wanted.told:
        connection.execute(_TELL, wanted.told)
