"""Compares the events of one partition in the log with what signed heads say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from counterseal.models import ChainHead
from counterseal.rules.audit_chain import ChainCheck, KnownHead, Tampering
from counterseal.usecases.signed_heads import ATTEMPTS, SignedHeads

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
        signs: set[Tampering] = set()
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
