"""
The floors of goals 6 and 9: bare commands with the same bytes.

This file uses only bare redis-py and the standard library: a floor on our own code would get slower
with it.
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
"""Compares the beginning of each value, with its version; if all are equal, sets and appends."""

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
"""All writes of an answer, and nothing else: no loop, and no list of unknown length."""

ENTER = """
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], 0, ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[4])
return 1
"""
"""All writes of a new challenge, without the operation and the log."""


def read(client: Redis, keys: Sequence[str]) -> Callable[[], object]:
    """Return a call that reads *keys* once."""
    if len(keys) == 1:
        return lambda: client.get(keys[0])
    return lambda: client.mget(keys)


def create(client: Redis, key: str, value: bytes) -> Callable[[], object]:
    """Return a call that creates *key* once."""
    return lambda: client.set(key, value)


def ask_indexes(
    client: Redis, indexes: Sequence[str], before: int, *, trip: int
) -> Callable[[], object]:
    """
    Return a call that asks each of *indexes* for what is due.

    Args:
        client: A client of the server.
        indexes: The keys of sorted sets.
        before: The highest score.
        trip: How many are asked in one round trip.
    """

    def once() -> None:
        for begin in range(0, len(indexes), trip):
            pipeline = client.pipeline(transaction=False)
            for index in indexes[begin : begin + trip]:
                pipeline.zrangebyscore(index, "-inf", before, start=0, num=trip)
            pipeline.execute()

    return once


def enter(
    client: Redis,
    keys: Sequence[str],
    value: bytes,
    *,
    entries: Sequence[bytes],
    due_at: int,
) -> Callable[[], object]:
    """
    Return a call that creates a record with its entries in two indexes; the script is loaded.

    Args:
        client: A client of the server.
        keys: The key of the challenge, and the keys of the two sets.
        value: The value of the challenge.
        entries: The members of the two sets.
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
    """Return a call that compares and sets once; the script is loaded."""
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
    Return a call that compares and sets what one answer writes; the script is loaded.

    Args:
        client: A client of the server.
        keys: The keys of the challenge, the account, the binding, the two sets that lose the
            challenge, the log, and the operation.
        beginnings: The beginnings of the three values, with their versions.
        challenge: The new value of the challenge.
        account: The new value of the account.
        entries: The members that leave the two sets.
        event: The event for the log.
        operation: The value of the operation.
        lives: Milliseconds that the challenge and the operation are kept.
    """
    sha = client.script_load(ANSWER)
    (challenge_life, remembered), (first, second) = lives, entries
    words = (*keys, *beginnings, challenge, challenge_life, account, first, second, event)

    def once() -> None:
        if client.evalsha(sha, len(keys), *words, operation, remembered) != 1:
            raise AssertionError

    return once
