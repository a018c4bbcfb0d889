"""
PostgreSQL: a commit is one statement, and so one trip and one transaction.

The rows are parameters in JSON.
Each part of the statement reads an earlier one, which fixes their order. If the operation is known,
no record is locked. Records are locked in the order of their GUIDs before anything is written, so
that no two commits wait for each other; gauges come last, so that others wait for them shortly.
PostgreSQL expects a hundred rows of JSON, and would scan a small table for them. Of a query's array
it expects ten, whatever is in it, so it looks GUIDs up in the index and plans the statement once.
If a part has found fewer rows than it should, the last one divides by zero, and all is undone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import URL, Table, bindparam, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError

from counterseal.errors import Conflict, OperationReused
from counterseal.models import Guid
from counterseal_sql.commits import Commit, IndexedAccount
from counterseal_sql.connections import Checkout, Connection, ConnectionPool
from counterseal_sql.dialects.engine import create_engine, open_driver
from counterseal_sql.dialects.postgresql_driver import PostgresqlConnection
from counterseal_sql.dialects.postgresql_parts import changed_keys, misindexed, page_reader
from counterseal_sql.failures import Failures, UnfitUrl, indeterminate, unavailable
from counterseal_sql.group_commit import DirectWriter
from counterseal_sql.prepared import PageReader, Statement
from counterseal_sql.rows import Row
from counterseal_sql.schema import OPERATIONS

DIVISION_BY_ZERO = "22012"
UNIQUE_VIOLATION = "23505"
"""An account would get the natural key of another one."""

POOLER = "pooler"
"""The one parameter of an address that is ours and not libpq's."""

_STATELESS = {"prepare_threshold": None}
"""Behind a pooler, a transaction may get any session, so nothing is prepared or set in one."""

_LOCK_SCHEMA = "SELECT pg_advisory_xact_lock(4702111234474983745)"
"""A number that is ours alone: programs that migrate the same database wait for its lock."""

