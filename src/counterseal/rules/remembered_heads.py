"""
The remembered head: what is known of the audit log's newest signed head outside of the store.

An attacker who writes to the store can delete the signed head, or put an older one in its place.
Signed heads are numbered, so a process that remembers the greatest number finds that: the stored
head has to be the remembered one, or a newer one. Each head is signed with its number, and with the
time of the last renewal: after a restore, heads that the restore has lost may have greater numbers.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime

from counterseal import keys
from counterseal.errors import AuditHeadMissing, AuditHeadOlder, AuditHeadOther
from counterseal.models import RememberedHead, SignedHead
from counterseal.wire.audit_head import NUMBER_LIMIT, AuditHeads, recognized_by


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


NEVER = datetime.min.replace(tzinfo=UTC)


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


def require_number(stored: SignedHead, signed: AuditHeads) -> None:
    """
    Require that the stored head has the number that it says; an older release has signed none.

    Raises:
        AuditHeadOther: It has another number, or one that no head can follow.
    """
    if signed.number not in (None, stored.number) or stored.number >= NUMBER_LIMIT:
        raise AuditHeadOther


def require_order(remembered: AuditHeads, stored: AuditHeads) -> None:
    """
    Require that a head of a greater number is not from before a renewal or an upgrade.

    Args:
        remembered: What the remembered head says.
        stored: What the stored one says, whose number is greater.

    Raises:
        AuditHeadOlder: The last renewal before it is an earlier one, or an older release has signed
            it and not the remembered one.
    """
    if stored.number is None and remembered.number is not None:
        raise AuditHeadOlder
    if (stored.renewed_at or NEVER) < (remembered.renewed_at or NEVER):
        raise AuditHeadOlder
