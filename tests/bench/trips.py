"""Goal 5: how often a use case goes to the store and to what stands beside it, counted exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import attrs

from counterseal_testing import FakeService, Faults
from counterseal_testing.faults import faulty_ports

BESIDE = ("replay", "counters", "idempotency")


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
        "bind", 2, lambda: phone.device.complete_binding(world.enrolments.complete(offer))
    )
    yield count_trips("issue", 2, lambda: world.ask("zoe", "Lunch?"))
    yield count_trips(
        "issue with a key", 2, partial(world.ask, "zoe", "Lunch?", idempotency_key="1")
    )
    challenge = world.ask("zoe", "Pay 10 EUR to Adam?").challenge
    status = partial(world.challenges.status, party, challenge.guid)
    yield count_trips("device pull", 2, phone.pending)
    yield count_trips("status of an open one", 1, status)
    yield count_trips("answer", 2, lambda: phone.answer(challenge))
    yield count_trips("status of a finished one", 1, status)