_WRITE = """
WITH operation AS (
    INSERT INTO counterseal_operations (operation, fingerprint, applied_at)
    VALUES (:operation, :fingerprint, :applied_at)
    ON CONFLICT DO NOTHING
    RETURNING operation
), expected AS (
    SELECT guid, version
    FROM json_to_recordset(CAST(:expected AS json)) AS old (guid text, version bigint)
), locked AS MATERIALIZED (
    SELECT record.guid
    FROM counterseal_records AS record
    JOIN expected AS old ON record.guid = old.guid AND record.version = old.version
    WHERE record.guid = ANY(ARRAY(SELECT guid FROM expected))
        AND EXISTS (SELECT FROM operation)
    ORDER BY record.guid
    FOR UPDATE OF record
), complete AS (
    SELECT (SELECT count(*) FROM operation) = 1
        AND (SELECT count(*) FROM locked) = json_array_length(CAST(:expected AS json)) AS everything
), updated AS (
    UPDATE counterseal_records AS record
    SET version = new.version,
        natural_key = decode(new.natural_key, 'hex'),
        account = new.account,
        pending = new.pending,
        parent = new.parent,
        dead = new.dead,
        channel = new.channel,
        search_key = decode(new.search_key, 'hex'),
        due_at = new.due_at,
        keep_until = new.keep_until,
        body = new.body
    FROM json_to_recordset(CAST(:updates AS json)) AS new (
        guid text, old_version bigint, version bigint, natural_key text, account text,
        pending boolean, parent text, dead text, channel text,
        search_key text, due_at bigint, keep_until bigint, body text
    )
    WHERE (SELECT everything FROM complete)
        AND record.guid = ANY(ARRAY(SELECT guid FROM expected))
        AND record.guid = new.guid AND record.version = new.old_version
    RETURNING record.guid, record.number
), inserted AS (
    INSERT INTO counterseal_records (
        guid, kind, version, natural_key, account, pending, parent, dead, channel,
        search_key, due_at, keep_until, body
    )
    SELECT guid, kind, version, decode(natural_key, 'hex'), account, pending, parent, dead, channel,
        decode(search_key, 'hex'), due_at, keep_until, body
    FROM ROWS FROM (json_to_recordset(CAST(:inserts AS json)) AS (
        guid text, kind text, version bigint, natural_key text, account text,
        pending boolean, parent text, dead text, channel text,
        search_key text, due_at bigint, keep_until bigint, body text
    )) WITH ORDINALITY AS new
    WHERE (SELECT everything FROM complete)
    ORDER BY ordinality
    ON CONFLICT DO NOTHING
    RETURNING guid, number
), recorded AS (
    INSERT INTO counterseal_events (at, body)
    SELECT at, body
    FROM ROWS FROM (
        json_to_recordset(CAST(:events AS json)) AS (at bigint, body text)
    ) WITH ORDINALITY AS event
    WHERE (SELECT everything FROM complete)
    ORDER BY ordinality
), written AS (
    SELECT (SELECT everything FROM complete)
        AND (SELECT count(*) FROM updated) = json_array_length(CAST(:updates AS json))
        AND (SELECT count(*) FROM inserted) = json_array_length(CAST(:inserts AS json))
        AS everything
)"""
_CHANGE_PARTS = """
, changed AS MATERIALIZED (
    SELECT record.number, change.added, change.removed
    FROM json_to_recordset(CAST(:parts AS json)) AS change (
        guid text, added bigint[], removed bigint[]
    )
    JOIN (SELECT guid, number FROM inserted UNION ALL SELECT guid, number FROM updated) AS record
        ON record.guid = change.guid
    WHERE (SELECT everything FROM written)
), parts_added AS (
    INSERT INTO counterseal_id_parts (part, number)
    SELECT unnest(added), number FROM changed
), parts_removed AS (
    DELETE FROM counterseal_id_parts AS part
    WHERE part.part = ANY(ARRAY(SELECT unnest(removed) FROM changed))
        AND part.number = ANY(ARRAY(SELECT number FROM changed))
        AND EXISTS (
            SELECT FROM changed
            WHERE changed.number = part.number AND part.part = ANY(changed.removed)
        )
)
"""
_COUNT = """
, counted AS (
    INSERT INTO counterseal_gauges AS gauge (app_space, origin, gauge, partition, count)
    SELECT app_space, origin, gauge, partition, count
    FROM ROWS FROM (
        json_to_recordset(CAST(:gauges AS json)) AS (
            app_space text, origin text, gauge text, partition integer, count bigint
        )
    ) WITH ORDINALITY AS added
    WHERE (SELECT everything FROM written)
    ORDER BY ordinality
    ON CONFLICT (app_space, origin, gauge, partition)
        DO UPDATE SET count = gauge.count + excluded.count
)
SELECT 1 / CAST((SELECT everything FROM written) AS integer)
"""
_COMMIT = Statement(text(_WRITE + _COUNT))
_COMMIT_PARTS = Statement(text(_WRITE + _CHANGE_PARTS + _COUNT))
"""Of a commit in which the parts of an account's id change; no other reads their table."""


_FINGERPRINT = Statement(
    select(OPERATIONS.c.fingerprint).where(OPERATIONS.c.operation == bindparam("operation"))
)


# Every role may ask for these. The same table can have another schema in another search path.
_IDENTITY = Statement(
    text("""
SELECT concat_ws(' ', pg_postmaster_start_time(), oid, to_regclass('counterseal_records')::oid)
FROM pg_database WHERE datname = current_database()
""")
)


