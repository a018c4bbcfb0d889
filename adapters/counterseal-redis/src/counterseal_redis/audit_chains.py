"""
The chains of the audit log: a stream, an index and hashes of counts in each partition.

The index is one sorted set a partition, whose members are compared as bytes: the letter of the
index and a digest of what is looked up (16 bytes), the time (8), and the position (8). An event has
four to six members of 33 bytes, which is what a search costs in memory.
A search by subject reads one partition. Any other reads a few members of each of the 256
partitions, in one round trip, and then the events that they name.
"""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from counterseal.errors import Indeterminate, StoreUnavailable
from counterseal.models import (
    AuditPage,
    AuditQuery,
    ChainedEvent,
    ChainHead,
    ChainLink,
    CountKey,
    Guid,
    LogPlace,
    SignedHead,
    StoredEvent,
    UnchainedEvents,
)
from counterseal.models.audit_log import FIRST_HASH
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_records import (
    IndexKey,
    IndexKind,
    Run,
    digest,
    index_keys,
    microseconds,
    moment_at,
    read_event,
    read_recorded,
    search,
)
from counterseal_redis.codec import milliseconds
from counterseal_redis.commands import (
    CHAIN,
    DROP_CHAINED,
    SIGN,
    UNCHAINED,
    Argument,
    Call,
    script_call,
)
from counterseal_redis.commit import AUDIT
from counterseal_redis.keyspace import Keyspace

HEAD, CHAIN_EVENTS, INDEX, COUNTS, SIGNED = "ah", "ac", "ai", "an", "as"
"""Keys of a partition: the head, the chain, its index, the beginning of counts; the signed head."""

COUNTS_RETENTION = timedelta(days=400)
DAY = timedelta(days=1)
LAST = struct.Struct(">QQ")
LATEST = microseconds(datetime.max.replace(tzinfo=UTC))
KEY_BYTES = 17
PER_PARTITION = 8
"""Members of a partition that a search over all partitions reads in one round trip, at least."""

EACH = 100
"""Events of a partition that become unchained events in one call, at most."""


