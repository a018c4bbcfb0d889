"""All that a key space holds, for checks and copies; to list it, the keys are scanned once."""

from __future__ import annotations

import heapq
import itertools
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from typing import Any

from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

from counterseal.errors import Conflict, Indeterminate, StoreUnavailable
from counterseal.invariants import Violation
from counterseal.models import Account, AuditEvent, ChainedEvent, Guid, Record
from counterseal.models.guid import PARTITIONS, SHAPE, partition_of
from counterseal.models.record import Index, index_of
from counterseal.ports import Clock
from counterseal_records import (
    NumberedRecord,
    PartitionContents,
    RecordUnreadable,
    digest,
    microseconds,
    natural_key,
    read_as,
    read_record,
    search_key,
    write,
)
from counterseal_redis.audit import BEGINNING, Entry, RedisAudit
from counterseal_redis.codec import NOTHING, compact, guid_bytes, guid_from, header
from counterseal_redis.commands import Call
from counterseal_redis.commit import AUDIT, CONFLICT, NATURAL, load_call
from counterseal_redis.gauges import (
    GAUGED,
    GAUGES,
    GUID_BYTES,
    gauge_name,
    hash_items,
    read_gauge_name,
)
from counterseal_redis.indexes import (
    BINDINGS,
    CHILDREN,
    DEAD,
    DUE_INDEXES,
    PENDING,
    SEARCH,
    due_indexes,
    position_of,
)
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.wiring import server_identity

PAGE = 500
"""Keys, or entries of the log, in one round trip."""

_AGE_INDEXES = (BINDINGS, CHILDREN, DEAD, PENDING)
_GUID = slice(24, None)
_SPACE = slice(16)
_NOT_LAST = "smaller"
"""In the server's refusal of an entry whose position is not after the last one."""


