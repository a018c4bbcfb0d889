"""
Goal 5 on Redis: what is sent before a reply is read is one round trip, counted at the socket.

    python tests/bench/redis_trips.py

prints the trips of the five calls of an approval, each with its authentication.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from redis.connection import AbstractConnection
from redis_setup import client_of, servers
from trips import Trips, played

import counterseal as cs
from counterseal.credentials.documents import write_basic
from counterseal.models import Question, Scheme, TextContent
from counterseal_redis import attach, commands, with_redis
from counterseal_testing import FakeService

BEFORE = "redis: "
FIVE_CALLS = 15
"""Trips of the five calls of an approval, with their authentication, at most."""

_VERBS = {
    commands.FIRST_SEEN.sha.encode(): "replay.first_seen",
    commands.COUNT.sha.encode(): "counters.add",
    commands.BEGIN.sha.encode(): "idempotency.begin",
    commands.FINISH.sha.encode(): "idempotency.finish",
}


def redis_trips() -> Iterator[Trips]:
    """Count the trips of a bind, challenges and answers, on a server with all scripts loaded."""
    with _counted_world() as (world, payloads):

        def count_trips(what: str, goal: int, call: Callable[[], object]) -> Trips:
            payloads.clear()
            call()
            calls = Counter(map(_verb, payloads))
            return Trips(f"{BEFORE}{what}", goal, calls.pop("store", 0), dict(calls))

        yield from played(world, count_trips)


def five_calls() -> Iterator[tuple[str, Counter[str]]]:
    """Make the five calls of an approval, and yield the trips of each, by port."""
    with _counted_world() as (world, payloads):
        phone, origin = world.bind("zoe"), world.origin.origin.guid
        secret = world.credentials.issue(origin, Scheme.BASIC).secret
        credential = write_basic(secret, guid=origin)
        request = cs.SignedRequest(method="GET", uri="https://id", authorization=credential)
        world.authentication.authenticate(request)  # as every call before has done
        question = Question(account_id="zoe", content=TextContent(text="Pay 10 EUR to Adam?"))
        challenges: list[Any] = []

        def issue() -> None:
            party = world.authentication.authenticate(request)
            challenges.append(world.challenges.issue(party, question).challenge)

        def read_result() -> None:
            party = world.authentication.authenticate(request)
            world.challenges.status(party, challenges[0].guid)

        calls: dict[str, Callable[[], object]] = {
            "add": issue,
            "device: list": phone.pending,
            "device: get": lambda: phone.fetch(challenges[0].guid),
            "answer": lambda: phone.answer(challenges[0]),
            "getRequest": read_result,
        }
        for name, call in calls.items():
            payloads.clear()
            call()
            yield name, Counter(map(_verb, payloads))


@contextmanager
def _counted_world() -> Iterator[tuple[FakeService, list[bytes]]]:
    with servers(1) as (server,), client_of(server) as client, _listening() as payloads:
        for script in vars(commands).values():
            if isinstance(script, commands.Script):
                client.script_load(script.text)
        keyspace = attach(client)
        # A thread of its own sends what `Wake` sends.
        yield (
            FakeService(
                adapters=lambda ports: attrs.evolve(with_redis(ports, keyspace), wake=ports.wake)
            ),
            payloads,
        )


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


def show_five_calls() -> int:
    """Print the trips of the five calls, and return how many there are."""
    total = 0
    for name, counts in five_calls():
        total += counts.total()
        print(f"{name:<14} {counts.total()}  {dict(counts)}")
    print(f"{'all five':<14} {total}, at most {FIVE_CALLS}")
    return total


if __name__ == "__main__":
    sys.exit(show_five_calls() > FIVE_CALLS)
