"""
A record as the value of one key: a first line for the script, and the body.

The first line is the record's number in its partition, the time from which on a reading of the
record has to be confirmed (`-` is never), the version, and what the record is tied to: an account
to its natural key, a record about an account to that account's GUID, any other to nothing (`-`);
and the form of the body, so that one of this release's own form is read quickly.
The number is the script's, and all that comes after it the caller's.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import TypeVar

from counterseal.models import Guid, Record
from counterseal_records import form_of, microseconds, read_as, read_record

R = TypeVar("R")

NOTHING = "-"

GRACE = timedelta(days=1)
"""How long what is over is kept beyond that: longer than clocks may differ."""

_MILLISECOND = timedelta(milliseconds=1)


def head(record: Record) -> str:
    """Return what comes after the number: when a reading has to be confirmed, and the version."""
    return f"{_final_from(record)} {record.version}"


def _final_from(record: Record) -> str:
    # From when it is due on, as once it is over, somebody may be told of an end.
    if record.due_at is not None:
        return str(max(0, microseconds(record.due_at)))
    return NOTHING if record.keep_until is None else "0"


def written(record: Record, tie: str, body: bytes) -> bytes:
    """Return the value of *record* but for its number: what it is tied to, and its *body*."""
    return b"%b %b %b\n%b" % (head(record).encode(), tie.encode(), form_of(record), body)


def found(value: bytes) -> Record:
    """
    Return the record in *value*.

    Raises:
        RecordUnreadable: It holds none that this release knows.
    """
    first, _, body = value.partition(b"\n")
    return read_record(body, first.rpartition(b" ")[2])


def found_as(expected: type[R], value: bytes) -> R:
    """
    Return the record in *value*, which has to be of one kind.

    Raises:
        RecordUnreadable: It is of another, or is nothing that this release knows.
    """
    first, _, body = value.partition(b"\n")
    return read_as(expected, body, first.rpartition(b" ")[2])


def compact(digest: bytes) -> str:
    """Return *digest* as part of a key."""
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def raw(guid: Guid | str) -> bytes:
    """Return the 16 bytes of *guid*; of what is none, zeros."""
    return bytes.fromhex(guid.replace("-", "")) or bytes(16)


def life(record: Record, now: datetime) -> str:
    """
    Return how many milliseconds *record* lives, or nothing if that is for ever.

    It is a length and no date, since the server may have another clock than the service.
    """
    if record.keep_until is None or record.due_at is not None:
        return ""
    return str(milliseconds(record.keep_until - now, GRACE))


def milliseconds(left: timedelta, grace: timedelta) -> int:
    """Return a time to live: what is *left*, if anything is, and *grace*."""
    return (max(left, timedelta()) + grace) // _MILLISECOND
