"""The stored chain of one partition, and what somebody who may write to the store changes in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random  # noqa: TID251 (of a test)
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

from counterseal_testing.contracts.chain_oracle import digest

PARTITION = 7
"""The partition whose chain is changed."""


@attrs.frozen
class StoredEntry:
    """
    An event as it is stored.

    Attributes:
        columns: What the store has beside hash and body, such as what searches read.
    """

    hash: bytes
    body: bytes
    columns: Any


@attrs.frozen
class StoredChain:
    """
    The chain of `PARTITION` as it is stored.

    Attributes:
        base: Through which position events were archived and dropped.
        base_hash: The hash there.
        position: The last position.
        hash: The hash there.
        entries: The events, by position.
    """

    base: int
    base_hash: bytes
    position: int
    hash: bytes
    entries: Mapping[int, StoredEntry]

    def hash_before(self, position: int) -> bytes:
        """Return what the hash at *position* is computed from."""
        return self.entries[position - 1].hash if position > self.base + 1 else self.base_hash

    def replace(self, position: int, **changes: Any) -> StoredChain:
        """Return the chain with another entry at *position*."""
        entry = attrs.evolve(self.entries[position], **changes)
        return attrs.evolve(self, entries={**self.entries, position: entry})


ChainChange: TypeAlias = Callable[[StoredChain, int, Random], tuple[StoredChain, int]]
"""Makes a changed chain at a position, and returns the first position that is to be reported."""


def _remove(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    entries = {number: entry for number, entry in chain.entries.items() if number != position}
    return attrs.evolve(chain, entries=entries), position


def _change_body(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    body = chain.entries[position].body
    return chain.replace(position, body=body.replace(b"actor", b"other")), position


def _change_hash(chain: StoredChain, position: int, random: Random) -> tuple[StoredChain, int]:
    return chain.replace(position, hash=random.randbytes(32)), position


def _swap(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    other = chain.position if position == chain.base + 1 else position - 1
    first, second = chain.entries[position], chain.entries[other]
    entries = {**chain.entries, position: second, other: first}
    return attrs.evolve(chain, entries=entries), min(position, other)


def _insert(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    entries = {number + (number >= position): entry for number, entry in chain.entries.items()}
    entry = chain.entries[position]
    entries[position] = attrs.evolve(entry, body=entry.body + b" ")
    return attrs.evolve(chain, entries=entries), position


def insert_below_the_base(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    """Copy the entry at *position* to where events were archived."""
    entries = {**chain.entries, chain.base: chain.entries[position]}
    return attrs.evolve(chain, entries=entries), chain.base


def _append(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    entries = {**chain.entries, chain.position + 1: chain.entries[position]}
    return attrs.evolve(chain, entries=entries), chain.position + 1


def _cut(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    entries = {number: entry for number, entry in chain.entries.items() if number < position}
    return attrs.evolve(chain, entries=entries), position


def _cut_with_the_head(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    cut, _position = _cut(chain, position, _)
    last_hash = chain.hash_before(position)
    return attrs.evolve(cut, position=position - 1, hash=last_hash), position


def _drop_as_if_archived(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    entries = {number: entry for number, entry in chain.entries.items() if number > position}
    base_hash = chain.entries[position].hash
    return attrs.evolve(chain, base=position, base_hash=base_hash, entries=entries), position


def _hash_anew(chain: StoredChain, position: int, _: Random) -> tuple[StoredChain, int]:
    changed = chain.replace(position, body=chain.entries[position].body + b" ")
    for number in range(position, chain.position + 1):
        previous, body = changed.hash_before(number), changed.entries[number].body
        changed = changed.replace(number, hash=digest(PARTITION, number, previous, body))
    # The signed head shows only that something before it was changed.
    return attrs.evolve(changed, hash=changed.entries[chain.position].hash), chain.position


def _change_head(chain: StoredChain, _: int, random: Random) -> tuple[StoredChain, int]:
    return attrs.evolve(chain, hash=random.randbytes(32)), chain.position


CHANGES: Mapping[str, ChainChange] = MappingProxyType(
    {
        "remove": _remove,
        "change the body": _change_body,
        "change the hash": _change_hash,
        "swap": _swap,
        "insert": _insert,
        "insert below the base": insert_below_the_base,
        "append": _append,
        "cut": _cut,
        "cut with the head": _cut_with_the_head,
        "drop as if archived": _drop_as_if_archived,
        "hash anew": _hash_anew,
        "change the head": _change_head,
    }
)
"""What every log must notice."""
