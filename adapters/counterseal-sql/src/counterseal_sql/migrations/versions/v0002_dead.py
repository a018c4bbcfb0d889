"""Dead callbacks are found by their origin."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_RECORDS = sa.table(
    "counterseal_records",
    sa.column("number"),
    sa.column("kind"),
    sa.column("body"),
    sa.column("dead"),
)
_DEAD = '"state":"DEAD"'
"""In the body of a dead callback; in a text that others chose, the quotes would be escaped."""


def upgrade() -> None:
    """Add the column, fill it for the callbacks that are dead by now, and index it."""
    name = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
    op.add_column("counterseal_records", sa.Column("dead", name))
    _fill(op.get_bind())
    op.create_index(
        "counterseal_records_dead",
        "counterseal_records",
        ["dead", "number"],
        postgresql_where=sa.text("dead IS NOT NULL"),
        sqlite_where=sa.text("dead IS NOT NULL"),
    )


def _fill(connection: sa.Connection) -> None:
    held = _RECORDS.c
    dead = connection.execute(
        sa.select(held.number, held.body).where(
            held.kind == "callback", held.body.contains(_DEAD, autoescape=True)
        )
    ).all()
    for number, body in dead:
        origin = json.loads(body)["fields"]["origin"]
        connection.execute(sa.update(_RECORDS).where(held.number == number).values(dead=origin))
