"""Goal 5 on Redis: what is sent before a reply is waited for is one trip, counted at the socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from redis.connection import AbstractConnection
from redis_scene import client_of, servers
from trips import Trips, played

from counterseal.testing import World
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
    with servers(1) as (server,), client_of(server) as client, _listening() as sent:
        for script in vars(scripts).values():
            if isinstance(script, scripts.Script):
                client.script_load(script.text)
        keyspace = attach(client)
        # Rings are sent by a thread of their own.
        world = World(
            adapters=lambda ports: attrs.evolve(with_redis(ports, keyspace), wake=ports.wake)
        )

        def taken(what: str, goal: int, act: Callable[[], object]) -> Trips:
            sent.clear()
            act()
            calls = Counter(map(_verb, sent))
            return Trips(f"{BEFORE}{what}", goal, calls.pop("store", 0), dict(calls))

        yield from played(world, taken)


def _verb(said: bytes) -> str:
    return next((verb for sha, verb in _VERBS.items() if sha in said), "store")


@contextmanager
def _listening() -> Iterator[list[bytes]]:
    sent: list[bytes] = []
    asked = False
    send, read = AbstractConnection.send_packed_command, AbstractConnection.read_response

    def sending(connection: Any, command: Any, **options: Any) -> Any:
        nonlocal asked
        said = b"".join(map(bytes, command if isinstance(command, list | tuple) else [command]))
        if asked:
            sent[-1] += said
        else:
            sent.append(said)
        asked = True
        return send(connection, command, **options)

    def reading(connection: Any, *args: Any, **options: Any) -> Any:
        nonlocal asked
        asked = False
        return read(connection, *args, **options)

    AbstractConnection.send_packed_command = sending  # type: ignore[method-assign]
    AbstractConnection.read_response = reading  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        AbstractConnection.send_packed_command = send  # type: ignore[method-assign]
        AbstractConnection.read_response = read  # type: ignore[method-assign]
