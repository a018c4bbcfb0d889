"""Due notifications are found by the kind of address that they go to."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_RECORDS = sa.table(
    "counterseal_records",
    sa.column("number"),
    sa.column("kind"),
    sa.column("body"),
    sa.column("channel"),
)
_INDEXED = "channel IS NOT NULL AND due_at IS NOT NULL"


def upgrade() -> None:
    """Add the column, fill it for the notifications that are there by now, and index it."""
    name = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
    op.add_column("counterseal_records", sa.Column("channel", name))
    _fill(op.get_bind())
    op.create_index(
        "counterseal_records_channel",
        "counterseal_records",
        ["channel", "kind", "due_at"],
        postgresql_where=sa.text(_INDEXED),
        sqlite_where=sa.text(_INDEXED),
    )


def _fill(connection: sa.Connection) -> None:
    stored = _RECORDS.c
    notifications = connection.execute(
        sa.select(stored.number, stored.body).where(stored.kind == "notification")
    ).all()
    for number, body in notifications:
        channel = json.loads(body)["fields"]["kind"]
        connection.execute(
            sa.update(_RECORDS).where(stored.number == number).values(channel=channel)
        )