class RedisAuditChains:
    """The chained part of the log of one service."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._start = 0

    def unchained(self, limit: int) -> tuple[UnchainedEvents, ...]:
        """
        Return events that are in no chain yet, with the heads that they follow.

        Each call begins at the partition after the last one, so that none waits for ever.
        """
        calls = [
            script_call(UNCHAINED, self._keys(partition, AUDIT, HEAD), [min(limit, EACH)])
            for partition in range(PARTITIONS)
        ]
        replies = self._keyspace.read(*calls)
        batches: list[UnchainedEvents] = []
        remaining = limit
        for number in range(PARTITIONS):
            partition = (self._start + number) % PARTITIONS
            head, items = replies[partition]
            events = tuple(map(_stored, items[:remaining]))
            if events:
                batches.append(UnchainedEvents(head=_head(partition, head), events=events))
                remaining -= len(events)
                last = partition
            if not remaining:
                break
        if batches:
            self._start = (last + 1) % PARTITIONS
        return tuple(batches)

    def append_chain(self, links: tuple[ChainLink, ...]) -> int:
        """
        Append *links* to the chains that they follow; return how many do.

        Raises:
            Indeterminate: A reply was lost, or the write is not durable enough.
        """
        try:
            replies, confirmed = self._keyspace.attempt(
                [self._chain_call(link) for link in links], confirm=True
            )
        except StoreUnavailable as error:
            raise Indeterminate from error.__cause__
        for reply in replies:
            if isinstance(reply, Exception):
                raise Indeterminate from reply
        if not confirmed:
            raise Indeterminate
        return sum(replies)

    def heads(self) -> tuple[ChainHead, ...]:
        """Return the heads of all partitions."""
        calls = []
        for partition in range(PARTITIONS):
            (key,) = self._keys(partition, HEAD)
            calls.append(Call(("HMGET", key, "position", "hash", "base", "base_hash"), key))
        replies = self._keyspace.read(*calls)
        return tuple(_head(partition, reply) for partition, reply in enumerate(replies))

    def chained(self, partition: int, after: int, limit: int) -> tuple[ChainedEvent, ...]:
        """Return chained events of a partition behind the position *after*."""
        (key,) = self._keys(partition, CHAIN_EVENTS)
        (items,) = self._keyspace.read(
            Call(("XRANGE", key, f"{max(after + 1, 0)}-0", "+", "COUNT", limit), key)
        )
        return self._with_searchable(partition, [_chained(partition, item) for item in items])

    def misplaced(self, limit: int) -> tuple[tuple[int | None, int], ...]:
        """
        Return where events stand that no chain reaches.

        The bases are read first: what stands at or below them was dropped before.
        """
        calls = []
        for head in self.heads():
            (key,) = self._keys(head.partition, CHAIN_EVENTS)
            calls.append(Call(("XRANGE", key, "-", head.base, "COUNT", limit), key))
        replies = enumerate(self._keyspace.read(*calls))
        positions = [
            (partition, _chained(partition, item).position)
            for partition, items in replies
            for item in items
        ]
        return tuple(positions[:limit])

    def drop_chained(self, partition: int, through: int) -> None:
        """Drop archived events of a partition."""
        head = self.heads()[partition]
        if not head.base < through <= head.position:
            return
        position, entries, last_hash = head.base, list[Argument](), head.base_hash
        while position < through:
            page = self.chained(partition, position, through - position)
            if not page:
                break
            for event in page:
                if event.position <= through:
                    entries += index_members(event)
                    last_hash = event.hash
            position = page[-1].position
        if position < through:
            return
        keys = self._keys(partition, HEAD, CHAIN_EVENTS, INDEX)
        self._keyspace.write(script_call(DROP_CHAINED, keys, [through, last_hash, *entries]))

    def search(self, query: AuditQuery, after: LogPlace | None, limit: int) -> AuditPage:
        """Return chained events that fit *query*, newest first."""
        return search(query, after, limit, self._fetch)

    def counts(
        self, app_spaces: frozenset[Guid] | None, since: datetime, until: datetime
    ) -> Mapping[CountKey, int]:
        """Return the hourly counts of a time."""
        day = since.replace(hour=0, minute=0, second=0, microsecond=0)
        names = []
        while day < until:
            names.append(f"{COUNTS}{microseconds(day)}")
            day += DAY
        calls = [
            Call(("HGETALL", key), key)
            for partition in range(PARTITIONS)
            for key in self._keys(partition, *names)
        ]
        counts: dict[CountKey, int] = {}
        for reply in self._keyspace.read(*calls):
            for field, count in _pairs(reply):
                app_space, hour, event, reason = json.loads(field)
                count_key = CountKey(
                    app_space=app_space and Guid(app_space),
                    hour=moment_at(hour),
                    event=event,
                    reason=reason,
                )
                is_within = app_spaces is None or count_key.app_space in app_spaces
                if is_within and since <= count_key.hour < until:
                    counts[count_key] = counts.get(count_key, 0) + int(count)
        return counts

    def signed_head(self) -> SignedHead | None:
        """Return the signed head that was stored last."""
        (key,) = self._keys(0, SIGNED)
        ((number, token),) = self._keyspace.read(Call(("HMGET", key, "number", "token"), key))
        if number is None or token is None:
            return None
        return SignedHead(number=int(number), token=token.decode("ascii", "replace"))

    def replace_signed_head(self, head: SignedHead) -> bool:
        """Store a signed head in place of the one before it."""
        call = script_call(SIGN, self._keys(0, SIGNED), [head.number, head.token])
        return bool(self._keyspace.write(call))

    def chain_items(self, partition: int) -> Iterator[ChainedEvent]:
        """Return all chained events of a partition, in order."""
        after = 0
        while page := self.chained(partition, after, 500):
            yield from page
            after = page[-1].position

    def _keys(self, partition: int, *names: str) -> list[str]:
        return [self._keyspace.key(partition, name) for name in names]

    def _chain_call(self, link: ChainLink) -> Call:
        partition = link.head.partition
        days = sorted({_day(key) for key in link.counts})
        keys = self._keys(partition, AUDIT, HEAD, CHAIN_EVENTS, INDEX, *days)
        arguments: list[Argument] = [
            link.head.position,
            link.head.hash,
            len(link.events),
            len(link.counts),
        ]
        for stored, event in zip(link.stored, link.events, strict=True):
            members = index_members(event)
            arguments += [stored.key, event.hash, event.body, len(members), *members]
        life = milliseconds(COUNTS_RETENTION, timedelta(0))
        for key, count in link.counts.items():
            name = json.dumps([key.app_space, microseconds(key.hour), key.event, key.reason])
            arguments += [days.index(_day(key)) + 1, name, count, life]
        return script_call(CHAIN, keys, arguments)

    def _with_searchable(
        self, partition: int, events: Sequence[ChainedEvent]
    ) -> tuple[ChainedEvent, ...]:
        """Return *events*, with whether the index has them."""
        members = [index_members(event) for event in events]
        flat = [member for one in members for member in one]
        if not flat:
            return tuple(events)
        (key,) = self._keys(partition, INDEX)
        (scores,) = self._keyspace.read(Call(("ZMSCORE", key, *flat), key))
        results = iter(scores)
        # Each takes as many of the results as it has members.
        indexed = [[next(results) is not None for _ in one] for one in members]
        return tuple(
            _but(event, searchable=event.searchable and bool(one) and all(one))
            for event, one in zip(events, indexed, strict=True)
        )

    def _fetch(self, keys: Sequence[IndexKey], after: LogPlace | None, count: int) -> list[Run]:
        indexes = [(key, partition) for key in keys for partition in _partitions_of(key)]
        if len(indexes) > 1:
            count = max(PER_PARTITION, 2 * count // len(indexes))
        calls = []
        for key, partition in indexes:
            (index,) = self._keys(partition, INDEX)
            begin = _member_key(key)
            end = _end(begin, after, partition)
            calls.append(
                Call(("ZREVRANGEBYLEX", index, end, b"[" + begin, "LIMIT", 0, count), index)
            )
        replies = self._keyspace.read(*calls) if calls else []
        return self._runs(indexes, replies, count)

    def _runs(
        self, indexes: Sequence[tuple[IndexKey, int]], replies: Sequence[Any], count: int
    ) -> list[Run]:
        calls, entries = [], []
        for (key, partition), reply in zip(indexes, replies, strict=True):
            head, chain = self._keys(partition, HEAD, CHAIN_EVENTS)
            for member in reply:
                moment, position = LAST.unpack(member[KEY_BYTES:])
                at = moment_at(min(moment, LATEST))
                entries.append((key, LogPlace(at, partition, position)))
                calls.append(Call(("XRANGE", chain, f"{position}-0", f"{position}-0"), chain))
                calls.append(Call(("HGET", head, "base"), head))
        answers = iter(self._keyspace.read(*calls) if calls else [])
        chained = iter(
            (log_place, _indexed(key, log_place, items, int(base or 0)))
            for (key, log_place), items, base in zip(entries, answers, answers, strict=True)
        )
        return [
            Run(list(itertools.islice(chained, len(reply))), complete=len(reply) < count)
            for reply in replies
        ]


def _but(event: ChainedEvent, *, searchable: bool) -> ChainedEvent:
    return ChainedEvent(
        partition=event.partition,
        position=event.position,
        hash=event.hash,
        body=event.body,
        event=event.event,
        searchable=searchable,
    )


def _stored(item: tuple[bytes, dict[bytes, bytes]]) -> StoredEvent:
    key, fields = item
    event, body = read_recorded(_fields(fields).get(b"e", b""))
    return StoredEvent(event=event, body=body, key=key)


def _fields(fields: Any) -> dict[bytes, bytes]:
    # What a script returns is a list of names and values.
    if isinstance(fields, dict):
        return fields
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _pairs(reply: Any) -> Iterable[tuple[bytes, bytes]]:
    return _fields(reply).items()


def _head(partition: int, reply: Sequence[bytes | None]) -> ChainHead:
    position, head_hash, base, base_hash = reply
    return ChainHead(
        partition=partition,
        position=int(position or 0),
        hash=head_hash or FIRST_HASH,
        base=int(base or 0),
        base_hash=base_hash or FIRST_HASH,
    )


def _chained(partition: int, item: tuple[bytes, dict[bytes, bytes]]) -> ChainedEvent:
    key, fields = item
    position, _, second = key.partition(b"-")
    body = fields.get(b"e", b"")
    event = read_event(body)
    is_as_written = second == b"0" and fields.keys() == {b"h", b"e"}
    return ChainedEvent(
        partition=partition,
        position=int(position),
        hash=fields.get(b"h", b""),
        body=body,
        event=event,
        searchable=event is not None and is_as_written,
    )


def _indexed(
    key: IndexKey, log_place: LogPlace, items: Sequence[tuple[bytes, Any]], base: int
) -> ChainedEvent:
    """
    Return the event to which an entry of the index leads.

    It has no `event` if the entry is not its own, or if the chain begins behind it: either it was
    archived and dropped between two trips, or somebody has put it there.
    """
    item = items[0] if items else (b"%d-0" % log_place.position, {})
    chained = _chained(log_place.partition, item)
    event = chained.event
    is_own = event is not None and event.at == log_place.at and key in index_keys(event)
    return chained if is_own and log_place.position > base else attrs.evolve(chained, event=None)


def index_members(event: ChainedEvent) -> list[bytes]:
    """Return the members of an event in the index of its partition."""
    if event.event is None:
        return []
    suffix = LAST.pack(microseconds(event.event.at), event.position)
    return [_member_key(key) + suffix for key in index_keys(event.event)]


def _member_key(key: IndexKey) -> bytes:
    return key.kind.value.encode() + digest(key.text)[:16]


def _end(begin: bytes, after: LogPlace | None, partition: int) -> bytes:
    """Return where to begin, from the newest on: before the place *after*."""
    if after is None:
        return b"[" + begin + b"\xff" * LAST.size
    moment = microseconds(after.at)
    if partition < after.partition:
        # Entries of the same moment come after those of greater partitions.
        return b"[" + begin + LAST.pack(moment, 2**64 - 1)
    if partition > after.partition:
        return b"(" + begin + LAST.pack(moment, 0)
    return b"(" + begin + LAST.pack(moment, after.position)


def _partitions_of(key: IndexKey) -> Iterable[int]:
    if key.kind is IndexKind.SUBJECT:
        return (partition_of(Guid(key.text)),)
    return range(PARTITIONS)


def _day(key: CountKey) -> str:
    day = key.hour.replace(hour=0)
    return f"{COUNTS}{microseconds(day)}"
