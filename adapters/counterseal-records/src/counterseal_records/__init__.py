"""
Counterseal's records at rest: what every store that keeps bytes has in common.

- `audit_search`: the audit log's indexes, and how a search reads them.
- `bodies`: records and audit events as JSON with a version.
- `columns`: texts, times and commits as values that every database compares exactly.
- `inventory`: all that a store holds, and whether it satisfies the invariants of the core.
- `copying`: how it is copied into another store.

It is for the authors of stores; a service installs one of the stores.
"""

from __future__ import annotations

from counterseal_records.audit_search import (
    IndexKey,
    IndexKind,
    Run,
    index_keys,
    noun_of,
    read_event,
    read_recorded,
    search,
)
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
    part_keys,
    search_key,
    search_range,
)
from counterseal_records.copying import (
    CopyProgress,
    SameStore,
    SourceUnsound,
    TargetDiffers,
    copy_store,
    require_different,
)
from counterseal_records.inventory import (
    CheckResult,
    Inventory,
    NumberedRecord,
    PartitionContents,
    check,
    merge_results,
)

__all__ = [
    "KINDS",
    "MICROSECOND",
    "ROOT",
    "CheckResult",
    "CopyProgress",
    "IndexKey",
    "IndexKind",
    "Inventory",
    "Kind",
    "NumberedRecord",
    "PartitionContents",
    "RecordUnreadable",
    "Run",
    "SameStore",
    "SourceUnsound",
    "TargetDiffers",
    "check",
    "copy_store",
    "digest",
    "fingerprint",
    "form_of",
    "index_keys",
    "merge_results",
    "microseconds",
    "moment_at",
    "natural_key",
    "noun_of",
    "part_keys",
    "read",
    "read_as",
    "read_event",
    "read_record",
    "read_recorded",
    "require_different",
    "search",
    "search_key",
    "search_range",
    "write",
    "write_bytes",
]
