"""
Counterseal's records at rest: what every store that keeps bytes does alike.

- `bodies`: records, and audit events, as JSON with a version.
- `lookups`: what a record is looked up by.
- `commits`: whether a commit is possible, and how it is known again.
- `inventory`, `soundness` and `copying`: all that a store holds, whether it fits together, and
  how it comes into another store.
- `digest` and `moments`: texts and times as what any database compares exactly.

It is for the authors of stores; a service installs one of those.
"""

from __future__ import annotations

from counterseal_records.bodies import (
    KINDS,
    Kind,
    form_of,
    read,
    read_as,
    read_record,
    write,
    write_bytes,
)
from counterseal_records.commits import demand_possible, fingerprint
from counterseal_records.copying import Copied, copying
from counterseal_records.digest import digest
from counterseal_records.errors import RecordUnreadable, SourceUnsound, TargetDiffers
from counterseal_records.inventory import Flaw, Inventory, Page, Shelf, Shelved
from counterseal_records.lookups import ROOT, Lookup, lookup, natural_key
from counterseal_records.moments import MICROSECOND, microseconds, moment_at
from counterseal_records.soundness import check, unsound

__all__ = [
    "KINDS",
    "MICROSECOND",
    "ROOT",
    "Copied",
    "Flaw",
    "Inventory",
    "Kind",
    "Lookup",
    "Page",
    "RecordUnreadable",
    "Shelf",
    "Shelved",
    "SourceUnsound",
    "TargetDiffers",
    "check",
    "copying",
    "demand_possible",
    "digest",
    "fingerprint",
    "form_of",
    "lookup",
    "microseconds",
    "moment_at",
    "natural_key",
    "read",
    "read_as",
    "read_record",
    "unsound",
    "write",
    "write_bytes",
]
