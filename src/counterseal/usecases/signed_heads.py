"""The signed head in the audit log: what it has to follow, and what may follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
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
        for _ in range(ATTEMPTS - 1):
            # An archiving process may drop what was to be compared.
            with suppress(AuditHeadDetached):
                return self._compare()
        return self._compare()

    def _compare(self) -> tuple[SignedHead | None, AuditHeads]:
        # What is remembered comes first: meanwhile, the stored head may only become newer.
        content = self.memory.load()
        if content.replaced_at is not None:
            raise AuditRenewalDue
        remembered = None if content.head is None else recognized_by(content.head)
        stored, signed = self.read()
        comparison = compare_heads(remembered, stored)
        if comparison is StoredHead.NEWER and content.head is not None:
            before = read_unverified_head(content.head.token)
            require_order(before, signed)
            self._require_continued(before, signed)
        if comparison is not StoredHead.UNCHANGED and stored is not None:
            self.memory.remember(stored)
        return stored, signed

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

    def _require_continued(self, before: AuditHeads, after: AuditHeads) -> None:
        """Require that the events in the log lead from the heads *before* to those *after*."""
        for head in before.heads.values():
            reached = after.heads.get(head.partition, ChainHead(partition=head.partition))
            # What was archived since cannot be compared; that it may be is signed.
            if head.position >= reached.base and not self._leads(head, reached):
                raise AuditHeadDetached

    def advance(self, signed: AuditHeads, head: ChainHead) -> ChainHead:
        """Return the head to sign: *head*, if the events since the signed one lead to it."""
        before = signed.heads.get(head.partition, ChainHead(partition=head.partition))
        reached = attrs.evolve(head, base=before.base, base_hash=FIRST_HASH)
        return reached if self._leads(before, reached) else before

    def _leads(self, before: ChainHead, after: ChainHead) -> bool:
        """Tell whether the events of a partition lead from one of its heads to a later one."""
        if after.position < before.position:
            return False
        check = ChainCheck(before.partition, before.position, before.hash)
        for page in self.pages(before.partition, before.position, after.position):
            for event in page:
                if any(sign.problem != UNSEARCHABLE for sign in check.add(event)):
                    return False
        return not any(check.end(after, after))

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
