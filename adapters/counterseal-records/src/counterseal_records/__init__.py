"""
Counterseal's records at rest: what every store that keeps bytes has in common.

- `bodies`: records and audit events as JSON with a version.
- `columns`: texts, times and commits as values that every database compares exactly.
- `inventory`: all that a store holds, and whether it satisfies the invariants of the core.
- `copying`: how it is copied into another store.

It is for the authors of stores; a service installs one of the stores.
"""

from __future__ import annotations

from counterseal_records.bodies import (
    KINDS,
    Kind,
    RecordUnreadable,
    form_of,
    read,
    read_as,
    read_record,
    write,
    write_bytes,
)
from counterseal_records.columns import (
    MICROSECOND,
    ROOT,
    digest,
    fingerprint,
    microseconds,
    moment_at,
    natural_key,
    search_key,
    search_range,
)
from counterseal_records.copying import CopyProgress, SourceUnsound, TargetDiffers, copy_store
from counterseal_records.inventory import Inventory, NumberedRecord, Page, PartitionContents, check

__all__ = [
    "KINDS",
    "MICROSECOND",
    "ROOT",
    "CopyProgress",
    "Inventory",
    "Kind",
    "NumberedRecord",
    "Page",
    "PartitionContents",
    "RecordUnreadable",
    "SourceUnsound",
    "TargetDiffers",
    "check",
    "copy_store",
    "digest",
    "fingerprint",
    "form_of",
    "microseconds",
    "moment_at",
    "natural_key",
    "read",
    "read_as",
    "read_record",
    "search_key",
    "search_range",
    "write",
    "write_bytes",
]
