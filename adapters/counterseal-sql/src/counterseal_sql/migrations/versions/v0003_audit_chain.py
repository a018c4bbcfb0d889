"""
The chains of the audit log, its indexes, counts and signed heads.

Events that are recorded already need no step of their own: they are not chained yet, and workers
chain them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    name = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
    op.create_table(
        "counterseal_audit",
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.LargeBinary(32), nullable=False),
        sa.Column("event", sa.LargeBinary(32), nullable=False),
        sa.Column("noun", sa.LargeBinary(32), nullable=False),
        sa.Column("subject", name),
        sa.Column("app_space", name),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "counterseal_audit_heads",
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("base_hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "counterseal_audit_counts",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("app_space", name, nullable=False),
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "counterseal_audit_signatures",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("token", sa.Text, nullable=False),
    )
    place_columns = ["at", "partition", "position"]
    op.create_index("counterseal_audit_at", "counterseal_audit", place_columns)
    for column in ("actor", "event", "noun", "subject", "app_space"):
        where = f"{column} IS NOT NULL" if column in ("subject", "app_space") else None
        op.create_index(
            f"counterseal_audit_{column}",
            "counterseal_audit",
            [column, *place_columns],
            postgresql_where=None if where is None else sa.text(where),
            sqlite_where=None if where is None else sa.text(where),
        )
    op.create_index(
        "counterseal_audit_counts_hour", "counterseal_audit_counts", ["hour", "app_space"]
    )
