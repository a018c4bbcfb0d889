"""
Upgrades of a key space: what an older release did not write is added, once.

A key space has the number of the last upgrade. An upgrade that was interrupted is done again: it
adds only what is missing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from redis.cluster import RedisCluster

from counterseal.errors import StoreUnavailable
from counterseal.models import Account
from counterseal.models.index import index_of
from counterseal_records import RecordUnreadable, search_key
from counterseal_redis.codec import decode
from counterseal_redis.commands import ACCOUNT, INDEX_ACCOUNT, Call, script_call
from counterseal_redis.commit import NATURAL
from counterseal_redis.indexes import SEARCH
from counterseal_redis.keyspace import Keyspace

NEWEST = b"1"
"""The last upgrade of this release: accounts are searched by the beginning of their ids."""

UPGRADE = "v"
"""The key, in the first partition, of the number of the last upgrade."""

PAGE = 500
"""Accounts in one round trip."""


def upgrade(keyspace: Keyspace) -> int:
    """
    Add what this release needs and an older one did not write; return how many accounts have it.

    No older release may write to the key space meanwhile, or later. If nothing is missing, it takes
    one round trip and returns 0; else it scans the keys of the server once.

    Raises:
        StoreUnavailable: Redis did not answer; call it again.
    """
    key = keyspace.key(0, UPGRADE)
    (number,) = keyspace.read(Call(("GET", key), key))
    if number == NEWEST:
        return 0
    keys = _natural_keys(keyspace)
    count = 0
    while page := list(itertools.islice(keys, PAGE)):
        count += _add_search_keys(keyspace, page)
    keyspace.write(Call(("SET", key, NEWEST), key))
    return count


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


def _entry(value: bytes | None) -> bytes | None:
    try:
        account = None if value is None else decode(value)
    except RecordUnreadable:
        # `counterseal store check` reports it; it must not stop the rest.
        return None
    index = index_of(account) if isinstance(account, Account) else None
    return None if index is None or index.search_key is None else search_key(*index.search_key)


def _natural_keys(keyspace: Keyspace) -> Iterator[str]:
    client, begin = keyspace.client, f"{keyspace.prefix}:{{"
    shape = re.compile(rf"{re.escape(begin)}[0-9a-f]{{2}}}}:{NATURAL}[A-Za-z0-9_-]{{43}}")
    targets: dict[str, Any] = {}
    if isinstance(client, RedisCluster):
        targets = {"target_nodes": RedisCluster.PRIMARIES}
    try:
        for key in client.scan_iter(f"{begin}*:{NATURAL}*", count=10 * PAGE, **targets):
            text = key.decode()
            if shape.fullmatch(text):
                yield text
    except Exception as error:
        raise StoreUnavailable from error
