"""How a commit is known again when the same operation is asked for twice (STORE-15, STORE-16)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from counterseal.models import Change


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