class RedisInventory:
    """
    What one service keeps in a key space.

    Args:
        keyspace: The key space.
        clock: The service's; the server keeps a loaded record until a day after its end.
    """

    def __init__(self, keyspace: Keyspace, clock: Clock) -> None:
        self._keyspace = keyspace
        self._clock = clock

    def identity(self) -> str:
        """Return which processes have the keys, the number of the database, and the prefix."""
        return f"redis {server_identity(self._keyspace)} {self._keyspace.prefix}"

    def read_partitions(self, partitions: Sequence[int]) -> Iterator[PartitionContents]:
        """
        Return the contents of each of *partitions*.

        Their keys are those that one scan at the beginning found, and those that an index names.
        """
        names = self._scan_names(partitions) if partitions else {}
        for partition in partitions:
            yield self._read_partition(partition, names.pop(partition, set()))

    def load(self, records: Sequence[Record], operation: str) -> None:
        """
        Create *records* of one partition, each with the version that it has.

        Raises:
            Conflict: One of them exists already.
            Indeterminate: The reply was lost, or the write is not durable enough.
        """
        call = load_call(self._keyspace, records, operation, self._clock.now())
        try:
            (answer,), confirmed = self._keyspace.attempt([call], confirm=True)
        except StoreUnavailable as error:
            raise Indeterminate from error
        if answer == CONFLICT:
            raise Conflict
        if isinstance(answer, Exception):
            raise Indeterminate from answer
        if not confirmed:
            raise Indeterminate

    def events(self) -> Iterator[Sequence[AuditEvent]]:
        """Return the audit log in pages: what is chained, and then what is not yet, by age."""
        audit = RedisAudit(self._keyspace)
        chains = map(audit.chain_items, range(PARTITIONS))
        events = heapq.merge(*(map(_event, chain) for chain in chains), key=lambda event: event.at)
        while page := list(itertools.islice(events, PAGE)):
            yield page
        logs = map(self._log_entries, range(PARTITIONS))
        merged = heapq.merge(*logs, key=lambda entry: entry.sort_key)
        while page := [entry.event for entry in itertools.islice(merged, PAGE)]:
            yield page

    def append_events(self, events: Sequence[AuditEvent], first: int) -> None:
        """
        Append those of *events* that are not there yet; *first* events come before them.

        Raises:
            StoreUnavailable: Redis did not answer; some events may be appended.
        """
        calls = []
        for number, event in enumerate(events, first + 1):
            text = write(event)
            subject = event.subject
            partition = digest(text)[0] if subject is None else partition_of(subject)
            key = self._keyspace.key(partition, AUDIT)
            # Such a position is older than every one that the service writes.
            calls.append(Call(("XADD", key, f"0-{number}", "e", text), key))
        replies, confirmed = self._keyspace.attempt(calls, confirm=True)
        for reply in replies:
            is_there = isinstance(reply, ResponseError) and _NOT_LAST in str(reply)
            if isinstance(reply, Exception) and not is_there:
                raise StoreUnavailable from reply
        if not confirmed:
            raise StoreUnavailable

    def _read_partition(self, partition: int, names: Collection[str]) -> PartitionContents:
        indexes = self._indexes(partition)
        guids = {name for name in names if not name.startswith(NATURAL)}
        guids |= {
            guid for name, entries in indexes.items() if name != SEARCH for guid in entries.values()
        }
        values = self._read_values(partition, sorted(guids))
        keys = {name for name in names if name.startswith(NATURAL)}
        records: list[NumberedRecord] = []
        violations: list[Violation] = []
        expected: dict[str, dict[bytes, str]] = defaultdict(dict)
        expected_names: dict[str, str] = {}
        gauges: dict[str, bytes] = {}
        for guid, value in values.items():
            first_line, _, body = value.partition(b"\n")
            try:
                record = read_record(body)
                index = index_of(record)
                account_word = _account_word(index)
                number = _number(first_line, record, guid, account_word)
            except (RecordUnreadable, ValueError):
                violations.append(
                    Violation(guid, "it cannot be read, or is not what its first line says")
                )
                continue
            records.append(NumberedRecord(number, record))
            if isinstance(record, Account):
                expected_names[f"{NATURAL}{account_word}"] = guid
            if index.gauge is not None:
                gauges[guid] = gauge_name(index.gauge)
            for name, entry in _entries(record, index, number):
                expected[name][entry] = guid
        found_names = self._read_values(partition, sorted(keys | set(expected_names)))
        violations += _wrong_names(
            {name: guid.decode() for name, guid in found_names.items()}, expected_names
        )
        for name, entries in indexes.items():
            violations += _wrong_entries(name, entries, expected[name], values)
        violations += self._wrong_gauges(partition, gauges, values)
        records.sort(key=lambda one: one.number)
        return PartitionContents(tuple(records), tuple(violations))

    def _scan_names(self, partitions: Sequence[int]) -> dict[int, set[str]]:
        client, begin = self._keyspace.client, f"{self._keyspace.prefix}:{{"
        numbers = frozenset(partitions)
        shape = re.compile(rf"{re.escape(begin)}([0-9a-f]{{2}})}}:({SHAPE}|{NATURAL}.{{43}})")
        targets: dict[str, Any] = {}
        if isinstance(client, RedisCluster):
            targets = {"target_nodes": RedisCluster.PRIMARIES}
        names: dict[int, set[str]] = defaultdict(set)
        try:
            for key in client.scan_iter(
                f"{begin}{_digits(numbers)}}}*", count=10 * PAGE, **targets
            ):
                match = shape.fullmatch(key.decode())
                if match is not None and int(match[1], 16) in numbers:
                    names[int(match[1], 16)].add(match[2])
        except Exception as error:
            raise StoreUnavailable from error
        return names

    def _read_values(self, partition: int, names: Sequence[str]) -> dict[str, bytes]:
        values_by_name: dict[str, bytes] = {}
        for begin in range(0, len(names), PAGE):
            page = names[begin : begin + PAGE]
            keys = [self._keyspace.key(partition, name) for name in page]
            (values,) = self._keyspace.read(Call(("MGET", *keys), keys[0]))
            pairs = zip(page, values, strict=True)
            values_by_name |= {name: value for name, value in pairs if value is not None}
        return values_by_name

    def _indexes(self, partition: int) -> dict[str, dict[bytes, str]]:
        # Not the queues of origins: an older release neither writes nor clears them.
        names = [*_AGE_INDEXES, *DUE_INDEXES, SEARCH]
        keys = [self._keyspace.key(partition, name) for name in names]
        calls = [Call(("ZRANGE", key, 0, -1, "WITHSCORES"), key) for key in keys]
        entries = {}
        for name, reply in zip(names, self._keyspace.read(*calls), strict=True):
            pairs = _pairs(reply)
            if name in _AGE_INDEXES:
                entries[name] = {entry: entry[_GUID].decode() for entry, _ in pairs}
            elif name == SEARCH:
                # Such an entry names no record: a flaw is reported with its App Space.
                entries[name] = {entry: guid_from(entry[_SPACE]) for entry, _ in pairs}
            else:
                entries[name] = {
                    _due_entry(member, score): guid_from(member) for member, score in pairs
                }
        return entries

    def _wrong_gauges(
        self, partition: int, expected: Mapping[str, bytes], guids: Container[str]
    ) -> Iterator[Violation]:
        keys = [self._keyspace.key(partition, name) for name in (GAUGED, GAUGES)]
        names, counts = map(
            hash_items, self._keyspace.read(*(Call(("HGETALL", key), key) for key in keys))
        )
        numbers = dict(names)
        gauges: dict[str, bytes] = {
            guid_from(member): numbers.get(number, b"")
            for member, number in names
            if len(member) == GUID_BYTES
        }
        for guid in sorted(gauges.keys() | expected.keys()):
            # A dead callback that the server has dropped counts until `forget` finds it gone.
            if gauges.get(guid) != expected.get(guid) and guid in guids:
                yield Violation(guid, "it does not count in its gauge")
        actual = {name: int(count) for name, count in counts}
        for name in sorted(actual.items() ^ Counter(gauges.values()).items()):
            gauge = read_gauge_name(name[0])
            subject = gauge.origin or gauge.app_space or Guid("")
            yield Violation(subject, f"the gauge {gauge.gauge} is not what counts in it")

    def _log_entries(self, partition: int) -> Iterator[Entry]:
        return itertools.chain.from_iterable(self._pages(partition))

    def _pages(self, partition: int) -> Iterator[tuple[Entry, ...]]:
        audit, after = RedisAudit(self._keyspace), BEGINNING
        while page := audit.read(partition, after=after, limit=PAGE):
            yield page
            after = page[-1].position


