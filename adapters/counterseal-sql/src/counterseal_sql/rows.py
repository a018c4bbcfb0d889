"""A record as a row: its body, and the columns by which it is looked up."""

from __future__ import annotations

from typing import Any, TypeAlias

from counterseal.models import Record
from counterseal.models.record import Index, Listing, index_of, queue_name
from counterseal_records import KINDS, ROOT, microseconds, natural_key, search_key, write

Row: TypeAlias = dict[str, Any]


def row(record: Record) -> Row:
    """Return the columns of *record*."""
    return index_row(record, index_of(record)) | {"body": write(record)}


def index_row(record: Record, index: Index) -> Row:
    """Return the columns of *record* without its body; *index* is what `index_of` returns of it."""
    return {
        "guid": record.guid,
        "kind": KINDS[type(record)].name,
        "version": record.version,
        "natural_key": None if index.account_key is None else natural_key(*index.account_key),
        "account": index.account,
        "pending": index.listed and index.listing is Listing.PENDING,
        "parent": _owner(index, Listing.CHILDREN),
        "dead": _owner(index, Listing.DEAD),
        "channel": None if index.queue is None else queue_name(index.queue),
        "search_key": None if index.search_key is None else search_key(*index.search_key),
        "due_at": None if record.due_at is None else microseconds(record.due_at),
        "keep_until": None if record.keep_until is None else microseconds(record.keep_until),
    }


def _owner(index: Index, listing: Listing) -> str | None:
    """Return the owner of *listing* if the record is listed in it; else None."""
    return (index.owner or ROOT) if index.listed and index.listing is listing else None
