"""
The remembered head: what is known of the audit log's newest signed head outside of the store.

Whoever writes to the store can delete the signed head, or put an older one in its place. Signed
heads are numbered, so a process that remembers the greatest number finds that: the stored head has
to be the remembered one, or a newer one.
"""

from __future__ import annotations

import enum

from counterseal import keys
from counterseal.errors import AuditHeadMissing, AuditHeadOlder, AuditHeadOther
from counterseal.models import RememberedHead, SignedHead
from counterseal.wire.audit_head import recognized_by


class StoredHead(enum.Enum):
    """What the stored head is, beside the remembered one."""

    FIRST = enum.auto()
    """Nothing is remembered."""

    UNCHANGED = enum.auto()
    """It is the remembered one."""

    NEWER = enum.auto()
    """
    It has a greater number.

    Whether a key of the service has signed it, and whether its chains continue those of the
    remembered one, is not known.
    """


def compare_heads(remembered: RememberedHead | None, stored: SignedHead | None) -> StoredHead:
    """
    Return what the stored head is, beside the remembered one.

    Raises:
        AuditHeadMissing: *stored* is None, and *remembered* is not.
        AuditHeadOlder: *stored* has a lower number.
        AuditHeadOther: *stored* has the same number and another digest.
    """
    if remembered is None:
        return StoredHead.FIRST
    if stored is None:
        raise AuditHeadMissing
    if stored.number < remembered.number:
        raise AuditHeadOlder
    if stored.number > remembered.number:
        return StoredHead.NEWER
    keys.require_equal(recognized_by(stored).digest, remembered.digest, AuditHeadOther)
    return StoredHead.UNCHANGED