def _digits(partitions: Collection[int]) -> str:
    """Return a pattern of the digits of *partitions*, so that the server sends few other keys."""
    names = [f"{partition:02x}" for partition in partitions]
    choices = ["".join(sorted(set(digits))) for digits in zip(*names, strict=True)]
    return "".join(f"[{digits}]" if len(digits) > 1 else digits for digits in choices)


def _event(chained: ChainedEvent) -> AuditEvent:
    return read_as(AuditEvent, chained.body)


def _pairs(reply: Sequence[Any]) -> Iterator[tuple[bytes, float]]:
    # Version 3 of the protocol returns a list for each pair, version 2 one list for all.
    if reply and not isinstance(reply[0], list):
        reply = list(zip(reply[::2], reply[1::2], strict=True))
    return ((member, float(score)) for member, score in reply)


def _number(first_line: bytes, record: Record, guid: str, account_word: str) -> int:
    number, _, rest = first_line.decode().partition(" ")
    if record.guid != guid or rest.rpartition(" ")[0] != f"{header(record)} {account_word}":
        raise ValueError
    return int(number)


def _account_word(index: Index) -> str:
    """Return the word of the header that names the account."""
    if index.account is not None:
        return index.account
    return NOTHING if index.account_key is None else compact(natural_key(*index.account_key))


def _entries(record: Record, index: Index, number: int) -> Iterator[tuple[str, bytes]]:
    position = position_of(index)
    if position is not None and position.listed:
        age = struct.pack(">Q", number)
        yield position.index, guid_bytes(position.owner) + age + record.guid.encode()
    if index.search_key is not None:
        yield SEARCH, search_key(*index.search_key)
    if record.due_at is not None:
        entry = _due_entry(guid_bytes(record.guid), microseconds(record.due_at))
        for name in due_indexes(record, index):
            yield name, entry


def _due_entry(member: bytes, score: float) -> bytes:
    return member + struct.pack(">d", score)


def _wrong_names(names: Mapping[str, str], expected: Mapping[str, str]) -> Iterator[Violation]:
    for name in sorted(names.keys() | expected.keys()):
        if names.get(name) != expected.get(name):
            subject = expected.get(name) or names[name]
            yield Violation(
                subject, "its natural key does not lead to it, or to an account that is not"
            )


def _wrong_entries(
    index: str, entries: Mapping[bytes, str], expected: Mapping[bytes, str], guids: Container[str]
) -> Iterator[Violation]:
    for entry in sorted(expected.keys() - entries.keys()):
        yield Violation(expected[entry], f"it is not in the index {index}")
    for entry in sorted(entries.keys() - expected.keys()):
        # Entries of dead callbacks that the server has dropped are garbage, which `forget` drops.
        if index != DEAD or entries[entry] in guids:
            yield Violation(entries[entry], f"it is in the index {index}, and should not be")
