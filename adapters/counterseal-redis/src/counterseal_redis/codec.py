"""
A record as the value of one key: a header line, which the scripts read, and the body.

The header has five words:

- the record's number in its partition, which the script writes;
- the time, in microseconds, from which on a read of the record has to be confirmed; `-`: never;
- the version;
- the account: its GUID for a record about an account, its natural key for an account; else `-`;
- the form of the body, by which this release decodes its own form quickly.
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
"""How long a record is kept after its end: longer than clocks may differ."""

_MILLISECOND = timedelta(milliseconds=1)


def header(record: Record) -> str:
    """Return the second and third word of the header line of *record*."""
    return f"{_confirmed_from(record)} {record.version}"


def _confirmed_from(record: Record) -> str:
    # From its due time on, a use case may report that the record has ended.
    if record.due_at is not None:
        return str(max(0, microseconds(record.due_at)))
    return NOTHING if record.keep_until is None else "0"


def encode(record: Record, account: str, body: bytes) -> bytes:
    """Return the value of *record* without its number; *account* is a word of the header."""
    return b"%b %b %b\n%b" % (header(record).encode(), account.encode(), form_of(record), body)


def decode(value: bytes) -> Record:
    """
    Return the record in *value*.

    Raises:
        RecordUnreadable: *value* holds no record that this release knows.
    """
    first, _, body = value.partition(b"\n")
    return read_record(body, first.rpartition(b" ")[2])


def decode_as(expected: type[R], value: bytes) -> R:
    """
    Return the record in *value* as an instance of *expected*.

    Raises:
        RecordUnreadable: *value* holds something else, or nothing that this release knows.
    """
    first, _, body = value.partition(b"\n")
    return read_as(expected, body, first.rpartition(b" ")[2])


def compact(digest: bytes) -> str:
    """Return *digest* as part of a key."""
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def guid_bytes(guid: Guid | str) -> bytes:
    """Return the 16 bytes of *guid*; zeros for the empty text."""
    return bytes.fromhex(guid.replace("-", "")) or bytes(16)


def guid_from(member: bytes) -> Guid:
    """Return the GUID whose 16 bytes are *member*."""
    text = member.hex()
    return Guid(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")


def account_id_of(search_key: bytes) -> str:
    """Return the account id in *search_key*."""
    return search_key[16:].decode("utf-8", "surrogatepass")


def time_to_live(record: Record, now: datetime) -> str:
    """
    Return the milliseconds that the server keeps *record*, or nothing if it keeps it for ever.

    It is a duration and not a moment, since the server's clock may differ from the service's.
    """
    if record.keep_until is None or record.due_at is not None:
        return ""
    return str(milliseconds(record.keep_until - now, GRACE))


def milliseconds(remaining: timedelta, grace: timedelta) -> int:
    """Return *remaining* (if it is negative, nothing) and *grace* together, in milliseconds."""
    return (max(remaining, timedelta()) + grace) // _MILLISECOND
