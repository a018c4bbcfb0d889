"""
A commit on PostgreSQL: one statement, and so one trip and one transaction.

What is swapped, created and told goes along as JSON.
The parts run in the order in which they ask for each other: an operation that is known ends it
before anything is locked, and records are locked in the order of their GUIDs before anything is
written, so that no two commits wait for each other.
If a part has found less than it should, the last line divides by zero: all of it is undone.
"""

from __future__ import annotations

import json

from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DBAPIError

from counterseal.errors import Conflict, OperationReused
from counterseal_sql.commits import Attempt
from counterseal_sql.database import Database
from counterseal_sql.failures import indeterminate, unavailable
from counterseal_sql.rows import Row
from counterseal_sql.schema import OPERATIONS

DIVISION_BY_ZERO = "22012"
UNIQUE_VIOLATION = "23505"
"""An account was to get the natural key of another one."""

_COMMIT = text("""
WITH operation AS (
    INSERT INTO counterseal_operations (operation, fingerprint, applied_at)
    VALUES (:operation, :fingerprint, :applied_at)
    ON CONFLICT DO NOTHING
    RETURNING operation
), held AS MATERIALIZED (
    SELECT record.guid
    FROM counterseal_records AS record
    JOIN json_to_recordset(CAST(:held AS json)) AS old (guid text, version bigint)
        ON record.guid = old.guid AND record.version = old.version
    WHERE EXISTS (SELECT FROM operation)
    ORDER BY record.guid
    FOR UPDATE OF record
), found AS (
    SELECT (SELECT count(*) FROM operation) = 1
        AND (SELECT count(*) FROM held) = json_array_length(CAST(:held AS json)) AS everything
), swapped AS (
    UPDATE counterseal_records AS record
    SET version = new.version,
        natural_key = decode(new.natural_key, 'hex'),
        account = new.account,
        pending = new.pending,
        parent = new.parent,
        dead = new.dead,
        channel = new.channel,
        due_at = new.due_at,
        keep_until = new.keep_until,
        body = new.body
    FROM json_to_recordset(CAST(:swapped AS json)) AS new (
        guid text, held_version bigint, version bigint, natural_key text, account text,
        pending boolean, parent text, dead text, channel text, due_at bigint,
        keep_until bigint, body text
    )
    WHERE (SELECT everything FROM found)
        AND record.guid = new.guid AND record.version = new.held_version
    RETURNING record.guid
), created AS (
    INSERT INTO counterseal_records (
        guid, kind, version, natural_key, account, pending, parent, dead, channel,
        due_at, keep_until, body
    )
    SELECT guid, kind, version, decode(natural_key, 'hex'), account, pending, parent, dead, channel,
        due_at, keep_until, body
    FROM ROWS FROM (json_to_recordset(CAST(:created AS json)) AS (
        guid text, kind text, version bigint, natural_key text, account text,
        pending boolean, parent text, dead text, channel text, due_at bigint,
        keep_until bigint, body text
    )) WITH ORDINALITY AS new
    WHERE (SELECT everything FROM found)
    ORDER BY ordinality
    ON CONFLICT DO NOTHING
    RETURNING guid
), told AS (
    INSERT INTO counterseal_events (at, body)
    SELECT at, body
    FROM ROWS FROM (
        json_to_recordset(CAST(:told AS json)) AS (at bigint, body text)
    ) WITH ORDINALITY AS event
    WHERE (SELECT everything FROM found)
    ORDER BY ordinality
)
SELECT 1 / CAST(
    (SELECT everything FROM found)
    AND (SELECT count(*) FROM swapped) = json_array_length(CAST(:swapped AS json))
    AND (SELECT count(*) FROM created) = json_array_length(CAST(:created AS json))
    AS integer
)
""")

_KNOWN = select(OPERATIONS.c.fingerprint).where(OPERATIONS.c.operation == bindparam("operation"))


def commit(database: Database, wanted: Attempt) -> None:
    """
    Make the commit.

    Raises:
        Conflict: A record is not what the decision was made on.
        Indeterminate: The connection was lost, and nobody knows.
        StoreUnavailable: PostgreSQL did not answer, or refused; nothing has changed.
        OperationReused: The operation named other changes before.
    """
    held = wanted.guarded | {row["held"]: row["held_version"] for row in wanted.swapped}
    values = wanted.operation | {
        "held": json.dumps([{"guid": guid, "version": version} for guid, version in held.items()]),
        "swapped": json.dumps(wanted.swapped, default=bytes.hex),
        "created": json.dumps(wanted.created, default=bytes.hex),
        "told": json.dumps(wanted.told),
    }
    with database.reading() as connection:
        try:
            connection.execute(_COMMIT, values)
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if error.connection_invalidated or state is None:
                raise indeterminate(error) from error
            if state not in {DIVISION_BY_ZERO, UNIQUE_VIOLATION}:
                raise unavailable(error) from error
        else:
            return
    _explain(database, wanted.operation)


def _explain(database: Database, operation: Row) -> None:
    with database.reading() as connection:
        known = connection.execute(_KNOWN, operation).scalar_one_or_none()
    if known is None:
        raise Conflict
    if known != operation["fingerprint"]:
        raise OperationReused
