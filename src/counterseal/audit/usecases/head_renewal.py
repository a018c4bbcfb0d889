"""The renewal of the audit log's heads: an operator accepts the log in its present state."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import attrs

from counterseal._input_limits import text_fits
from counterseal.audit.documents import (
    NUMBER_LIMIT,
    read_head,
    read_unverified_head,
    recognized_by,
)
from counterseal.audit.rules import CUT, REWRITTEN, Tampering
from counterseal.audit.usecases.heads import (
    REMEMBERED,
    PartitionChecks,
    SignedHeads,
    known_head,
    order,
)
from counterseal.errors import Contended, InvalidField, MalformedToken, Refused
from counterseal.models import (
    AuditEvent,
    ChainHead,
    MemoryContent,
    Operator,
    RememberedHead,
    SignedHead,
)
from counterseal.wire.members import MILLISECOND, truncate

WHO_BYTES, WHY_BYTES = 200, 1_000
"""Who renewed the heads, and why, in bytes of UTF-8."""

HEAD_TO_DELETE = "of the signed head in the store was changed: delete that head, then try again"

LOSSES = frozenset({CUT.format(REMEMBERED), REWRITTEN.format(REMEMBERED)})
"""What tells a loss."""


@attrs.frozen(kw_only=True)
class AuditRenewal:
    """
    What a renewal has done.

    Attributes:
        renewed: Whether the heads were signed anew; not, if nothing refuses the signed head.
        remembered: The head that was remembered before; None if none was, or it cannot be read.
        tamperings: Where the log differs from the signed head in it; these partitions keep what
            that head said of them.
        losses: Where the log differs from the remembered head, which is no longer valid.
    """

    renewed: bool
    remembered: RememberedHead | None
    tamperings: tuple[Tampering, ...] = ()
    losses: tuple[Tampering, ...] = ()


@attrs.frozen
class HeadRenewal:
    """
    Signs the heads of the log anew.

    Attributes:
        signed_heads: The service's.
    """

    signed_heads: SignedHeads

    def renew(self, *, by: Operator, who: str, why: str) -> AuditRenewal:
        """
        Sign the heads anew, where they are refused.

        Raises:
            Refused: As `AuditChain.renew`.
        """
        text_fits(who, WHO_BYTES, "by", trimmed=True)
        text_fits(why, WHY_BYTES, "why", trimmed=True)
        audit, memory = self.signed_heads.ports.audit, self.signed_heads.memory
        content = MemoryContent()
        with suppress(InvalidField):
            content = memory.load()
        remembered = None if content.head is None else recognized_by(content.head)
        try:
            self.signed_heads.require()
        except Refused as refusal:
            reason = refusal.code
        else:
            return AuditRenewal(renewed=False, remembered=remembered)
        stored = audit.signed_head()
        if stored is not None and stored.number >= NUMBER_LIMIT:
            raise InvalidField("number", HEAD_TO_DELETE)
        heads, tamperings, losses = self._compare(content.head, stored)
        renewed_at = self._renewal_time(content.head, stored)
        renewed_head = self.signed_heads.replace(stored, heads, renewed_at)
        if renewed_head is None:
            raise Contended
        lost_head: tuple[tuple[str, str], ...] = ()
        if remembered is not None:
            lost_head = (("number", str(remembered.number)), ("digest", remembered.digest))
        event = AuditEvent(
            at=self.signed_heads.ports.clock.now(),
            event="audit.renew",
            actor=by.actor,
            attributes=(("by", who), ("why", why), ("refusal", reason), *lost_head),
        )
        # Before it is remembered: a renewal that is not in the log has to be repeated.
        audit.record(event)
        memory.renew(renewed_head)
        return AuditRenewal(
            renewed=True,
            remembered=remembered,
            tamperings=tuple(sorted(tamperings, key=order)),
            losses=tuple(sorted(losses, key=order)),
        )

    def _compare(
        self, remembered: SignedHead | None, stored: SignedHead | None
    ) -> tuple[list[ChainHead], set[Tampering], set[Tampering]]:
        """Return the heads to sign, and where the log differs from either head."""
        try:
            stored_heads = {} if stored is None else read_unverified_head(stored.token).heads
        except MalformedToken:
            stored_heads = {}
        lost = {} if remembered is None else read_unverified_head(remembered.token).heads
        checks = PartitionChecks(self.signed_heads)
        heads, tamperings, losses = [], set[Tampering](), set[Tampering]()
        for head in self.signed_heads.ports.audit.heads():
            outside_heads = [
                known_head(REMEMBERED, lost_head, with_base=False)
                for lost_head in (lost.get(head.partition),)
                if lost_head is not None
            ]
            signs = checks.verify(head, stored_heads, outside_heads, lambda: stored_heads)[1]
            lost_events = {sign for sign in signs if sign.problem in LOSSES}
            losses |= lost_events
            signs -= lost_events
            unsigned = ChainHead(partition=head.partition)
            heads.append(stored_heads.get(head.partition, unsigned) if signs else head)
            tamperings |= signs
        return heads, tamperings, losses

    def _renewal_time(self, remembered: SignedHead | None, stored: SignedHead | None) -> datetime:
        """Return the time of a renewal, which is later than those of the heads that it replaces."""
        known_heads = []
        if remembered is not None:
            known_heads.append(read_unverified_head(remembered.token))
        if stored is not None:
            # A time that the service has not signed may be any.
            with suppress(Refused):
                service_keys = self.signed_heads.ports.signer.jwks()
                known_heads.append(read_head(stored.token, service_keys=service_keys))
        times = [head.renewed_at + MILLISECOND for head in known_heads if head.renewed_at]
        return max([truncate(self.signed_heads.ports.clock.now()), *times])
