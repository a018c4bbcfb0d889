"""
The tables, as this release reads and writes them; `migrations` makes them so.

A record is one row: its JSON, and columns only for what it is looked up by.
All kinds share one table, because a GUID does not tell the kind and `get` is one trip.
Times are numbers (`counterseal_records.moments`), and texts that others choose are digests.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

PREFIX = "counterseal_"
"""Of every name: the database may be shared with the program that embeds us."""

METADATA = MetaData()

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""Counts rows in the order in which they were made; SQLite does so for an `INTEGER` key only."""

NAME = String(36).with_variant(String(36, collation="C"), "postgresql")
"""A GUID, or one of our own words: ASCII, compared byte by byte."""

DIGEST = LargeBinary(32)

RECORDS = Table(
    f"{PREFIX}records",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("guid", NAME, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("natural_key", DIGEST),
    Column("account", NAME),
    Column("pending", Boolean, nullable=False),
    Column("parent", NAME),
    Column("due_at", BigInteger),
    Column("keep_until", BigInteger),
    Column("body", Text, nullable=False),
    Column("dead", NAME),
)

OPERATIONS = Table(
    f"{PREFIX}operations",
    METADATA,
    Column("operation", DIGEST, primary_key=True),
    Column("fingerprint", DIGEST, nullable=False),
    Column("applied_at", BigInteger, nullable=False),
)

EVENTS = Table(
    f"{PREFIX}events",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

SEEN = Table(
    f"{PREFIX}seen",
    METADATA,
    Column("key", DIGEST, primary_key=True),
    Column("until", BigInteger, nullable=False),
)

COUNTS = Table(
    f"{PREFIX}counts",
    METADATA,
    Column("key", DIGEST, primary_key=True),
    Column("window", BigInteger, nullable=False),
    Column("before", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
)

RESERVATIONS = Table(
    f"{PREFIX}reservations",
    METADATA,
    Column("key", DIGEST, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("guid", NAME, nullable=False),
    Column("holder", Text, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("finished", Boolean, nullable=False),
)


def _index(name: str, *columns: Column[object], where: object = None, unique: bool = False) -> None:
    # Most records are found by few of their columns, so most indexes leave most records out.
    Index(f"{PREFIX}{name}", *columns, unique=unique, postgresql_where=where, sqlite_where=where)


_held = RECORDS.c
_index("records_guid", _held.guid, unique=True)
_index("records_natural_key", _held.natural_key, where=_held.natural_key.is_not(None), unique=True)
_index(
    "records_account", _held.account, _held.kind, _held.pending, where=_held.account.is_not(None)
)
_index("records_parent", _held.parent, where=_held.parent.is_not(None))
_index("records_due", _held.kind, _held.due_at, where=_held.due_at.is_not(None))
_index(
    "records_over",
    _held.keep_until,
    where=_held.keep_until.is_not(None) & _held.due_at.is_(None),
)
_index("records_dead", _held.dead, _held.number, where=_held.dead.is_not(None))
_index("operations_applied_at", OPERATIONS.c.applied_at)
_index("seen_until", SEEN.c.until)
_index("counts_until", COUNTS.c.until)
_index("reservations_until", RESERVATIONS.c.until)
