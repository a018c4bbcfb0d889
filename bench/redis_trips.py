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
from counterseal_redis import attach, scripts, with_redis

BEFORE = "redis: "

_VERBS = {
    scripts.FIRST_SEEN.sha.encode(): "replay.first_seen",
    scripts.COUNT.sha.encode(): "counters.add",
    scripts.BEGIN.sha.encode(): "idempotency.begin",
    scripts.FINISH.sha.encode(): "idempotency.finish",
}


def redis_trips() -> Iterator[Trips]:
    """Play a bind, questions and answers on a server that knows all scripts, and count."""
    with servers(1) as (server,), client_of(server) as client, _listening() as commands:
        for script in vars(scripts).values():
            if isinstance(script, scripts.Script):
                client.script_load(script.text)
        keyspace = attach(client)
        # A thread of its own sends what `Wake` sends.
        world = FakeService(
            adapters=lambda ports: attrs.evolve(with_redis(ports, keyspace), wake=ports.wake)
        )

        def count_trips(what: str, goal: int, call: Callable[[], object]) -> Trips:
            commands.clear()
            call()
            calls = Counter(map(_verb, commands))
            return Trips(f"{BEFORE}{what}", goal, calls.pop("store", 0), dict(calls))

        yield from played(world, count_trips)


def _verb(command: bytes) -> str:
    return next((verb for sha, verb in _VERBS.items() if sha in command), "store")


@contextmanager
def _listening() -> Iterator[list[bytes]]:
    commands: list[bytes] = []
    waiting = False
    send, receive = AbstractConnection.send_packed_command, AbstractConnection.read_response

    def sending(connection: Any, command: Any, **options: Any) -> Any:
        nonlocal waiting
        packed = b"".join(map(bytes, command if isinstance(command, list | tuple) else [command]))
        if waiting:
            commands[-1] += packed
        else:
            commands.append(packed)
        waiting = True
        return send(connection, command, **options)

    def reading(connection: Any, *args: Any, **options: Any) -> Any:
        nonlocal waiting
        waiting = False
        return receive(connection, *args, **options)

    AbstractConnection.send_packed_command = sending  # type: ignore[method-assign]
    AbstractConnection.read_response = reading  # type: ignore[method-assign]
    try:
        yield commands
    finally:
        AbstractConnection.send_packed_command = send  # type: ignore[method-assign]
        AbstractConnection.read_response = receive  # type: ignore[method-assign]
