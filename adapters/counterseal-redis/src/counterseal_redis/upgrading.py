"""
Upgrades of a key space: what an older release did not write is added, once.

A key space has the number of the last upgrade. An upgrade that was interrupted is done again: it
adds only what is missing.

A process of an older release may go on writing beside processes of this one. It counts records in
gauges of another form, under keys of its own; where these are found, the records are counted anew.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from redis.cluster import RedisCluster

from counterseal.errors import Misuse, StoreUnavailable
from counterseal.models import Account, Record
from counterseal.models.guid import PARTITIONS, SHAPE
from counterseal.models.record import index_of
from counterseal_records import RecordUnreadable, search_key
from counterseal_redis.codec import decode, guid_from
from counterseal_redis.commands import ACCOUNT, INDEX_ACCOUNT, Call, script_call
from counterseal_redis.commit import NATURAL
from counterseal_redis.gauges import (
    CHANGED,
    COUNTABLE,
    COUNTED,
    GAUGED,
    GUID_BYTES,
    OLDER_GAUGES,
    gauge_call,
    hash_items,
)
from counterseal_redis.indexes import SEARCH
from counterseal_redis.keyspace import Keyspace

SEARCHED = b"1"
"""The upgrade after which accounts are searched by the beginning of their ids."""

NEWEST = b"2"
"""The last upgrade of this release: each record is counted in its gauge."""

NUMBERS = (None, SEARCHED, NEWEST)
"""What the key of the number may have; None where nothing was upgraded yet."""

UPGRADE = "v"
"""The key, in the first partition, of the number of the last upgrade."""

NEWEST_UPGRADE = NEWEST.decode()

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PAGE = 500
"""Records in one round trip."""


class KeyspaceTooNew(Misuse, code="keyspace_too_new"):
    """A newer release of this package has upgraded the key space; this one must not touch it."""


def upgrade(keyspace: Keyspace) -> int:
    """
    Add what this release needs and an older one did not write; return how many entries that is.

    If nothing is missing, it takes one round trip and returns 0; else it scans the keys of the
    server, once for each upgrade. What processes of the release before write later is added by
    `recount`, or when the next process calls this.

    Raises:
        KeyspaceTooNew: A newer release has upgraded the key space; nothing has changed.
        StoreUnavailable: Redis did not answer; call it again.
    """
    key = keyspace.key(0, UPGRADE)
    number, is_counted_elsewhere = _state(keyspace)
    if number == NEWEST and not is_counted_elsewhere:
        return 0
    if number not in NUMBERS:
        raise KeyspaceTooNew(
            f"the key space has upgrade {number.decode('ascii', 'replace')}, and counterseal-redis"
            f" {version('counterseal-redis')} reads up to {NEWEST.decode()}: install the release"
            " that upgraded it, or restore the backup from before; nothing was changed"
        )
    count = 0
    if number is None:
        for page in _pages(_keys(keyspace, NATURAL, "[A-Za-z0-9_-]{43}")):
            count += _add_search_keys(keyspace, page)
    if is_counted_elsewhere:
        # Before the older gauges are gone: a call that is interrupted is to count them all again.
        keyspace.write(Call(("SET", key, SEARCHED), key))
        # Before the records are read: what an older process changes meanwhile is found next time.
        keyspace.read(*(_older_gauges("DEL", keyspace)), confirm=True)
    for page in _pages(_keys(keyspace, "", SHAPE)):
        count += _add_gauges(keyspace, page)
    if is_counted_elsewhere:
        count += sum(_drop_missing(keyspace, partition) for partition in range(PARTITIONS))
    keyspace.write(Call(("SET", key, NEWEST), key))
    return count


def recount(keyspace: Keyspace) -> int:
    """
    Count all records anew if a process of the release before has written since; return how many.

    If none has, it takes one round trip. Call it now and then while processes of both releases run,
    and once more after the last one has stopped.

    Raises:
        StoreUnavailable: Redis did not answer; call it again.
    """
    number, is_counted_elsewhere = _state(keyspace)
    return upgrade(keyspace) if number == NEWEST and is_counted_elsewhere else 0


def _state(keyspace: Keyspace) -> tuple[bytes | None, bool]:
    """Return the number of the last upgrade, and whether an older release has counted records."""
    key = keyspace.key(0, UPGRADE)
    number, *traces = keyspace.read(Call(("GET", key), key), *_older_gauges("EXISTS", keyspace))
    return number, any(traces)


def _older_gauges(command: str, keyspace: Keyspace) -> Iterator[Call]:
    for partition in range(PARTITIONS):
        keys = [keyspace.key(partition, name) for name in OLDER_GAUGES]
        yield Call((command, *keys), keys[0])


def upgrade_number(keyspace: Keyspace) -> str | None:
    """
    Return the number of the last upgrade that the key space has had; None if it had none.

    Nothing is changed. `NEWEST_UPGRADE` is that of this release.

    Raises:
        StoreUnavailable: Redis did not answer.
    """
    key = keyspace.key(0, UPGRADE)
    (number,) = keyspace.read(Call(("GET", key), key))
    return None if number is None else number.decode("ascii", "replace")


def server_times(keyspace: Keyspace) -> tuple[datetime, ...]:
    """
    Return the time of each primary, in UTC.

    Raises:
        StoreUnavailable: Redis did not answer.
    """
    client = keyspace.client
    try:
        if isinstance(client, RedisCluster):
            reply = client.time(target_nodes=RedisCluster.PRIMARIES)
        else:
            reply = client.time()
    except Exception as error:
        raise StoreUnavailable from error
    pairs = reply.values() if isinstance(reply, dict) else [reply]
    return tuple(
        EPOCH + timedelta(seconds=seconds, microseconds=microseconds)
        for seconds, microseconds in pairs
    )


def _add_search_keys(keyspace: Keyspace, natural_keys: Sequence[str]) -> int:
    begins = [key.rpartition(":")[0] + ":" for key in natural_keys]
    values = keyspace.read(
        *(
            script_call(ACCOUNT, [key], [begin])
            for key, begin in zip(natural_keys, begins, strict=True)
        )
    )
    # The account may be erased meanwhile, but then its natural key is not there either.
    calls = [
        script_call(INDEX_ACCOUNT, [key, f"{begin}{SEARCH}"], [entry])
        for key, begin, value in zip(natural_keys, begins, values, strict=True)
        if (entry := _entry(value)) is not None
    ]
    return sum(keyspace.read(*calls, confirm=True)) if calls else 0


def _add_gauges(keyspace: Keyspace, keys: Sequence[str]) -> int:
    count = 0
    while keys:
        values = keyspace.read(*(Call(("GET", key), key) for key in keys))
        calls = []
        for value in values:
            record = _record(value)
            if isinstance(record, COUNTABLE):
                # One that counts in none may be counted from before an older release changed it.
                header = value.partition(b"\n")[0]
                calls.append(gauge_call(keyspace, record.guid, header, index_of(record).gauge))
        replies = keyspace.read(*calls, confirm=True) if calls else []
        count += replies.count(COUNTED)
        # A commit counts a record only if its gauge changes, so these are read again.
        pairs = zip(calls, replies, strict=True)
        keys = [call.key for call, reply in pairs if reply == CHANGED]
    return count


def _drop_missing(keyspace: Keyspace, partition: int) -> int:
    """Count no more what is counted and is not there; return how many records that are."""
    key = keyspace.key(partition, GAUGED)
    (reply,) = keyspace.read(Call(("HGETALL", key), key))
    guids = [guid_from(member) for member, _ in hash_items(reply) if len(member) == GUID_BYTES]
    calls = [gauge_call(keyspace, guid, b"", None) for guid in guids]
    # Those that are there, or are there again, are not changed.
    return keyspace.read(*calls, confirm=True).count(COUNTED) if calls else 0


def _record(value: bytes | None) -> Record | None:
    try:
        return None if value is None else decode(value)
    except RecordUnreadable:
        # `counterseal store check` reports it; it must not stop the rest.
        return None


def _entry(value: bytes | None) -> bytes | None:
    account = _record(value)
    index = index_of(account) if isinstance(account, Account) else None
    return None if index is None or index.search_key is None else search_key(*index.search_key)


def _pages(keys: Iterator[str]) -> Iterator[list[str]]:
    while page := list(itertools.islice(keys, PAGE)):
        yield page


def _keys(keyspace: Keyspace, begin_of_name: str, rest_of_name: str) -> Iterator[str]:
    """Yield the keys, in any partition, whose name begins so and goes on as a pattern says."""
    client, begin = keyspace.client, f"{keyspace.prefix}:{{"
    shape = re.compile(rf"{re.escape(begin)}[0-9a-f]{{2}}}}:{begin_of_name}{rest_of_name}")
    targets: dict[str, Any] = {}
    if isinstance(client, RedisCluster):
        targets = {"target_nodes": RedisCluster.PRIMARIES}
    try:
        for key in client.scan_iter(f"{begin}*:{begin_of_name}*", count=10 * PAGE, **targets):
            text = key.decode()
            if shape.fullmatch(text):
                yield text
    except Exception as error:
        raise StoreUnavailable from error
