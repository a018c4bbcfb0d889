"""
The tables, as this release reads and writes them; `migrations` creates them.

`indexes` has their indexes.

A record is one row: its JSON, and the columns by which it is looked up.
All kinds share one table, because a GUID does not include the kind and `get` is one trip.
Times are numbers (`counterseal_records.columns`). Texts that others choose are digests, or bytes
where a prefix of them is searched: neither has a collation.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

PREFIX = "counterseal_"
"""Begins every name, because the embedding program may have tables in the same database."""

METADATA = MetaData()

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""Numbers rows in the order of their creation; on SQLite only an `INTEGER` key does so."""

NAME = String(36).with_variant(String(36, collation="C"), "postgresql")
"""A GUID, or a name that we chose: ASCII, compared byte by byte."""

DIGEST = LargeBinary(32)


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(f"{PREFIX}{name}", METADATA, *columns)


def _number() -> Column[Any]:
    # To insert into an identity column, a role needs no right on a sequence.
    return Column("number", NUMBER, Identity(), primary_key=True)


def _key(name: str = "key") -> Column[Any]:
    return Column(name, DIGEST, primary_key=True)


def _not_null(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]] = BigInteger) -> Column[Any]:
    return Column(name, kind, nullable=False)


RECORDS = _table(
    "records",
    _number(),
    _not_null("guid", NAME),
    _not_null("kind", NAME),
    _not_null("version"),
    Column("natural_key", DIGEST),
    Column("account", NAME),
    _not_null("pending", Boolean),
    Column("parent", NAME),
    Column("due_at", BigInteger),
    Column("keep_until", BigInteger),
    _not_null("body", Text),
    Column("dead", NAME),
    Column("channel", NAME),
    Column("search_key", LargeBinary),
)

ID_PARTS = _table(
    "id_parts",
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
)
"""
The keys of parts of account ids (`counterseal_records.part_keys`), and the records' numbers.

Only PostgreSQL has it; SQLite has the index `counterseal_id_texts` (`dialects.sqlite_parts`).
"""

OPERATIONS = _table(
    "operations", _key("operation"), _not_null("fingerprint", DIGEST), _not_null("applied_at")
)

EVENTS = _table("events", _number(), _not_null("at"), _not_null("body", Text))

AUDIT = _table(
    "audit",
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    _not_null("at"),
    _not_null("actor", DIGEST),
    _not_null("event", DIGEST),
    _not_null("noun", DIGEST),
    Column("subject", NAME),
    Column("app_space", NAME),
    _not_null("hash", DIGEST),
    _not_null("body", Text),
)
"""The events that are chained; `EVENTS` has those that are not yet."""

AUDIT_HEADS = _table(
    "audit_heads",
    Column("partition", Integer, primary_key=True, autoincrement=False),
    _not_null("position"),
    _not_null("hash", DIGEST),
    _not_null("base"),
    _not_null("base_hash", DIGEST),
)

AUDIT_COUNTS = _table(
    "audit_counts",
    _key(),
    _not_null("app_space", NAME),
    _not_null("hour"),
    _not_null("name", Text),
    _not_null("count"),
)

GAUGES = _table(
    "gauges",
    Column("app_space", NAME, primary_key=True),
    Column("origin", NAME, primary_key=True),
    Column("gauge", NAME, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    _not_null("count"),
)
"""
How many records of each partition count in each gauge; empty texts stand for None.

One row for all partitions would make every commit of an App Space wait for every other.
"""

AUDIT_SIGNATURES = _table(
    "audit_signatures",
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _not_null("token", Text),
)

REPLAY_KEYS = _table("seen", _key(), _not_null("until"))

COUNTS = _table("counts", _key(), *map(_not_null, ("window", "before", "count", "until")))

RESERVATIONS = _table(
    "reservations",
    _key(),
    _not_null("fingerprint", Text),
    _not_null("guid", NAME),
    _not_null("holder", Text),
    _not_null("lease_until"),
    _not_null("until"),
    _not_null("finished", Boolean),
)
