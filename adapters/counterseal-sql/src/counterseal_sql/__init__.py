"""
Counterseal's records in SQLite or PostgreSQL: every storage port, on SQLAlchemy Core.

    database = connect("sqlite:///counterseal.db")
    upgrade(database)
    ports = with_sql(ports, database)

Only `upgrade` creates and changes the schema.
Every method that uses the database raises `Unavailable` if it does not answer, and
`RecordUnreadable`, which is one, if a record cannot be read.
"""

from __future__ import annotations

from counterseal_records import RecordUnreadable
from counterseal_sql.audit import Entry, SqlAudit
from counterseal_sql.database import Database, connect, probe
from counterseal_sql.failures import FullTextMissing, SchemaTooNew, UnfitUrl
from counterseal_sql.garbage import forget
from counterseal_sql.guards import SqlCounters, SqlIdempotency, SqlReplayGuard
from counterseal_sql.inventory import SqlInventory
from counterseal_sql.migrations import NEWEST as NEWEST_SCHEMA
from counterseal_sql.migrations import schema_version, server_time, upgrade
from counterseal_sql.sqlite_copy import UnfitCopy, copy_sqlite, require_schema, require_sound
from counterseal_sql.store import SqlStore, with_sql

__all__ = [
    "NEWEST_SCHEMA",
    "Database",
    "Entry",
    "FullTextMissing",
    "RecordUnreadable",
    "SchemaTooNew",
    "SqlAudit",
    "SqlCounters",
    "SqlIdempotency",
    "SqlInventory",
    "SqlReplayGuard",
    "SqlStore",
    "UnfitCopy",
    "UnfitUrl",
    "connect",
    "copy_sqlite",
    "forget",
    "probe",
    "require_schema",
    "require_sound",
    "schema_version",
    "server_time",
    "upgrade",
    "with_sql",
]
