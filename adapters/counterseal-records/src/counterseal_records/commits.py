"""What can be said of a commit before a store is asked: is it possible, and which one is it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from counterseal.errors import PartitionCrossed, WrongRecord
from counterseal.models import Change
from counterseal.models.guid import partition_of


def demand_possible(changes: tuple[Change, ...]) -> None:
    """
    Refuse what no store could commit.

    Raises:
        PartitionCrossed: The records are not in one partition.
        WrongRecord: A version, a kind or a pairing is impossible.
    """
    if not changes or len({change.new.guid for change in changes}) != len(changes):
        raise WrongRecord  # STORE-21
    if len({partition_of(change.new.guid) for change in changes}) > 1:
        raise PartitionCrossed  # STORE-13
    for old, new in ((change.old, change.new) for change in changes):
        if new is old:
            continue
        if new.version != (1 if old is None else old.version + 1):
            raise WrongRecord  # STORE-14
        if old is not None and (type(old), old.guid) != (type(new), new.guid):
            raise WrongRecord  # STORE-14


def fingerprint(changes: tuple[Change, ...], bodies: Sequence[str | bytes | None]) -> bytes:
    """
    Return what two operations of one name have in common if they are the same.

    Args:
        changes: Of the commit.
        bodies: What each writes; None for a guard.
    """
    # Of the old record only its version counts: nothing else of it is ever compared.
    hashed: list[bytes] = []
    for change, body in zip(changes, bodies, strict=True):
        old = 0 if change.old is None else change.old.version
        text = body.encode() if isinstance(body, str) else body or b""
        hashed += (f"{change.new.guid} {old} {len(text)} ".encode(), text)
    return hashlib.sha256(b"".join(hashed)).digest()
