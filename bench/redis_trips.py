"""Goal 5 on Redis: what is sent before a reply is waited for is one trip, counted at the socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from redis.connection import AbstractConnection
from redis_setup import client_of, servers
from trips import Trips, played

from counterseal.testing import FakeService
from counterseal_redis import attach, commands, with_redis

BEFORE = "redis: "

_VERBS = {
    commands.FIRST_SEEN.sha.encode(): "replay.first_seen",
    commands.COUNT.sha.encode(): "counters.add",
    commands.BEGIN.sha.encode(): "idempotency.begin",
    commands.FINISH.sha.encode(): "idempotency.finish",
}


def redis_trips() -> Iterator[Trips]:
    """Play a bind, questions and answers on a server that knows all scripts, and count."""
    with servers(1) as (server,), client_of(server) as client, _listening() as payloads:
        for script in vars(commands).values():
            if isinstance(script, commands.Script):
                client.script_load(script.text)
        keyspace = attach(client)
        # A thread of its own sends what `Wake` sends.
        world = FakeService(
            adapters=lambda ports: attrs.evolve(with_redis(ports, keyspace), wake=ports.wake)
        )

        def count_trips(what: str, goal: int, call: Callable[[], object]) -> Trips:
            payloads.clear()
            call()
            calls = Counter(map(_verb, payloads))
            return Trips(f"{BEFORE}{what}", goal, calls.pop("store", 0), dict(calls))

        yield from played(world, count_trips)


def _verb(command: bytes) -> str:
    return next((verb for sha, verb in _VERBS.items() if sha in command), "store")


@contextmanager
def _listening() -> Iterator[list[bytes]]:
    payloads: list[bytes] = []
    waiting = False
    send, receive = AbstractConnection.send_packed_command, AbstractConnection.read_response

    def sending(connection: Any, command: Any, **options: Any) -> Any:
        nonlocal waiting
        packed = b"".join(map(bytes, command if isinstance(command, list | tuple) else [command]))
        if waiting:
            payloads[-1] += packed
        else:
            payloads.append(packed)
        waiting = True
        return send(connection, command, **options)

    def reading(connection: Any, *args: Any, **options: Any) -> Any:
        nonlocal waiting
        waiting = False
        return receive(connection, *args, **options)

    AbstractConnection.send_packed_command = sending  # type: ignore[method-assign]
    AbstractConnection.read_response = reading  # type: ignore[method-assign]
    try:
        yield payloads
    finally:
        AbstractConnection.send_packed_command = send  # type: ignore[method-assign]
        AbstractConnection.read_response = receive  # type: ignore[method-assign]
