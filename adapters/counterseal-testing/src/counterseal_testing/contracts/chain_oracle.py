"""A second verifier of the audit log's chain, written from `docs/reference/audit-log.md` alone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator


def digest(partition: int, position: int, previous: bytes, body: bytes) -> bytes:
    """Return the hash of one event."""
    numbers = partition.to_bytes(1, "big") + position.to_bytes(8, "big")
    return hashlib.sha256(b"counterseal audit 1\n" + numbers + previous + body).digest()


def first_wrong(
    partition: int,
    events: Iterable[tuple[int, bytes, bytes]],
    base: int = 0,
    base_hash: bytes = bytes(32),
) -> int:
    """
    Return the first position at which a chain does not hold; 0 if all of it does.

    Args:
        partition: The partition.
        events: Position, hash and bytes of each event.
        base: The position before the first event.
        base_hash: The hash there.
    """
    previous = base_hash
    for number, (position, stored_hash, body) in enumerate(events, base + 1):
        if position != number or stored_hash != digest(partition, position, previous, body):
            return number
        previous = stored_hash
    return 0


def archived(lines: Iterable[bytes]) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield partition, position, hash and bytes of each event in the lines of an archive."""
    for line in lines:
        document = json.loads(line)
        begin = line.index(b'"event":') + len(b'"event":')
        end = line.rstrip().rindex(b"}")
        text = document["hash"]
        stored_hash = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        yield document["partition"], document["position"], stored_hash, line[begin:end]
