"""Accounts are searched by the beginning of their ids: a column, its index, and its values."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BATCH = 1_000
"""Accounts that are read at once."""


def upgrade() -> None:
    """Add the search key of each account that has not been erased."""
    op.add_column("counterseal_records", sa.Column("search_key", sa.LargeBinary))
    _fill()
    where = sa.text("search_key IS NOT NULL")
    op.create_index(
        "counterseal_records_search_key",
        "counterseal_records",
        ["search_key"],
        postgresql_where=where,
        sqlite_where=where,
    )


def _fill() -> None:
    records = sa.table(
        "counterseal_records",
        sa.column("number", sa.BigInteger),
        sa.column("kind", sa.String),
        sa.column("body", sa.Text),
        sa.column("search_key", sa.LargeBinary),
    )
    page = (
        sa.select(records.c.number, records.c.body)
        .where(records.c.kind == "account", records.c.number > sa.bindparam("after"))
        .order_by(records.c.number)
        .limit(BATCH)
    )
    fill = (
        sa.update(records)
        .where(records.c.number == sa.bindparam("row"))
        .values(search_key=sa.bindparam("new"))
    )
    connection = op.get_bind()
    last = -1
    while rows := connection.execute(page, {"after": last}).all():
        last = rows[-1].number
        keys = [{"row": row.number, "new": _search_key(row.body)} for row in rows]
        connection.execute(fill, keys)


def _search_key(body: str) -> bytes | None:
    try:
        fields = json.loads(body)["fields"]
        space: str = fields["app_space"]
        account_id: str = fields["account_id"]
        erased_at: str | None = fields["erased_at"]
    except (ValueError, LookupError, TypeError):
        # `counterseal store check` reports a body that cannot be read; it must not stop the rest.
        return None
    if erased_at is not None:
        return None
    return bytes.fromhex(space.replace("-", "")) + account_id.encode("utf-8", "surrogatepass")
