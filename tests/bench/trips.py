"""Goal 5: how often a use case goes to the store and to what stands beside it, counted exactly."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import attrs

from counterseal_testing import FakeService, Faults
from counterseal_testing.faults import faulty_ports

BESIDE = ("replay", "counters", "idempotency")
TABLE = tomllib.loads((Path(__file__).parents[1] / "unit" / "trips.toml").read_text("utf-8"))


def goal_of(row: str) -> int:
    """Return how often a use case calls the store, as the table of `test_trips.py` says."""
    return str(TABLE[row]).count("store.")


@attrs.frozen
class Trips:
    """
    What one use case took.

    Attributes:
        goal: Calls of the store at most; of each verb of each port beside it, one.
        store: Calls of the store.
        beside: Calls of the others, by `port.verb`.
    """

    what: str
    goal: int
    store: int
    beside: dict[str, int]

    @property
    def over(self) -> bool:
        """Whether there is one too many."""
        return self.store > self.goal or any(count > 1 for count in self.beside.values())


CountTrips = Callable[[str, int, Callable[[], object]], Trips]
"""Does something, by its name and its goal, and counts."""


def trips() -> Iterator[Trips]:
    """Play a bind, questions and answers, and count the calls of ports."""
    faults = Faults()

    def count_trips(what: str, goal: int, call: Callable[[], object]) -> Trips:
        begin = len(faults.calls)
        call()
        calls = Counter(faults.calls[begin:])
        ports = {call: call.partition(".")[0] for call in calls}
        store = sum(count for call, count in calls.items() if ports[call] == "store")
        beside = {call: count for call, count in calls.items() if ports[call] in BESIDE}
        return Trips(what, goal, store, beside)

    yield from played(FakeService(adapters=lambda ports: faulty_ports(ports, faults)), count_trips)


def played(world: FakeService, count_trips: CountTrips) -> Iterator[Trips]:
    """Play a bind, questions and answers, in a service that knows who invites."""
    world.bind("yves")
    phone, party, space = world.phone(), world.origin, world.app_space.guid
    invited = world.invitations.invite(party, "zoe")
    offer = phone.device.enrolment(invited.token, space, pin=phone.pin)
    yield count_trips(
        "bind",
        goal_of("bind"),
        lambda: phone.device.complete_binding(world.enrolments.complete(offer)),
    )
    yield count_trips("issue", goal_of("ask"), lambda: world.ask("zoe", "Lunch?"))
    yield count_trips(
        "issue with a key",
        goal_of("ask, with a key"),
        partial(world.ask, "zoe", "Lunch?", idempotency_key="1"),
    )
    challenge = world.ask("zoe", "Pay 10 EUR to Adam?").challenge
    status = partial(world.challenges.status, party, challenge.guid)
    yield count_trips("device pull", goal_of("list requests"), phone.pending)
    yield count_trips("status of an open one", goal_of("read the status of a request"), status)
    yield count_trips("answer", goal_of("answer"), lambda: phone.answer(challenge))
    yield count_trips("status of a finished one", goal_of("read the status of a request"), status)
