"""The audit log's chain: workers append to it and sign its heads; operators verify and archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import starmap

import attrs

from counterseal._transaction import UseCase
from counterseal.audit.documents import (
    AuditHeads,
    head_kid,
    read_head,
    read_unverified_head,
    recognized_by,
)
from counterseal.audit.rules import (
    INSERTED,
    ChainCheck,
    KnownHead,
    Tampering,
    compare_heads,
    extend,
    require_order,
)
from counterseal.audit.usecases.head_renewal import AuditRenewal, HeadRenewal
from counterseal.audit.usecases.heads import (
    PAGE,
    REMEMBERED,
    STORED_HEAD,
    HeadMemory,
    PartitionChecks,
    ProcessHeadMemory,
    SignedHeads,
    known_head,
    order,
)
from counterseal.errors import (
    Contended,
    InvalidField,
    Refused,
)
from counterseal.models import (
    ChainedEvent,
    ChainHead,
    MemoryContent,
    Operator,
    PublicKey,
    RememberedHead,
    SignedHead,
)
from counterseal.models.audit_log import FIRST_HASH
from counterseal.models.guid import PARTITIONS

HASH_BYTES = len(FIRST_HASH)
MISPLACED = 1_000
"""How many events that no chain reaches a verification names, at most."""

HEAD_FILE = "the signed head that you keep"
HEAD_LINE = "the head of the line that you keep"
LOG = "the log"
UNRENEWED = "the store was restored or copied, and the heads were not renewed since"
UNREADABLE = "what this machine remembers cannot be read"
UNSIGNED = "events are chained, and there is no signed head in the store"

COUNTED = 100_000
"""How many events that are not chained yet a report counts, at most."""


@attrs.frozen(kw_only=True)
class AuditReport:
    """
    What a verification of the log has shown.

    Attributes:
        tamperings: In order of partition and position.
        chained: How many events were verified, those of an archive among them.
        archived: How many events were dropped from the log, and are in no archive given.
        unchained: How many events are not in a chain yet, and cannot be verified.
        uncompared: How many partitions were not compared with the head in a file: its event is
            archived, and in no archive given.
    """

    tamperings: tuple[Tampering, ...]
    chained: int
    archived: int
    unchained: int
    uncompared: int


@attrs.frozen
class AuditChain(UseCase):
    """
    Keep the chain of each partition of the audit log, and look whether it was changed.

    Attributes:
        memory: Remembers the newest signed head outside of the store.
    """

    memory: HeadMemory = attrs.field(factory=ProcessHeadMemory)

    @property
    def _signed_heads(self) -> SignedHeads:
        return SignedHeads(self.ports, self.memory)

    def chain(self, limit: int = PAGE) -> int:
        """
        Append at most *limit* recorded events to the chains of their partitions.

        Any number of workers may do so at the same time.

        Returns:
            How many events there were; another worker may have appended some of them.
        """
        batches = self.ports.audit.unchained(limit)
        if batches:
            self.ports.audit.append_chain(tuple(map(extend, batches)))
        return sum(len(batch.events) for batch in batches)

    def sign(self) -> bool:
        """
        Sign the heads of all partitions, if they have changed, and keep that in the log.

        Only what follows from the signed head before is signed: a part of the log that was changed
        keeps its older head, so that a verification shows it. Nothing is signed unless the signed
        head in the log is the remembered one, or a newer one of this service whose chains continue
        it, which is then remembered.

        Returns:
            Whether there is nothing left to sign.

        Raises:
            AuditHeadMissing: There is no signed head in the log, and one is remembered.
            AuditHeadOlder: It has a lower number than the remembered one, or is from before its
                renewal.
            AuditHeadOther: It is not the head that was signed with its number.
            AuditHeadDetached: It is newer, and its chains do not continue the remembered one.
            AuditRenewalDue: The store was restored or copied, and `renew` was not called since.
            Refused: The signed head in the log is not one of this service.
        """
        stored, signed = self._signed_heads.require()
        heads = [self._signed_heads.advance(signed, head) for head in self.ports.audit.heads()]
        kid = self.ports.signer.jwks()[0].kid
        is_numbered = signed.number is not None
        is_current = stored is not None and is_numbered and head_kid(stored.token) == kid
        if is_current and signed.heads == {one.partition: one for one in heads if one.position}:
            return True
        if not any(head.position for head in heads):
            return True
        head = self._signed_heads.replace(stored, heads, signed.renewed_at)
        if head is not None:
            self.memory.remember(head)
        return head is not None

    def renew(self, *, by: Operator, who: str, why: str) -> AuditRenewal:
        """
        Sign the heads anew, where `sign` refuses the signed head in the log.

        That is so after a restore or a copy of the store; if somebody deleted or changed the signed
        head; and if a key was lost, or removed before `sign` was called with its successor. What
        the signed head says is compared with the log, and proves nothing: first compare the log
        with heads and archives that are stored elsewhere.

        Args:
            by: Recorded as the actor.
            who: The person who decided it, for the log; 1 to 200 bytes of UTF-8.
            why: The reason, for the log; 1 to 1000 bytes.

        Returns:
            What was done; nothing, if `sign` does not refuse the signed head.

        Raises:
            InvalidField: *who* or *why* does not fit.
            InvalidField: No head can follow the number of the stored one, which somebody has
                changed: it has to be deleted first.
            Contended: Another process has signed the heads meanwhile.
        """
        return HeadRenewal(self._signed_heads).renew(by=by, who=who, why=why)

    def require_head(self) -> None:
        """
        Require that `sign` does not refuse the signed head in the log.

        Raises:
            Refused: As `sign`.
        """
        self._signed_heads.require()

    def signed_head(self) -> str | None:
        """Return the newest signed head of all partitions; None if nothing is chained."""
        stored = self.ports.audit.signed_head()
        return None if stored is None else stored.token

    def verify(
        self,
        *,
        head_file: str | None = None,
        head_keys: tuple[PublicKey, ...] | None = None,
        head_line: RememberedHead | None = None,
        archive: Iterable[ChainedEvent] | None = None,
        partitions: Iterable[int] = range(PARTITIONS),
        with_head: bool = True,
        whole_table: bool = True,
        report: Callable[[int], None] = lambda _: None,
    ) -> AuditReport:
        """
        Look for events that were removed, changed, moved or inserted, and for a log cut short.

        Args:
            head_file: A signed head that was kept elsewhere: it shows that the log was cut back to
                an older state that it had, as the remembered head does.
            head_keys: Keys that may have signed *head_file*; None for those that the service has.
            head_line: Number and digest of a signed head, of a line of a log: the signed head in
                the log has to be that one, or a newer one.
            archive: The events of archives, in order: all that were dropped have to be there.
                None to leave those that were dropped out.
            partitions: Whose chains are looked at; read one by one, each after the one before.
            with_head: Whether to look at the signed head itself.
            whole_table: Whether to look in the whole table for events that no chain reaches, and
                for those that are not chained yet; otherwise, of each partition, for the first one
                that no chain reaches.
            report: Called after each partition with the number of those that are done.

        Raises:
            Refused: *head_file* is not a signed head of this service.
        """
        # First, since it may only be older than what is stored.
        try:
            content = self.memory.load()
        except InvalidField:
            content = None
        stored_head = self.ports.audit.signed_head()
        remembered: Mapping[int, ChainHead] = {}
        if content is not None and content.head not in (None, stored_head):
            remembered = read_unverified_head(content.head.token).heads
        heads_of_file: Mapping[int, ChainHead] = {}
        if head_file is not None:
            service_keys = self.ports.signer.jwks() if head_keys is None else head_keys
            heads_of_file = read_head(head_file, service_keys=service_keys).heads
        heads = self.ports.audit.heads()
        tamperings, archived_counts = self._verify_archive(archive, heads, heads_of_file)
        if with_head:
            tamperings |= self._verify_head(content, head_line, stored_head, heads)
        if whole_table:
            tamperings |= set(starmap(_inserted, self.ports.audit.misplaced(MISPLACED)))
        chained = sum(archived_counts.values())
        stored = self._stored_heads()
        checks = PartitionChecks(self._signed_heads)
        for head in map(heads.__getitem__, partitions):
            outside_heads = [
                known_head(source, heads_outside[head.partition], with_base=False)
                for source, heads_outside in ((HEAD_FILE, heads_of_file), (REMEMBERED, remembered))
                if head.partition in heads_outside
            ]
            count, signs = checks.verify(head, stored, outside_heads, self._stored_heads)
            chained += count
            tamperings |= signs
            report(head.partition + 1)
        unchained = self.ports.audit.unchained(COUNTED) if whole_table else ()
        return AuditReport(
            tamperings=tuple(sorted(tamperings, key=order)),
            chained=chained,
            archived=sum(head.base for head in heads) if archive is None else 0,
            unchained=sum(len(one.events) for one in unchained),
            uncompared=sum(
                archive is None
                and head.partition in heads_of_file
                and heads_of_file[head.partition].position < head.base
                for head in heads
            ),
        )

    def archive(self, write: Callable[[Iterable[ChainedEvent]], None], *, drop: bool) -> int:
        """
        Write the chained events, partition by partition, and drop them from the log.

        Args:
            write: Stores events safely before it returns; called for each page.
            drop: Whether to drop them.

        Returns:
            How many events were written.

        Raises:
            Refused: As `sign`.
        """
        total = 0
        for head in self.ports.audit.heads():
            signed = self._signed_heads.require()[1].heads.get(head.partition)
            # What is not signed yet is left for the next time.
            through = 0 if signed is None else signed.position
            position = head.base
            for page in self._signed_heads.pages(head.partition, head.base, through):
                write(page)
                total += len(page)
                position = page[-1].position
            if drop and position > head.base:
                self._allow_drop(head.partition, position)
                self.ports.audit.drop_chained(head.partition, position)
        return total

    def _allow_drop(self, partition: int, through: int) -> None:
        """Sign that the events of a partition may be dropped up to a position."""
        for _ in range(self.policy.commit_attempts):
            stored, signed = self._signed_heads.require()
            heads = dict(signed.heads)
            # Another archiving process may have dropped more already.
            base = max(heads[partition].base, through)
            heads[partition] = attrs.evolve(heads[partition], base=base)
            new_head = self._signed_heads.replace(stored, heads.values(), signed.renewed_at)
            if new_head is not None:
                self.memory.remember(new_head)
                return
        raise Contended

    def _verify_head(
        self,
        content: MemoryContent | None,
        head_line: RememberedHead | None,
        stored: SignedHead | None,
        heads: Iterable[ChainHead],
    ) -> set[Tampering]:
        """Return what is wrong with the signed head in the log itself."""
        problems = []
        if content is None:
            content = MemoryContent()
            problems.append(UNREADABLE)
        if content.replaced_at is not None:
            problems.append(UNRENEWED)
        remembered_head = None if content.head is None else recognized_by(content.head)
        for source, remembered in ((REMEMBERED, remembered_head), (HEAD_LINE, head_line)):
            try:
                compare_heads(remembered, stored)
            except Refused as refusal:
                problems.append(_not_newer(source, refusal))
        if stored is not None:
            try:
                signed = self._signed_heads.verify(stored)
            except Refused as refusal:
                problems.append(f"{STORED_HEAD} is not one of this service: {refusal.code}")
            else:
                problems += _order_problems(content, signed)
        elif not problems and any(head.position for head in heads):
            problems.append(UNSIGNED)
        return {Tampering(partition=None, position=0, problem=problem) for problem in problems}

    def _stored_heads(self) -> Mapping[int, ChainHead]:
        try:
            return self._signed_heads.read()[1].heads
        except Refused:
            return {}

    def _verify_archive(
        self,
        archive: Iterable[ChainedEvent] | None,
        heads: tuple[ChainHead, ...],
        heads_of_file: Mapping[int, ChainHead],
    ) -> tuple[set[Tampering], dict[int, int]]:
        """Return what is wrong with an archive, and how many events it has of each partition."""
        checks: dict[int, ChainCheck] = {}
        hashes: dict[int, bytearray] = defaultdict(bytearray)
        archived_counts: dict[int, int] = defaultdict(int)
        signs: set[Tampering] = set()
        if archive is None:
            return signs, archived_counts
        for event in archive:
            partition = event.partition
            if partition not in checks:
                checks[partition] = _archive_check(heads[partition], heads_of_file.get(partition))
            check = checks[partition]
            if event.position <= check.position:
                # A run that was interrupted, or dropped no events, has written it before.
                end = event.position * HASH_BYTES
                if hashes[partition][max(end - HASH_BYTES, 0) : end] != event.hash:
                    signs.add(_inserted(partition, event.position))
                continue
            signs.update(check.add(event))
            # Nothing is stored behind a gap, which is reported.
            if len(hashes[partition]) == (event.position - 1) * HASH_BYTES:
                hashes[partition] += event.hash
            archived_counts[partition] += 1
        for head in heads:
            check = checks.get(head.partition) or _archive_check(head, None)
            signs.update(check.compare())
        return signs, archived_counts


def _archive_check(head: ChainHead, head_of_file: ChainHead | None) -> ChainCheck:
    """Return what looks at the events of an archive, which goes on where the log begins."""
    known_heads = [KnownHead(source=LOG, position=head.base, hash=head.base_hash)]
    if head_of_file is not None and head_of_file.position <= head.base:
        known_heads.append(known_head(HEAD_FILE, head_of_file, with_base=False))
    return ChainCheck(head.partition, 0, FIRST_HASH, known_heads)


def _order_problems(content: MemoryContent, signed: AuditHeads) -> Iterator[str]:
    """Yield what is wrong with the renewal of the stored head."""
    if content.head is not None:
        try:
            require_order(read_unverified_head(content.head.token), signed)
        except Refused as refusal:
            yield _not_newer(REMEMBERED, refusal)


def _not_newer(source: str, refusal: Refused) -> str:
    return f"{STORED_HEAD} is neither {source} nor newer: {refusal.code}"


def _inserted(partition: int | None, position: int) -> Tampering:
    return Tampering(partition=partition, position=position, problem=INSERTED)
