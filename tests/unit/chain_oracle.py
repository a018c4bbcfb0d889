"""A second verifier of the audit log's chain, written from `docs/reference/audit-log.md` alone."""

import base64
import hashlib
import json


def digest(partition, position, previous, body):
    numbers = partition.to_bytes(1, "big") + position.to_bytes(8, "big")
    return hashlib.sha256(b"counterseal audit 1\n" + numbers + previous + body).digest()


def first_wrong(partition, events, base=0, base_hash=bytes(32)):
    """Return the first position at which a chain does not hold; 0 if all of it does."""
    previous = base_hash
    for number, (position, stored_hash, body) in enumerate(events, base + 1):
        if position != number or stored_hash != digest(partition, position, previous, body):
            return number
        previous = stored_hash
    return 0


def archived(lines):
    """Return the events of an archive's lines: partition, position, hash, and bytes."""
    for line in lines:
        document = json.loads(line)
        begin = line.index(b'"event":') + len(b'"event":')
        end = line.rstrip().rindex(b"}")
        text = document["hash"]
        stored_hash = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        yield document["partition"], document["position"], stored_hash, line[begin:end]
