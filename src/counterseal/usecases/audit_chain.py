"""The audit log's chain: workers append to it and sign its heads; operators verify and archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import starmap

import attrs

from counterseal import keys
from counterseal._transaction import UseCase
from counterseal.errors import Contended, MalformedToken, Refused
from counterseal.models import (
    AuditEvent,
    ChainedEvent,
    ChainHead,
    Operator,
    PublicKey,
    SignedHead,
)
from counterseal.models.audit_log import FIRST_HASH
from counterseal.rules.audit_chain import (
    INSERTED,
    UNSEARCHABLE,
    ChainCheck,
    KnownHead,
    Tampering,
    extend,
)
from counterseal.wire.audit_head import (
    HEAD_TYP,
    AuditHeads,
    head_claims,
    head_kid,
    read_head,
    read_unverified_head,
)

PAGE = 1_000
HASH_BYTES = len(FIRST_HASH)
MISPLACED = 1_000
"""How many events that no chain reaches a verification names, at most."""

ATTEMPTS = 3
"""How often a sign of a change must show: the service may run while it is looked for."""

STORED_HEAD = "the signed head in the store"
HEAD_FILE = "the signed head that you keep"
LOG = "the log"
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
    """Keep the chain of each partition of the audit log, and look whether it was changed."""

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
        keeps its older head, so that a verification shows it.

        Returns:
            Whether there is nothing left to sign.

        Raises:
            Refused: The signed head in the log is not one of this service.
        """
        stored, signed = self._read_stored_head()
        heads = [self._advanced(signed, head) for head in self.ports.audit.heads()]
        kid = self.ports.signer.jwks()[0].kid
        is_current = stored is not None and head_kid(stored.token) == kid
        if is_current and signed.heads == {one.partition: one for one in heads if one.position}:
            return True
        return not any(head.position for head in heads) or self._store_head(stored, heads)

    def renew(self, *, by: Operator) -> tuple[Tampering, ...]:
        """
        Sign the heads anew, where no key of the service has signed the head in the log.

        That is so if a key was lost, or removed before `sign` was called with its successor, or if
        somebody changed the signed head. Nothing is signed while it is so. What the signed head
        says is compared with the log, and proves nothing: first compare the log with heads and
        archives that are stored elsewhere.

        Args:
            by: Recorded as who renewed them.

        Returns:
            The signs that the log was changed; a partition that has one keeps what the signed head
            said of it. Nothing, if the signed head is one of this service.

        Raises:
            Contended: Another process has signed the heads meanwhile.
        """
        stored = self.ports.audit.signed_head()
        if stored is None or not self._unsigned(()):
            return ()
        try:
            claimed = read_unverified_head(stored.token).heads
        except MalformedToken:
            claimed = {}
        heads, tamperings = [], set()
        for head in self.ports.audit.heads():
            signs = self._verify_steadily(head, claimed, None, lambda: claimed)[1]
            unsigned = ChainHead(partition=head.partition)
            heads.append(claimed.get(head.partition, unsigned) if signs else head)
            tamperings |= signs
        if not self._store_head(stored, heads):
            raise Contended
        event = AuditEvent(at=self.ports.clock.now(), event="audit.renew", actor=by.actor)
        self.ports.audit.record(event)
        return tuple(sorted(tamperings, key=_order))

    def signed_head(self) -> str | None:
        """Return the newest signed head of all partitions; None if nothing is chained."""
        stored = self.ports.audit.signed_head()
        return None if stored is None else stored.token

    def verify(
        self,
        *,
        head_file: str | None = None,
        head_keys: tuple[PublicKey, ...] | None = None,
        archive: Iterable[ChainedEvent] | None = None,
        report: Callable[[int], None] = lambda _: None,
    ) -> AuditReport:
        """
        Look for events that were removed, changed, moved or inserted, and for a log cut short.

        Args:
            head_file: A signed head that was kept elsewhere: without it, nothing shows that the
                log was cut back to an older state that it had.
            head_keys: Keys that may have signed *head_file*; None for those that the service has.
            archive: The events of archives, in order: all that were dropped have to be there.
                None to leave those that were dropped out.
            report: Called after each partition with the number of those that are done.

        Raises:
            Refused: *head_file* is not a signed head of this service.
        """
        heads_of_file: Mapping[int, ChainHead] = {}
        if head_file is not None:
            service_keys = self.ports.signer.jwks() if head_keys is None else head_keys
            heads_of_file = read_head(head_file, service_keys=service_keys).heads
        heads = self.ports.audit.heads()
        tamperings, archived_counts = self._verify_archive(archive, heads, heads_of_file)
        tamperings |= self._unsigned(heads)
        tamperings |= set(starmap(_inserted, self.ports.audit.misplaced(MISPLACED)))
        chained = sum(archived_counts.values())
        stored = self._stored_heads()
        for head in heads:
            own = heads_of_file.get(head.partition)
            count, signs = self._verify_steadily(head, stored, own, self._stored_heads)
            chained += count
            tamperings |= signs
            report(head.partition + 1)
        unchained = self.ports.audit.unchained(COUNTED)
        return AuditReport(
            tamperings=tuple(sorted(tamperings, key=_order)),
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
        """
        total = 0
        for head in self.ports.audit.heads():
            signed = self._read_stored_head()[1].heads.get(head.partition)
            # What is not signed yet is left for the next time.
            through = 0 if signed is None else signed.position
            position = head.base
            for page in self._pages(head.partition, head.base, through):
                write(page)
                total += len(page)
                position = page[-1].position
            if drop and position > head.base:
                self._allow_drop(head.partition, position)
                self.ports.audit.drop_chained(head.partition, position)
        return total

    def _read_stored_head(self) -> tuple[SignedHead | None, AuditHeads]:
        stored = self.ports.audit.signed_head()
        if stored is None:
            return None, AuditHeads(at=self.ports.clock.now(), heads={})
        return stored, read_head(stored.token, service_keys=self.ports.signer.jwks())

    def _advanced(self, signed: AuditHeads, head: ChainHead) -> ChainHead:
        """Return the head to sign: *head*, if the events since the signed one lead to it."""
        before = signed.heads.get(head.partition, ChainHead(partition=head.partition))
        check = ChainCheck(head.partition, before.position, before.hash)
        reached = attrs.evolve(head, base=before.base, base_hash=FIRST_HASH)
        if head.position < before.position:
            return before
        for page in self._pages(head.partition, before.position, head.position):
            for event in page:
                if any(sign.problem != UNSEARCHABLE for sign in check.add(event)):
                    return before
        if any(check.end(reached, reached)):
            return before
        return reached

    def _store_head(self, stored: SignedHead | None, heads: Iterable[ChainHead]) -> bool:
        signer = self.ports.signer
        issuer = signer.jwks()[0]
        token = keys.sign_with(
            partial(signer.sign, issuer.kid),
            issuer,
            typ=HEAD_TYP,
            claims=head_claims(heads, self.ports.clock.now()),
        )
        number = 1 if stored is None else stored.number + 1
        return self.ports.audit.replace_signed_head(SignedHead(number=number, token=token))

    def _allow_drop(self, partition: int, through: int) -> None:
        """Sign that the events of a partition may be dropped up to a position."""
        for _ in range(self.policy.commit_attempts):
            stored, signed = self._read_stored_head()
            heads = dict(signed.heads)
            # Another archiving process may have dropped more already.
            base = max(heads[partition].base, through)
            heads[partition] = attrs.evolve(heads[partition], base=base)
            if self._store_head(stored, heads.values()):
                return
        raise Contended

    def _pages(
        self, partition: int, after: int, through: int | None = None
    ) -> Iterator[tuple[ChainedEvent, ...]]:
        while through is None or after < through:
            limit = PAGE if through is None else min(PAGE, through - after)
            page = self.ports.audit.chained(partition, after, limit)
            if through is not None:
                page = tuple(event for event in page if event.position <= through)
            if not page:
                return
            yield page
            after = page[-1].position

    def _unsigned(self, heads: Iterable[ChainHead]) -> set[Tampering]:
        """Return what is wrong with the signed head in the log itself."""
        try:
            stored, _ = self._read_stored_head()
        except Refused as refusal:
            problem = f"{STORED_HEAD} is not one of this service: {refusal.code}"
            return {Tampering(partition=None, position=0, problem=problem)}
        if stored is None and any(head.position for head in heads):
            return {Tampering(partition=None, position=0, problem=UNSIGNED)}
        return set()

    def _stored_heads(self) -> Mapping[int, ChainHead]:
        try:
            return self._read_stored_head()[1].heads
        except Refused:
            return {}

    def _verify_steadily(
        self,
        head: ChainHead,
        stored: Mapping[int, ChainHead],
        own: ChainHead | None,
        reload: Callable[[], Mapping[int, ChainHead]],
    ) -> tuple[int, set[Tampering]]:
        """Verify one partition's events in the log, again if the service may have changed them."""
        count, signs = self._verify_partition(head, stored, own)
        for _ in range(ATTEMPTS - 1):
            if signs:
                fresh = self.ports.audit.heads()[head.partition]
                signs &= self._verify_partition(fresh, reload(), own)[1]
        return count, signs

    def _verify_partition(
        self, first: ChainHead, stored: Mapping[int, ChainHead], own: ChainHead | None
    ) -> tuple[int, set[Tampering]]:
        """Verify one partition's events in the log; *own* is its head in a file."""
        partition = first.partition
        known_heads = (
            [_known_head(STORED_HEAD, stored[partition], with_base=True)]
            if partition in stored
            else []
        )
        if own is not None and own.position >= first.base:
            known_heads.append(_known_head(HEAD_FILE, own, with_base=False))
        check = ChainCheck(partition, first.base, first.base_hash, known_heads)
        signs: set[Tampering] = set()
        count = 0
        for page in self._pages(partition, first.base):
            for event in page:
                signs.update(check.add(event))
                count += 1
        last = first
        if signs or check.position != first.position:
            last = self.ports.audit.heads()[partition]
        signs.update(check.end(first, last))
        return count, signs

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


def _archive_check(head: ChainHead, own: ChainHead | None) -> ChainCheck:
    """Return what looks at the events of an archive, which goes on where the log begins."""
    known_heads = [KnownHead(source=LOG, position=head.base, hash=head.base_hash)]
    if own is not None and own.position <= head.base:
        known_heads.append(_known_head(HEAD_FILE, own, with_base=False))
    return ChainCheck(head.partition, 0, FIRST_HASH, known_heads)


def _known_head(source: str, head: ChainHead, *, with_base: bool) -> KnownHead:
    base = head.base if with_base else None
    return KnownHead(source=source, position=head.position, hash=head.hash, base=base)


def _inserted(partition: int | None, position: int) -> Tampering:
    return Tampering(partition=partition, position=position, problem=INSERTED)


def _order(tampering: Tampering) -> tuple[int, int, str]:
    partition = -1 if tampering.partition is None else tampering.partition
    return partition, tampering.position, tampering.problem
