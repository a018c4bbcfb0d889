"""
The indexes of the tables, as the last migration leaves them.

Only what migrates and compares schemas needs them: SQLAlchemy loads the dialects that they name.
"""

from __future__ import annotations

from sqlalchemy import Column, Index

from counterseal_sql.schema import (
    AUDIT,
    AUDIT_COUNTS,
    COUNTS,
    METADATA,
    OPERATIONS,
    PREFIX,
    RECORDS,
    REPLAY_KEYS,
    RESERVATIONS,
)


def _index(name: str, *columns: Column[object], where: object = None, unique: bool = False) -> None:
    # Most columns are null in most records, so most indexes are partial.
    Index(f"{PREFIX}{name}", *columns, unique=unique, postgresql_where=where, sqlite_where=where)


_of = RECORDS.c
_index("records_guid", _of.guid, unique=True)
_index("records_natural_key", _of.natural_key, where=_of.natural_key.is_not(None), unique=True)
_index("records_account", _of.account, _of.kind, _of.pending, where=_of.account.is_not(None))
_index("records_parent", _of.parent, where=_of.parent.is_not(None))
_index("records_due", _of.kind, _of.due_at, where=_of.due_at.is_not(None))
_index(
    "records_channel",
    _of.channel,
    _of.kind,
    _of.due_at,
    where=_of.channel.is_not(None) & _of.due_at.is_not(None),
)
_index(
    "records_over",
    _of.keep_until,
    where=_of.keep_until.is_not(None) & _of.due_at.is_(None),
)
_index("records_dead", _of.dead, _of.number, where=_of.dead.is_not(None))
_index("records_search_key", _of.search_key, where=_of.search_key.is_not(None))
for _name in ("actor", "event", "noun", "subject", "app_space"):
    _column = AUDIT.c[_name]
    _where = _column.is_not(None) if _column.nullable else None
    _index(f"audit_{_name}", _column, AUDIT.c.at, AUDIT.c.partition, AUDIT.c.position, where=_where)
_index("audit_at", AUDIT.c.at, AUDIT.c.partition, AUDIT.c.position)
_index("audit_counts_hour", AUDIT_COUNTS.c.hour, AUDIT_COUNTS.c.app_space)
_index("operations_applied_at", OPERATIONS.c.applied_at)
_index("seen_until", REPLAY_KEYS.c.until)
_index("counts_until", COUNTS.c.until)
_index("reservations_until", RESERVATIONS.c.until)

INDEXED_METADATA = METADATA
"""All tables, with their indexes."""
