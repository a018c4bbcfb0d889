"""The signed head in the audit log: what it has to follow, and what may follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

import attrs

from counterseal import keys
from counterseal.errors import AuditHeadDetached, AuditRenewalDue
from counterseal.models import ChainedEvent, ChainHead, SignedHead
from counterseal.models.audit_log import FIRST_HASH
from counterseal.ports import Ports
from counterseal.rules.audit_chain import UNSEARCHABLE, ChainCheck
from counterseal.rules.remembered_heads import (
    StoredHead,
    compare_heads,
    require_number,
    require_order,
)
from counterseal.usecases.head_memory import HeadMemory
from counterseal.wire.audit_head import (
    HEAD_TYP,
    AuditHeads,
    head_claims,
    read_head,
    read_unverified_head,
    recognized_by,
)

PAGE = 1_000

ATTEMPTS = 3
"""How often a sign of a change must show: the service may run while it is looked for."""


@attrs.frozen
class SignedHeads:
    """
    Reads and replaces the signed head in the log of a service.

    Attributes:
        ports: The service's.
        memory: What is remembered of it outside of the store.
    """

    ports: Ports
    memory: HeadMemory

    def require(self) -> tuple[SignedHead | None, AuditHeads]:
        """
        Return the signed head in the log, which has to be the remembered one or follow it.

        One that is newer is remembered.

        Raises:
            Refused: As `AuditChain.sign`.
        """
        for _ in range(ATTEMPTS):
            # What is remembered comes first: meanwhile, the stored head may only become newer.
            content = self.memory.load()
            if content.replaced_at is not None:
                raise AuditRenewalDue
            remembered = None if content.head is None else recognized_by(content.head)
            stored, signed = self.read()
            comparison = compare_heads(remembered, stored)
            if comparison is StoredHead.NEWER and content.head is not None:
                remembered_heads = read_unverified_head(content.head.token)
                require_order(remembered_heads, signed)
                if not self._is_continued(remembered_heads, signed):
                    # An archiving process signs before it drops what was to be compared.
                    if self.ports.audit.signed_head() == stored:
                        break
                    continue
            if comparison is not StoredHead.UNCHANGED and stored is not None:
                self.memory.remember(stored)
            return stored, signed
        raise AuditHeadDetached

    def read(self) -> tuple[SignedHead | None, AuditHeads]:
        """
        Return the signed head in the log, and what it says; None and no heads if there is none.

        Raises:
            AuditHeadOther: It was signed with another number.
            Refused: It is not one of this service.
        """
        stored = self.ports.audit.signed_head()
        if stored is None:
            return None, AuditHeads(at=self.ports.clock.now(), heads={})
        return stored, self.verify(stored)

    def verify(self, stored: SignedHead) -> AuditHeads:
        """
        Return what a signed head says.

        Raises:
            Refused: As `read`.
        """
        signed = read_head(stored.token, service_keys=self.ports.signer.jwks())
        require_number(stored, signed)
        return signed

    def _is_continued(self, remembered: AuditHeads, stored: AuditHeads) -> bool:
        """Tell whether the events in the log lead from the remembered heads to the stored ones."""
        pairs = [
            (head, stored.heads.get(head.partition, ChainHead(partition=head.partition)))
            for head in remembered.heads.values()
        ]
        # What was archived since cannot be compared; that it may be is signed.
        comparable = [(head, later) for head, later in pairs if head.position >= later.base]
        # No event is read where a position shows it.
        if any(later.position < head.position for head, later in comparable):
            return False
        return all(self._leads(head, later) for head, later in comparable)

    def advance(self, signed: AuditHeads, head: ChainHead) -> ChainHead:
        """Return the head to sign: *head*, if the events since the signed one lead to it."""
        signed_head = signed.heads.get(head.partition, ChainHead(partition=head.partition))
        head_to_sign = attrs.evolve(head, base=signed_head.base, base_hash=FIRST_HASH)
        return head_to_sign if self._leads(signed_head, head_to_sign) else signed_head

    def _leads(self, head: ChainHead, later: ChainHead) -> bool:
        """Tell whether the events of a partition lead from one of its heads to a later one."""
        if later.position < head.position:
            return False
        check = ChainCheck(head.partition, head.position, head.hash)
        for page in self.pages(head.partition, head.position, later.position):
            for event in page:
                if any(sign.problem != UNSEARCHABLE for sign in check.add(event)):
                    return False
        return not any(check.end(later, later))

    def replace(
        self, stored: SignedHead | None, heads: Iterable[ChainHead], renewed_at: datetime | None
    ) -> SignedHead | None:
        """Sign *heads*, and return what is stored; None if another process was first."""
        number = 1 if stored is None else stored.number + 1
        signer = self.ports.signer
        issuer = signer.jwks()[0]
        token = keys.sign_with(
            partial(signer.sign, issuer.kid),
            issuer,
            typ=HEAD_TYP,
            claims=head_claims(heads, self.ports.clock.now(), number, renewed_at),
        )
        head = SignedHead(number=number, token=token)
        return head if self.ports.audit.replace_signed_head(head) else None

    def pages(
        self, partition: int, after: int, through: int | None = None
    ) -> Iterator[tuple[ChainedEvent, ...]]:
        """
        Yield the chained events of a partition, page by page.

        Args:
            partition: The partition.
            after: The position before the first event.
            through: The position of the last one; None for all.
        """
        while through is None or after < through:
            limit = PAGE if through is None else min(PAGE, through - after)
            page = self.ports.audit.chained(partition, after, limit)
            if through is not None:
                page = tuple(event for event in page if event.position <= through)
            if not page:
                return
            yield page
            after = page[-1].position
