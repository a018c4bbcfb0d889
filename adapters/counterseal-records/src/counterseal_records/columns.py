"""
Values that every database compares exactly: digests of text, whole numbers for times.

Texts that origins choose may hold U+0000, lone surrogates, or more bytes than an index takes.
Columns would also compare them by the database's collation, and show them to every reader.
So texts are looked up by their digests, and commits are recognised by a digest too.
What is searched by prefix is looked up by its bytes, which every database compares alike, and what
is searched by a part of it, by numbers that stand for three characters in a row each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii

from counterseal.models import Challenge, Change, Guid
from counterseal.models.record import fold_case

ROOT = ""
"""The owner of a list that nobody owns: a comparison with NULL finds no row."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_FINGERPRINT_BYTES = 16

_PART_CHARACTERS = 3
_PART_BYTES = 8


def digest(*parts: str) -> bytes:
    """Return the SHA-256 of *parts*; two different lists never have the same."""
    # As JSON, without the encoder that json.dumps makes for each list.
    text = ", ".join(map(encode_basestring_ascii, parts))
    return hashlib.sha256(f"[{text}]".encode()).digest()


def natural_key(app_space: Guid, account_id: str) -> bytes:
    """Return the second key of an account, besides its GUID."""
    return digest(app_space, account_id)


def search_key(app_space: Guid, account_id: str) -> bytes:
    """
    Return the key by which an account is searched: its App Space, and the UTF-8 of its id.

    The bytes of two keys of one App Space compare as the code points of the ids do.
    """
    return bytes.fromhex(app_space.replace("-", "")) + account_id.encode("utf-8", "surrogatepass")


def search_range(app_space: Guid, prefix: str, after: str | None) -> tuple[bytes, bytes]:
    """
    Return the range of the search keys that begin with *prefix* and come after *after*.

    Returns:
        The smallest key of the range, and the first one that comes after the range.
    """
    begin = search_key(app_space, prefix)
    # No UTF-8 has the byte 255. The next key after one is the key with a zero byte.
    end = begin + b"\xff"
    if after is not None:
        begin = max(begin, search_key(app_space, after) + b"\x00")
    return begin, end


def part_keys(app_space: Guid, text: str) -> frozenset[int]:
    """
    Return the keys by which accounts are searched by a part of their ids.

    There is one for each three characters in a row of *text*, whatever their case, so an id that
    contains a part has all keys of the part. An id that has them all need not contain it, because
    the three may be elsewhere; and two keys may be alike, though they hardly ever are.

    Args:
        app_space: Whose account has the id; another App Space has other keys.
        text: An account id, or a part of one.

    Returns:
        Numbers of 64 bits, with a sign; none for a text of fewer than three characters.
    """
    folded = fold_case(text)
    key = bytes.fromhex(app_space.replace("-", ""))
    return frozenset(
        int.from_bytes(
            hashlib.blake2b(
                folded[begin : begin + _PART_CHARACTERS].encode("utf-8", "surrogatepass"),
                digest_size=_PART_BYTES,
                key=key,
            ).digest(),
            "big",
            signed=True,
        )
        for begin in range(len(folded) - _PART_CHARACTERS + 1)
    )


def fingerprint(
    changes: tuple[Change, ...], bodies: Sequence[str | bytes | None], operation: bytes
) -> bytes:
    """
    Return 16 bytes that two commits of one operation share if they are equal.

    A store compares it to recognise an operation that is repeated (STORE-15, STORE-16).

    Args:
        changes: The changes of the commit.
        bodies: The body that each change writes; None for a guard.
        operation: The digest of the operation's name. Names are random, so nobody can choose
            records for which two commits of one operation have the same fingerprint.
    """
    # Of the old record only the version counts: nothing else of it is ever compared.
    hashed = [operation]
    for change, body in zip(changes, bodies, strict=True):
        old = 0 if change.old is None else change.old.version
        text = body.encode() if isinstance(body, str) else body or b""
        short = _shortened(text) if isinstance(change.new, Challenge) else text
        hashed += (f"{change.new.guid} {old} {len(text)} {len(short)} ".encode(), short)
    return hashlib.sha256(b"".join(hashed)).digest()[:_FINGERPRINT_BYTES]


def _shortened(challenge: bytes) -> bytes:
    """
    Return the body of an ended challenge without its long texts, for which shorter ones stand.

    For the display document, its hash does; for what a receipt says, the receipt's signature.
    """
    # In a text, quotation marks are escaped.
    display = challenge.find(b'"display":"')
    display_end = challenge.find(b'","display_hash":"', display)
    receipt = challenge.find(b'"receipt":"', display_end)
    signature = challenge.rfind(b".", receipt, challenge.find(b'","', receipt))
    if not 0 <= display < display_end < receipt < signature:
        return challenge
    return challenge[:display] + challenge[display_end:receipt] + challenge[signature:]


def microseconds(moment: datetime) -> int:
    """Return *moment* as whole microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def moment_at(count: int) -> datetime:
    """Return the moment that is *count* microseconds after the beginning of 1970."""
    return EPOCH + count * MICROSECOND
