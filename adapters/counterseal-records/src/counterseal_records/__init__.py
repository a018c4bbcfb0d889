"""
Counterseal's records at rest: what every store that keeps bytes does alike.

- `bodies`: records, and audit events, as JSON with a version.
- `commits`: how a commit is known again.
- `inventory`, `checking` and `copying`: all that a store holds, whether it fits together, and
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
from counterseal_records.checking import check
from counterseal_records.commits import fingerprint
from counterseal_records.copying import Copied, copying
from counterseal_records.digest import ROOT, digest, natural_key
from counterseal_records.errors import RecordUnreadable, SourceUnsound, TargetDiffers
from counterseal_records.inventory import Inventory, Page, Shelf, Shelved
from counterseal_records.moments import MICROSECOND, microseconds, moment_at

__all__ = [
    "KINDS",
    "MICROSECOND",
    "ROOT",
    "Copied",
    "Inventory",
    "Kind",
    "Page",
    "RecordUnreadable",
    "Shelf",
    "Shelved",
    "SourceUnsound",
    "TargetDiffers",
    "check",
    "copying",
    "digest",
    "fingerprint",
    "form_of",
    "microseconds",
    "moment_at",
    "natural_key",
    "read",
    "read_as",
    "read_record",
    "write",
    "write_bytes",
]
