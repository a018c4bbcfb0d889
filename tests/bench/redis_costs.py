"""Goal 6: the cost of the store in one `answer`, beside a bare read and a bare swap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeAlias

import attrs
import redis_floor
from measure import OPERATIONS, WARMING
from redis import Redis
from redis_setup import Split, client_of, servers, split_costs
from service import Service

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models import Account, Algorithm, Binding, Challenge
from counterseal.models.guid import partition_of
from counterseal_records import write
from counterseal_redis import Keyspace, attach, with_redis
from counterseal_redis.commit import APPLIED, commit_call

FINGERPRINT = bytes(16)
LIVES = (2_678_400_000, 600_000)
"""Times to live in milliseconds: of an ended challenge, and of an operation."""

Key: TypeAlias = Callable[[object], str]
Writing: TypeAlias = "Callable[[Commit, Key, str], Callable[[], object]]"

RECORDED = "the commit is recorded"


class RecordedError(Exception):
    """The commit is recorded, and not applied."""


@attrs.define
class Recorder:
    """A store that reads, records its calls, and commits nothing."""

    store: Any
    loads: list[tuple[str, tuple[Any, ...]]] = attrs.field(factory=list)
    committed: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.store, name)

        def called(*arguments: Any) -> Any:
            self.loads.append((name, arguments))
            return verb(*arguments)

        return called

    def commit(self, *arguments: Any) -> None:
        """Record the commit, and end the use case."""
        self.committed = arguments
        raise RecordedError(RECORDED)


@attrs.frozen
class Commit:
    """
    The calls of one answer to the store.

    Attributes:
        verb, arguments: The call that reads.
        committed: The arguments of the commit.
    """

    verb: str
    arguments: tuple[Any, ...]
    committed: tuple[Any, ...]


def ports_on(keyspace: Keyspace) -> cs.Ports:
    """Return ports on Redis without `Wake`, whose threads would be measured too."""
    memory = memory_ports()
    return attrs.evolve(with_redis(memory, keyspace), wake=memory.wake)


@attrs.frozen
class Answers:
    """Answers to open challenges, on one server."""

    service: Service
    keyspace: Keyspace
    numbers: Callable[[], int] = attrs.field(factory=lambda: count().__next__)

    @classmethod
    def on(cls, client: Redis) -> Answers:
        """Create a service on an empty server."""
        keyspace = attach(client)
        return cls(Service.of(Algorithm.ES256, ports_on(keyspace)), keyspace)

    def recorded(self, number: int) -> list[Commit]:
        """Prepare *number* answers, and return the calls of each to the store."""
        recordings = []
        for _ in range(number):
            recorder = Recorder(self.service.ports.store)
            recording_ports = attrs.evolve(self.service.ports, store=recorder)
            call = self.service.call(self.service.ask()[1])
            try:
                cs.Answers(recording_ports, self.service.policy).answer(call)
            except RecordedError:
                ((verb, arguments),) = recorder.loads
                recordings.append(Commit(verb, arguments, recorder.committed))
        return recordings

    def ours(self, number: int) -> Sequence[Callable[[], object]]:
        """Return the calls of *number* answers to the store."""
        store = self.service.ports.store

        def once(recorded: Commit) -> None:
            getattr(store, recorded.verb)(*recorded.arguments)
            store.commit(*recorded.committed)

        return [lambda recorded=recorded: once(recorded) for recorded in self.recorded(number)]

    def prepared(self, number: int) -> Sequence[Callable[[], object]]:
        """Return the calls of *number* answers to the store, which only send their commits."""
        return [self._prepared(recorded) for recorded in self.recorded(number)]

    def _prepared(self, recorded: Commit) -> Callable[[], object]:
        store, now = self.service.ports.store, self.service.ports.clock.now()
        commit = commit_call(self.keyspace, *recorded.committed, now)

        def once() -> None:
            getattr(store, recorded.verb)(*recorded.arguments)
            (reply,), _ = self.keyspace.attempt([commit], confirm=True)
            if reply != APPLIED:
                raise AssertionError(reply)

        return once

    def bare(self, number: int) -> Sequence[Callable[[], object]]:
        """Return *number* bare reads, each with a bare script that writes the same bytes."""
        return [self._bare(recorded, self._answer) for recorded in self.recorded(number)]

    def short(self, number: int) -> Sequence[Callable[[], object]]:
        """
        Return *number* bare reads, each with a bare swap.

        The swap also sets what an answer only compares. It leaves out the two indexes, the
        operation, and the time to live.
        """
        return [self._bare(recorded, self._swap) for recorded in self.recorded(number)]

    def _bare(self, recorded: Commit, writing: Writing) -> Callable[[], object]:
        client, unique = self.keyspace.client, self.numbers()
        partition = partition_of(recorded.committed[0][0].new.guid)

        def key(name: object) -> str:
            return f"bare:{{{partition:02x}}}:{unique}:{name}"

        records = getattr(self.service.ports.store, recorded.verb)(*recorded.arguments)
        for record in records:
            client.set(key(record.guid), bare_value(record))
        load = redis_floor.read(client, [key(record.guid) for record in records])
        write = writing(recorded, key, f"bare:{{{partition:02x}}}:")

        def once() -> None:
            load()
            write()

        return once

    def _swap(self, recorded: Commit, key: Key, begin: str) -> Callable[[], object]:
        changes, events, _ = recorded.committed
        stored = [change for change in changes if change.old is not None]
        return redis_floor.swap(
            self.keyspace.client,
            [key(change.new.guid) for change in stored],
            f"{begin}log",
            beginnings=[bare_head(change.old) for change in stored],
            values=[bare_value(change.new) for change in stored],
            events=[write(event).encode() for event in events],
        )

    def _answer(self, recorded: Commit, key: Key, begin: str) -> Callable[[], object]:
        changes, (event,), _ = recorded.committed
        kinds = {type(change.new): change for change in changes}
        challenge, account, binding = (kinds[kind] for kind in (Challenge, Account, Binding))
        assert binding.new is binding.old
        assert challenge.new.due_at is None
        sets = [f"{begin}pending", f"{begin}due"]
        entries = [bare_entry(challenge.new), bare_due(challenge.new)]
        for name, entry in zip(sets, entries, strict=True):
            self.keyspace.client.zadd(name, {entry: 0})
        return redis_floor.answer(
            self.keyspace.client,
            [
                *(key(change.new.guid) for change in (challenge, account, binding)),
                *sets,
                f"{begin}log",
                key("operation"),
            ],
            beginnings=[bare_head(change.old) for change in (challenge, account, binding)],
            challenge=bare_value(challenge.new),
            account=bare_value(account.new),
            entries=entries,
            event=write(event).encode(),
            operation=FINGERPRINT,
            lives=LIVES,
        )


def bare_head(record: Any) -> bytes:
    """Return the header of a record, about as long as the adapter's."""
    return f"{1 << 50} {record.version} {1 << 50} {record.guid}\n".encode()


def bare_value(record: Any) -> bytes:
    """Return the value of a record."""
    return bare_head(record) + write(record).encode()


def bare_entry(challenge: Challenge) -> bytes:
    """Return an entry of an index in order of age, as long as the adapter's."""
    return bare_due(challenge)[:8] * 3 + challenge.guid.encode()


def bare_due(challenge: Challenge) -> bytes:
    """Return an entry of an index of due records."""
    return bytes.fromhex(challenge.guid.replace("-", ""))


def answering() -> dict[str, Split]:
    """Measure ours, ours with its commit prepared, and both floors."""
    assert OPERATIONS > WARMING
    with servers(1) as (server,), client_of(server) as client:
        answers = Answers.on(client)
        return split_costs(
            {
                "ours": (server, answers.ours),
                "prepared": (server, answers.prepared),
                "bare": (server, answers.bare),
                "short": (server, answers.short),
            }
        )
