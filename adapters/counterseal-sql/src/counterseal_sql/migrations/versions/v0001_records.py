"""The first schema: records, operations, events, and what the guards remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    name = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
    op.create_table(
        "counterseal_records",
        sa.Column("number", number, sa.Identity(), primary_key=True),
        sa.Column("guid", name, nullable=False),
        sa.Column("kind", name, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("natural_key", sa.LargeBinary(32)),
        sa.Column("account", name),
        sa.Column("pending", sa.Boolean, nullable=False),
        sa.Column("parent", name),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("keep_until", sa.BigInteger),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("dead", name),
        sa.Column("channel", name),
    )
    op.create_table(
        "counterseal_operations",
        sa.Column("operation", sa.LargeBinary(32), primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("applied_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "counterseal_events",
        sa.Column("number", number, sa.Identity(), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "counterseal_seen",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "counterseal_counts",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("window", sa.BigInteger, nullable=False),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "counterseal_reservations",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("guid", name, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
    )
    _index_records()
    op.create_index("counterseal_operations_applied_at", "counterseal_operations", ["applied_at"])
    op.create_index("counterseal_seen_until", "counterseal_seen", ["until"])
    op.create_index("counterseal_counts_until", "counterseal_counts", ["until"])
    op.create_index("counterseal_reservations_until", "counterseal_reservations", ["until"])


def _index_records() -> None:
    op.create_index("counterseal_records_guid", "counterseal_records", ["guid"], unique=True)
    for name, columns, where, unique in (
        ("natural_key", ["natural_key"], "natural_key IS NOT NULL", True),
        ("account", ["account", "kind", "pending"], "account IS NOT NULL", False),
        ("parent", ["parent"], "parent IS NOT NULL", False),
        ("due", ["kind", "due_at"], "due_at IS NOT NULL", False),
        ("over", ["keep_until"], "keep_until IS NOT NULL AND due_at IS NULL", False),
        (
            "channel",
            ["channel", "kind", "due_at"],
            "channel IS NOT NULL AND due_at IS NOT NULL",
            False,
        ),
        ("dead", ["dead", "number"], "dead IS NOT NULL", False),
    ):
        op.create_index(
            f"counterseal_records_{name}",
            "counterseal_records",
            columns,
            unique=unique,
            postgresql_where=sa.text(where),
            sqlite_where=sa.text(where),
        )
