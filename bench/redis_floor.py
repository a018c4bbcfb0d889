"""
The floors of goals 6 and 9: bare commands, of the same bytes.

Only bare redis-py and the standard library may enter this file: a floor that used our own code
would fall with it.
"""

from __future__ import annotations

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

ANSWER = """
for place = 1, 3 do
    local head = redis.call('GETRANGE', KEYS[place], 0, 127)
    if string.sub(head, 1, #ARGV[place]) ~= ARGV[place] then
        return 0
    end
end
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
redis.call('SET', KEYS[2], ARGV[6])
redis.call('ZREM', KEYS[4], ARGV[7])
redis.call('ZREM', KEYS[5], ARGV[8])
redis.call('XADD', KEYS[6], '*', 'e', ARGV[9])
redis.call('SET', KEYS[7], ARGV[10], 'PX', ARGV[11])
return 1
"""
"""All that an answer leaves, and nothing else: no loop, no list whose length is not known."""

ENTER = """
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], 0, ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[4])
return 1
"""
"""All that a new challenge leaves in a store, but for the operation and the log."""


def read(client: Redis, keys: Sequence[str]) -> Callable[[], object]:
    """Return one reading of *keys*."""
    if len(keys) == 1:
        return lambda: client.get(keys[0])
    return lambda: client.mget(keys)


def create(client: Redis, key: str, value: bytes) -> Callable[[], object]:
    """Return one creation."""
    return lambda: client.set(key, value)


def enter(
    client: Redis,
    keys: Sequence[str],
    value: bytes,
    *,
    entries: Sequence[bytes],
    due_at: int,
) -> Callable[[], object]:
    """
    Return one creation with its entries in two indexes; the script is known to the server.

    Args:
        client: Of the server.
        keys: The challenge's, and those of the two sets.
        value: What is written of it.
        entries: What goes into the two sets.
        due_at: The score of the second.
    """
    sha = client.script_load(ENTER)
    first, second = entries
    return lambda: client.evalsha(sha, len(keys), *keys, value, first, due_at, second)


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
    sha = client.script_load(SWAP)
    words = (*keys, log, *beginnings, *values, *events)

    def once() -> None:
        if client.evalsha(sha, len(keys) + 1, *words) != 1:
            raise AssertionError

    return once


def answer(
    client: Redis,
    keys: Sequence[str],
    *,
    beginnings: Sequence[bytes],
    challenge: bytes,
    account: bytes,
    entries: Sequence[bytes],
    event: bytes,
    operation: bytes,
    lives: Sequence[int],
) -> Callable[[], object]:
    """
    Return one comparing and setting of what one answer leaves; the script is known to the server.

    Args:
        client: Of the server.
        keys: The challenge's, the account's, the binding's, those of the two sets that the
            challenge leaves, the log's, and the operation's.
        beginnings: How the three values begin, with their versions.
        challenge: What is written of it.
        account: What is written of it.
        entries: What leaves the two sets.
        event: What the log is told.
        operation: What is remembered of the operation.
        lives: Milliseconds that the challenge and the operation are kept.
    """
    sha = client.script_load(ANSWER)
    (challenge_life, remembered), (first, second) = lives, entries
    words = (*keys, *beginnings, challenge, challenge_life, account, first, second, event)

    def once() -> None:
        if client.evalsha(sha, len(keys), *words, operation, remembered) != 1:
            raise AssertionError

    return once
