"""
The floors of goals 6 and 9: bare commands, of the same bytes.

Only bare redis-py and the standard library may enter this file: a floor that used our own code
would fall with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from redis import Redis

SWAP = """
for place = 1, #KEYS - 1 do
    local head = redis.call('GETRANGE', KEYS[place], 0, 127)
    if string.sub(head, 1, #ARGV[place]) ~= ARGV[place] then
        return 0
    end
end
for place = 1, #KEYS - 1 do
    redis.call('SET', KEYS[place], ARGV[#KEYS - 1 + place])
end
for place = 2 * #KEYS - 1, #ARGV do
    redis.call('XADD', KEYS[#KEYS], '*', 'e', ARGV[place])
end
return 1
"""
"""Compares how each value begins, with its version; if all are right, sets and appends."""

SHA = hashlib.sha1(SWAP.encode(), usedforsecurity=False).hexdigest()


def read(client: Redis, keys: Sequence[str]) -> Callable[[], object]:
    """Return one reading of *keys*."""
    if len(keys) == 1:
        return lambda: client.get(keys[0])
    return lambda: client.mget(keys)


def create(client: Redis, key: str, value: bytes) -> Callable[[], object]:
    """Return one creation."""
    return lambda: client.set(key, value)


def swap(
    client: Redis,
    keys: Sequence[str],
    log: str,
    *,
    beginnings: Sequence[bytes],
    values: Sequence[bytes],
    events: Sequence[bytes] = (),
) -> Callable[[], object]:
    """Return one comparing and setting; the script is known to the server."""
    client.script_load(SWAP)
    words = (*keys, log, *beginnings, *values, *events)

    def once() -> None:
        if client.evalsha(SHA, len(keys) + 1, *words) != 1:
            raise AssertionError

    return once
