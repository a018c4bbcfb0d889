"""
Signed heads of the audit log: signed, replaced, and remembered outside of the store.

`AuditChain` compares the stored head with it (`counterseal.audit.rules`). Without a
memory of your own, an `AuditChain` remembers the head for as long as it lives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

import attrs

from counterseal import keys
from counterseal.audit.documents import (
    HEAD_TYP,
    AuditHeads,
    head_claims,
    read_head,
    read_unverified_head,
    recognized_by,
)
from counterseal.audit.rules import (
    INSERTED,
    UNSEARCHABLE,
    ChainCheck,
    KnownHead,
    StoredHead,
    Tampering,
    compare_heads,
    require_number,
    require_order,
)
from counterseal.errors import AuditHeadDetached, AuditRenewalDue
from counterseal.models import ChainedEvent, ChainHead, MemoryContent, SignedHead
from counterseal.models.audit_log import FIRST_HASH
from counterseal.ports import Ports


class HeadMemory(Protocol):
    """
    Remembers a signed head outside of the store.

    Its methods may be called from many threads and processes at once. They raise what the memory's
    own system raises: then nothing is signed.
    """

    def load(self) -> MemoryContent:
        """
        Return what is remembered.

        Raises:
            InvalidField: It cannot be read.
        """

    def remember(self, head: SignedHead) -> None:
        """Remember *head*, unless one with its number or a greater one is remembered."""

    def renew(self, head: SignedHead) -> None:
        """Remember *head* in place of all else, also of a greater number."""


class ProcessHeadMemory:
    """
    A memory that ends with its process: a deletion across a restart is not found.

    Args:
        content: What it begins with.
    """

    def __init__(self, content: MemoryContent | None = None) -> None:
        self._content = MemoryContent() if content is None else content
        self._lock = threading.Lock()

    def load(self) -> MemoryContent:
        """Return what is remembered."""
        return self._content

    def remember(self, head: SignedHead) -> None:
        """Remember *head*, unless one with its number or a greater one is remembered."""
        with self._lock:
            self._content = self._content.with_head(head)

    def renew(self, head: SignedHead) -> None:
        """Remember *head* in place of all else, also of a greater number."""
        with self._lock:
            self._content = MemoryContent(head=head)


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
        Return the signed head in the log, and the heads that it names; None without a signed head.

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


STORED_HEAD = "the signed head in the store"
REMEMBERED = "the signed head that this machine remembers"


@attrs.frozen
class PartitionChecks:
    """
    Looks for changes of a partition in the log.

    Attributes:
        signed_heads: Reads the log.
    """

    signed_heads: SignedHeads

    def verify(
        self,
        head: ChainHead,
        stored: Mapping[int, ChainHead],
        outside_heads: Sequence[KnownHead],
        reload: Callable[[], Mapping[int, ChainHead]],
    ) -> tuple[int, set[Tampering]]:
        """Verify one partition's events in the log, again if the service may have changed them."""
        count, signs = self._verify_once(head, stored, outside_heads)
        for _ in range(ATTEMPTS - 1):
            if signs:
                fresh = self.signed_heads.ports.audit.heads()[head.partition]
                signs &= self._verify_once(fresh, reload(), outside_heads)[1]
        return count, signs

    def _verify_once(
        self, first: ChainHead, stored: Mapping[int, ChainHead], outside_heads: Sequence[KnownHead]
    ) -> tuple[int, set[Tampering]]:
        """Verify one partition's events in the log; *outside_heads* are not from the store."""
        partition = first.partition
        known_heads = (
            [known_head(STORED_HEAD, stored[partition], with_base=True)]
            if partition in stored
            else []
        )
        known_heads += [head for head in outside_heads if head.position >= first.base]
        check = ChainCheck(partition, first.base, first.base_hash, known_heads)
        signs = {
            Tampering(partition=partition, position=event.position, problem=INSERTED)
            for event in self.signed_heads.ports.audit.chained(partition, -1, 1)
            if event.position <= first.base
        }
        count = 0
        for page in self.signed_heads.pages(partition, first.base):
            for event in page:
                signs.update(check.add(event))
                count += 1
        last = first
        if signs or check.position != first.position:
            last = self.signed_heads.ports.audit.heads()[partition]
        signs.update(check.end(first, last))
        return count, signs


def known_head(source: str, head: ChainHead, *, with_base: bool) -> KnownHead:
    """
    Return what a signed head says of a partition.

    Args:
        source: What to call the signed head.
        head: What it says.
        with_base: Whether it says what may be dropped at present.
    """
    base = head.base if with_base else None
    return KnownHead(source=source, position=head.position, hash=head.hash, base=base)


def order(tampering: Tampering) -> tuple[int, int, str]:
    """Return what tamperings are sorted by."""
    partition = -1 if tampering.partition is None else tampering.partition
    return partition, tampering.position, tampering.problem