class PostgresqlDialect:
    """
    One PostgreSQL database.

    Attributes:
        engine: SQLAlchemy's, which opens every connection and keeps none.
        failures: What psycopg and SQLAlchemy raise.
        begin: The statement that begins a transaction.
        pool: The open connections.
        writer: Writes, for any number of threads at once.

    Raises:
        UnfitUrl: The parameter `pooler` is neither `on` nor `off`.
    """

    failures: Failures = (SQLAlchemyError, psycopg.Error)
    begin = "BEGIN"

    def __init__(self, url: URL, *, patience: timedelta, connections: int) -> None:
        own = url.set(drivername="postgresql+psycopg").difference_update_query([POOLER])
        seconds = patience.total_seconds()
        self.engine = create_engine(
            own,
            _defaults(own, seconds) | (_STATELESS if _has_pooler(url) else _session(own, seconds)),
        )
        self.pool = ConnectionPool(
            lambda: PostgresqlConnection(open_driver(self.engine)),
            limit=connections,
            patience=patience,
            failures=self.failures,
        )
        self.writer = DirectWriter(self.pool)

    def insert(self, table: Table) -> postgresql.Insert:
        """Begin an `INSERT` that can say what to do on conflict."""
        return postgresql.insert(table)

    def call(self) -> AbstractContextManager[None]:
        """Return a context manager that does nothing: each write is durable at once."""
        return nullcontext()

    def create(self) -> None:
        """Do nothing: an administrator creates databases."""

    def identity(self) -> str:
        """Return when the server started, to the microsecond, the database, and the table."""
        with Checkout(self.pool) as connection:
            ((identity,),) = connection.rows(_IDENTITY, {})
        return f"postgresql {identity}"

    def lock_schema(self, connection: sqlalchemy.Connection) -> None:
        """Let no other process migrate the schema until the transaction ends."""
        connection.exec_driver_sql(_LOCK_SCHEMA)

    def part_reader(self, connection: Connection, app_space: Guid, part: str) -> PageReader:
        """Return what reads accounts of the App Space whose id may contain *part*."""
        return page_reader(connection, app_space, part)

    def misindexed(self, connection: Connection, accounts: Sequence[IndexedAccount]) -> set[int]:
        """Return the numbers of those of which the index of parts lacks some."""
        return misindexed(connection, accounts)

    def commit(self, commit: Commit) -> None:
        """
        Apply *commit*.

        Raises:
            Conflict: A record is not the one that the decision was made on.
            Indeterminate: The connection was lost, and the outcome is unknown.
            StoreUnavailable: PostgreSQL did not answer, or refused; nothing has changed.
            OperationReused: The operation named other changes before.
        """
        parameters = _parameters(commit)
        with Checkout(self.pool) as connection:
            try:
                connection.rows(_COMMIT_PARTS if commit.parts else _COMMIT, parameters)
            except psycopg.Error as error:
                if connection.lost or error.sqlstate is None:
                    raise indeterminate(error) from error
                if error.sqlstate not in {DIVISION_BY_ZERO, UNIQUE_VIOLATION}:
                    raise unavailable(error) from error
            else:
                return
        self._explain(commit.operation)

    def _explain(self, operation: Row) -> None:
        with Checkout(self.pool) as connection:
            rows = connection.rows(_FINGERPRINT, operation)
        if not rows:
            raise Conflict
        if rows != [(operation["fingerprint"],)]:
            raise OperationReused


def _parameters(commit: Commit) -> Row:
    updates = [
        update.new | {"old_guid": update.old.guid, "old_version": update.old.version}
        for update in commit.updates
    ]
    expected = commit.unchanged | {row["old_guid"]: row["old_version"] for row in updates}
    parameters = commit.operation | {
        "expected": json.dumps(
            [{"guid": guid, "version": version} for guid, version in expected.items()]
        ),
        "updates": json.dumps(updates, default=bytes.hex),
        "inserts": json.dumps(commit.inserts, default=bytes.hex),
        "events": json.dumps(commit.events),
        "gauges": json.dumps(commit.gauges),
    }
    if commit.parts:
        parameters["parts"] = json.dumps(list(map(changed_keys, commit.parts)))
    return parameters


def _has_pooler(url: URL) -> bool:
    match url.query.get(POOLER, "off"):
        case "on":
            return True
        case "off":
            return False
    raise UnfitUrl("pooler: neither on nor off")


def _defaults(url: URL, seconds: float) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        # libpq takes no connect_timeout below two seconds.
        "connect_timeout": max(2, int(seconds)),
        "tcp_user_timeout": int(seconds * 1000),
        # The default is the encoding of the database, and psycopg decodes no text in SQL_ASCII.
        "client_encoding": "utf8",
    }
    return {name: value for name, value in defaults.items() if name not in url.query}


def _session(url: URL, seconds: float) -> dict[str, Any]:
    # With a stricter isolation as the database's default, a concurrent commit would be an error.
    settings = (
        f"-c lock_timeout={int(seconds * 1000)} -c default_transaction_isolation=read\\ committed"
    )
    return {"options": f"{settings} {' '.join(url.normalized_query.get('options', ()))}"}
