"""Goal 6: what the store takes of one `answer`, beside a bare reading and a bare swap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeAlias

import attrs
import redis_floor
from measure import OPERATIONS, WARMING, Cost
from redis import Redis
from redis_scene import client_of, costs, servers
from scene import Scene

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models import Account, Algorithm, Binding, Challenge
from counterseal.models.guid import partition_of
from counterseal_records import write
from counterseal_redis import Keyspace, attach, with_redis

FINGERPRINT = bytes(16)
LIVES = (2_678_400_000, 600_000)
"""Milliseconds: of a challenge that is over, and of an operation."""

Key: TypeAlias = Callable[[object], str]
Writing: TypeAlias = "Callable[[Heard, Key, str], Callable[[], object]]"

ENDED = "it has been heard what is to be committed"


class HeardError(Exception):
    """What is to be committed has been heard, and is not committed."""


@attrs.define
class Hearing:
    """A store that reads, and keeps what is asked of it, and commits nothing."""

    store: Any
    read: list[tuple[str, tuple[Any, ...]]] = attrs.field(factory=list)
    committed: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.store, name)

        def called(*asked: Any) -> Any:
            self.read.append((name, asked))
            return verb(*asked)

        return called

    def commit(self, *asked: Any) -> None:
        """Keep it, and end the use case."""
        self.committed = asked
        raise HeardError(ENDED)


@attrs.frozen
class Heard:
    """
    What one answer asks of the store.

    Attributes:
        verb, read: What it reads, and by which verb.
        committed: What it commits.
    """

    verb: str
    read: tuple[Any, ...]
    committed: tuple[Any, ...]


def ports_on(keyspace: Keyspace) -> cs.Ports:
    """Return ports on Redis, but for the bell: its threads would take part in what is measured."""
    memory = memory_ports()
    return attrs.evolve(with_redis(memory, keyspace), wake=memory.wake)


@attrs.frozen
class Answers:
    """Answers that are about to be given, on one server."""

    scene: Scene
    keyspace: Keyspace
    numbers: Callable[[], int] = attrs.field(factory=lambda: count().__next__)

    @classmethod
    def on(cls, client: Redis) -> Answers:
        """Set a scene on an empty server."""
        keyspace = attach(client)
        return cls(Scene.of(Algorithm.ES256, ports_on(keyspace)), keyspace)

    def heard(self, number: int) -> list[Heard]:
        """Prepare so many answers, and return what each asks of the store."""
        found = []
        for _ in range(number):
            hearing = Hearing(self.scene.ports.store)
            deaf = attrs.evolve(self.scene.ports, store=hearing)
            call = self.scene.call(self.scene.asked()[1])
            try:
                cs.Answers(deaf, self.scene.policy).answer(call)
            except HeardError:
                ((verb, read),) = hearing.read
                found.append(Heard(verb, read, hearing.committed))
        return found

    def ours(self, number: int) -> Sequence[Callable[[], object]]:
        """Return what the store does for so many answers."""
        store = self.scene.ports.store

        def once(heard: Heard) -> None:
            getattr(store, heard.verb)(*heard.read)
            store.commit(*heard.committed)

        return [lambda heard=heard: once(heard) for heard in self.heard(number)]

    def bare(self, number: int) -> Sequence[Callable[[], object]]:
        """Return a bare reading, and a bare script that writes the same bytes, so many times."""
        return [self._bare(heard, self._answer) for heard in self.heard(number)]

    def short(self, number: int) -> Sequence[Callable[[], object]]:
        """
        Return a bare reading and a bare swap, so many times.

        It sets what is only compared, and leaves out the two indexes, the operation that is
        remembered, and the time to live.
        """
        return [self._bare(heard, self._swap) for heard in self.heard(number)]

    def _bare(self, heard: Heard, writing: Writing) -> Callable[[], object]:
        client, unique = self.keyspace.client, self.numbers()
        partition = partition_of(heard.committed[0][0].new.guid)

        def key(name: object) -> str:
            return f"bare:{{{partition:02x}}}:{unique}:{name}"

        found = getattr(self.scene.ports.store, heard.verb)(*heard.read)
        for record in found:
            client.set(key(record.guid), bare_value(record))
        read = redis_floor.read(client, [key(record.guid) for record in found])
        write = writing(heard, key, f"bare:{{{partition:02x}}}:")

        def once() -> None:
            read()
            write()

        return once

    def _swap(self, heard: Heard, key: Key, begin: str) -> Callable[[], object]:
        changes, events, _ = heard.committed
        held = [change for change in changes if change.old is not None]
        return redis_floor.swap(
            self.keyspace.client,
            [key(change.new.guid) for change in held],
            f"{begin}log",
            beginnings=[bare_head(change.old) for change in held],
            values=[bare_value(change.new) for change in held],
            events=[write(event).encode() for event in events],
        )

    def _answer(self, heard: Heard, key: Key, begin: str) -> Callable[[], object]:
        changes, (event,), _ = heard.committed
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
    """Return how the value of a record begins, about as long as the adapter has it."""
    return f"{1 << 50} {record.version} {1 << 50} {record.guid}\n".encode()


def bare_value(record: Any) -> bytes:
    """Return the value of a record."""
    return bare_head(record) + write(record).encode()


def bare_entry(challenge: Challenge) -> bytes:
    """Return an entry of an index in order of age, as long as the adapter has it."""
    return bare_due(challenge)[:8] * 3 + challenge.guid.encode()


def bare_due(challenge: Challenge) -> bytes:
    """Return an entry of what is due."""
    return bytes.fromhex(challenge.guid.replace("-", ""))


def answering() -> dict[str, Cost]:
    """Measure ours, and both floors."""
    assert OPERATIONS > WARMING
    with servers(1) as (server,), client_of(server) as client:
        answers = Answers.on(client)
        return costs(
            {
                "ours": (server, answers.ours),
                "bare": (server, answers.bare),
                "short": (server, answers.short),
            }
        )
