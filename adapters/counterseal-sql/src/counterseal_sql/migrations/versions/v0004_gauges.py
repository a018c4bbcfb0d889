"""
Gauges: how many users and origins are active, how many challenges wait, and how many callbacks.

The records that are there are counted once; commits do so from then on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BATCH = 1_000
"""Records that are read at once."""

KINDS = ("account", "callback", "challenge", "origin")

GAUGES = {
    ("challenge", "PENDING"): "pending_challenges",
    ("challenge", "SEEN"): "pending_challenges",
    ("callback", "QUEUED"): "queued_callbacks",
    ("callback", "DEAD"): "dead_callbacks",
}


def upgrade() -> None:
    """Make the table, and count the records."""
    name = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
    op.create_table(
        "counterseal_gauges",
        sa.Column("app_space", name, primary_key=True),
        sa.Column("origin", name, primary_key=True),
        sa.Column("gauge", name, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    _fill()


def _fill() -> None:
    gauges = sa.table(
        "counterseal_gauges",
        *map(sa.column, ("app_space", "origin", "gauge", "partition", "count")),
    )
    counts: Counter[tuple[str, str, str, int]] = Counter()
    for kind, guid, body in _records():
        key = _gauge(kind, body)
        if key is not None:
            counts[*key, int(guid[:2], 16)] += 1
    rows = [
        {
            "app_space": app_space,
            "origin": origin,
            "gauge": gauge,
            "partition": partition,
            "count": count,
        }
        for (app_space, origin, gauge, partition), count in sorted(counts.items())
    ]
    for first in range(0, len(rows), BATCH):
        op.get_bind().execute(sa.insert(gauges), rows[first : first + BATCH])


def _records() -> Iterator[tuple[str, str, str]]:
    records = sa.table(
        "counterseal_records", *map(sa.column, ("number", "guid", "kind", "due_at", "dead", "body"))
    )
    # Of callbacks and challenges, only those that are due or dead can count.
    page = (
        sa.select(records.c.number, records.c.kind, records.c.guid, records.c.body)
        .where(
            records.c.number > sa.bindparam("after"),
            records.c.kind.in_(KINDS),
            sa.or_(
                records.c.kind.in_(("account", "origin")),
                records.c.due_at.is_not(None),
                records.c.dead.is_not(None),
            ),
        )
        .order_by(records.c.number)
        .limit(BATCH)
    )
    last = -1
    while rows := op.get_bind().execute(page, {"after": last}).all():
        last = rows[-1].number
        for row in rows:
            yield row.kind, row.guid, row.body


def _gauge(kind: str, body: str) -> tuple[str, str, str] | None:
    """Return the App Space, the origin and the gauge in which a record counts."""
    try:
        fields: dict[str, Any] = json.loads(body)["fields"]
        app_space: str = fields.get("app_space") or ""
        if kind == "account":
            states = [device["state"] for device in fields["devices"]]
            is_active = "ACTIVE" in states and fields["locked_at"] is None
            return (app_space, "", "active_users") if is_active else None
        if kind == "origin":
            return (app_space, "", "active_origins") if fields["credentials"] else None
        gauge = GAUGES.get((kind, fields["state"]))
        return None if gauge is None else (app_space, fields["origin"], gauge)
    except (ValueError, LookupError, TypeError):
        # `counterseal store check` reports a body that cannot be read; it must not stop the rest.
        return None
