"""Rows: records and events of the audit log as rows, and the columns by which they are found."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from counterseal.models import AuditEvent, ChainedEvent, ChainHead, CountKey, LogPlace, Record
from counterseal.models.record import Index, Listing, queue_name
from counterseal_records import (
    KINDS,
    ROOT,
    digest,
    microseconds,
    moment_at,
    natural_key,
    noun_of,
    read_event,
    read_recorded,
    search_key,
    write,
)
from counterseal_sql.schema import AUDIT

Row: TypeAlias = dict[str, Any]

LONGEST_CHAIN = 2**62
"""A head with a greater position is not one of this log."""

_BYTES = (bytes, memoryview)
_COLUMNS = tuple(column.name for column in AUDIT.c)
_NO_INDEX_VALUES: Row = {
    "at": 0,
    **dict.fromkeys(("actor", "event", "noun"), bytes(32)),
    **dict.fromkeys(("subject", "app_space")),
}
"""Of an event that cannot be read: only a search by time reads it, and leaves it out."""


def row(record: Record, index: Index) -> Row:
    """Return the columns of *record*; *index* is what `index_of` returns of it."""
    return index_row(record, index) | {"body": write(record)}


def index_row(record: Record, index: Index) -> Row:
    """Return the columns of *record* without its body; *index* is what `index_of` returns of it."""
    owner = (index.owner or ROOT) if index.listed else None
    due_at, keep_until = record.due_at, record.keep_until
    return {
        "guid": record.guid,
        "kind": KINDS[type(record)].name,
        "version": record.version,
        "natural_key": None if index.account_key is None else natural_key(*index.account_key),
        "account": index.account,
        "pending": index.listed and index.listing is Listing.PENDING,
        "parent": owner if index.listing is Listing.CHILDREN else None,
        "dead": owner if index.listing is Listing.DEAD else None,
        "channel": None if index.queue is None else queue_name(index.queue),
        "search_key": None if index.search_key is None else search_key(*index.search_key),
        "due_at": None if due_at is None else microseconds(due_at),
        "keep_until": None if keep_until is None else microseconds(keep_until),
    }


def read_place(row: tuple[Any, ...]) -> LogPlace:
    """Return where a search goes on behind the row of an event."""
    values = dict(zip(_COLUMNS, row, strict=True))
    return LogPlace(moment_at(values["at"]), values["partition"], values["position"])


def write_place(log_place: LogPlace) -> dict[str, int]:
    """Return the values of a statement that begins at *log_place*."""
    return {
        "at_of": microseconds(log_place.at),
        "partition_of": log_place.partition,
        "position_of": log_place.position,
    }


def read_head(
    partition: int, position: Any, head_hash: Any, base: Any, base_hash: Any
) -> ChainHead:
    """Return the head of a partition's chain; one that no event leads to if the row is no head."""
    # SQLite stores also other types in these columns.
    types = (position, int), (base, int), (head_hash, _BYTES), (base_hash, _BYTES)
    if not all(isinstance(value, kind) for value, kind in types):
        return unreadable_head(partition)
    if not 0 <= base <= position < LONGEST_CHAIN:
        return unreadable_head(partition)
    return ChainHead(
        partition=partition,
        position=position,
        hash=bytes(head_hash),
        base=base,
        base_hash=bytes(base_hash),
    )


def unreadable_head(partition: int) -> ChainHead:
    """Return what stands for a head that cannot be read; no event leads to it."""
    return ChainHead(partition=partition, hash=b"")


def read_unchained(text: Any) -> tuple[AuditEvent | None, bytes]:
    """Return a recorded event and the bytes to chain, whatever the row contains."""
    return read_recorded(_as_bytes(text))


def _as_bytes(value: Any) -> bytes:
    """Return the bytes of a value; SQLite stores also other types in these columns."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return bytes(value) if isinstance(value, _BYTES) else repr(value).encode("ascii")


def read_chained(row: tuple[Any, ...]) -> ChainedEvent:
    """Return the event in a row of the chains; None in place of one that cannot be read."""
    values = dict(zip(_COLUMNS, row, strict=True))
    body = _as_bytes(values["body"])
    event = read_event(body)
    expected = {} if event is None else _index_values(event)
    return ChainedEvent(
        partition=values["partition"],
        position=values["position"],
        hash=_as_bytes(values["hash"]),
        body=body,
        event=event,
        searchable=bool(expected)
        and all(_as_stored(values[name]) == value for name, value in expected.items()),
    )


def _as_stored(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _index_values(event: AuditEvent | None) -> Row:
    if event is None:
        return _NO_INDEX_VALUES
    return {
        "at": microseconds(event.at),
        "actor": digest(event.actor),
        "event": digest(event.event),
        "noun": digest(noun_of(event)),
        "subject": event.subject,
        "app_space": event.app_space,
    }


def write_chained(chained: ChainedEvent) -> Row:
    """Return the row of a chained event, with the values that searches look it up by."""
    return {
        "partition": chained.partition,
        "position": chained.position,
        **_index_values(chained.event),
        "hash": chained.hash,
        "body": chained.body.decode("ascii"),
    }


def write_count(key: CountKey, count: int) -> Row:
    """Return the row of how many events there were of one kind in an hour."""
    name = json.dumps([key.event, key.reason])
    app_space = key.app_space or ""
    return {
        "key": digest(app_space, str(microseconds(key.hour)), name),
        "app_space": app_space,
        "hour": microseconds(key.hour),
        "name": name,
        "count": count,
    }
