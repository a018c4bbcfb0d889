"""
Clients contradict each other through the core: what all of them are told fits into one order.

Eight clients, each with connections of its own, race to end each of a hundred challenges, of ten
accounts: by answers of two devices, one of them sent twice, by a disown, cancels, and a worker
whose clock is ahead.
"""

from datetime import timedelta
from functools import partial
from hashlib import sha1

import pytest
from attrs import evolve, frozen

import counterseal_redis.commits
from counterseal.errors import Conflict, WrongState
from counterseal.models import UNFINISHED
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.testing import FakeService, FrozenClock
from counterseal.testing.contracts.race import race, results
from counterseal.testing.linearizability import Recorder, linearizable
from counterseal.usecases.answers import Answers
from counterseal.usecases.challenges import Challenges
from counterseal_redis import RedisStore, with_redis
from counterseal_redis.scripts import Script

CLIENTS = 8
CHALLENGES = 100
ACCOUNTS = 10
SECOND = timedelta(seconds=1)
POLICY = Policy(pending_limit=100, ask_limit=1_000, ask_limit_origin=1_000, cooldown_after=100)


# The model: a challenge is open, or it has ended in one way, for ever


@frozen
class Ended:
    """Somebody is told to have ended it like this, or to have said so before."""

    end: str
    repeatable: bool = False


@frozen
class Saw:
    """Somebody is shown it, open or not."""

    end: str | None


@frozen
class TooLate:
    """Somebody is refused, because it has ended, and not by what he said."""

    said: str | None = None


def follow(state, act):
    match act:
        case Ended(end, repeatable):
            return [end] if state is None or (repeatable and state == end) else []
        case Saw(end):
            return [state] if state == end else []
        case TooLate(said):
            return [] if state is None or state == said else [state]


def end_of(challenge):
    if challenge.state in UNFINISHED:
        return None
    button = None if challenge.outcome is None else challenge.outcome.button
    return f"{challenge.state.value} {button}"


# The clients


@frozen
class Case:
    """A challenge, and what is said to end it, signed once."""

    challenge: object
    phones: object
    approval: str
    rejection: str
    disown: str
    recorder: object


@frozen
class Client:
    """A server process of the service, as far as its connections and its clock go."""

    origin: object
    ports: Ports

    def play(self, case, move):
        getattr(self, move)(case)
        self.look(case)

    def approve(self, case):
        self._respond(case, case.phones[0], "answer", case.approval, "ANSWERED 0")

    def reject(self, case):
        self._respond(case, case.phones[1], "answer", case.rejection, "ANSWERED 1")

    def disown(self, case):
        self._respond(case, case.phones[1], "disown", case.disown, "DISOWNED None")

    def _respond(self, case, phone, verb, token, end):
        respond = getattr(Answers(self.ports, POLICY), verb)
        with case.recorder.watch() as note:
            try:
                told = respond(phone.call(f"/{verb}s", token.encode()))
                assert end_of(told) == end
                note.call = Ended(end, repeatable=True)
            except WrongState:
                note.call = TooLate(end)

    def cancel(self, case):
        with case.recorder.watch() as note:
            try:
                told = Challenges(self.ports, POLICY).cancel(self.origin, case.challenge.guid)
                note.call = Ended(end_of(told))
            except WrongState:
                note.call = TooLate()

    def expire(self, case):
        # On a machine whose clock is ahead: it finds this one due, and those before have ended.
        ports = evolve(self.ports, clock=FrozenClock(case.challenge.deadline))
        with case.recorder.watch() as note:
            count = Challenges(ports, POLICY).expire()
            note.call = Ended("EXPIRED None") if count else TooLate()

    def fetch(self, case):
        phone, guid = case.phones[1], case.challenge.guid
        with case.recorder.watch() as note:
            call = phone.call(f"/challenges/{guid}", method="GET")
            note.call = Saw(end_of(Answers(self.ports, POLICY).fetch(call, guid)))

    def look(self, case):
        with case.recorder.watch() as note:
            status = Challenges(self.ports, POLICY).status(self.origin, case.challenge.guid)
            note.call = Saw(end_of(status))


LINE_UPS = (
    ("approve", "approve", "reject", "disown", "cancel", "cancel", "expire", "fetch"),
    ("approve", "approve", "reject", "disown", "reject", "expire", "expire", "fetch"),
    ("approve", "approve", "reject", "disown", "reject", "approve", "disown", "fetch"),
)
"""Where somebody may cancel, most are cancelled: it takes the least time to get ready."""


def cases(world):
    """Ask all questions, each with a deadline of its own, and sign what is to be said of them."""
    found = []
    phones = [[world.bind(f"user {number}") for _ in range(2)] for number in range(ACCOUNTS)]
    for number in range(CHALLENGES):
        first, second = pair = phones[number % ACCOUNTS]
        asked = world.ask(
            f"user {number % ACCOUNTS}",
            "Pay 10 EUR to Adam?",
            duration=POLICY.challenge_life + (number + 1) * SECOND,
        ).challenge
        found.append(
            Case(
                challenge=asked,
                phones=pair,
                approval=first.device.answer(asked.display, 0, pin=first.pin),
                rejection=second.device.answer(asked.display, 1),
                disown=second.device.disown(asked.display),
                recorder=Recorder(),
            )
        )
    return found


def raced(server, new_keyspace, opened, kind=RedisStore):
    """Race, and return how each challenge ended; None where the history is impossible."""
    keyspace = new_keyspace(server)

    def adapters(ports):
        # The bell has tests of its own.
        return evolve(with_redis(ports, keyspace), wake=ports.wake)

    world = FakeService(policy=POLICY, adapters=adapters)
    clients = []
    for _ in range(CLIENTS):
        own = type(keyspace)(opened(server), prefix=keyspace.prefix)
        ports = evolve(with_redis(world.ports, own), wake=world.ports.wake)
        clients.append(Client(world.origin, evolve(ports, store=kind(own, world.clock))))
    ends = []
    for number, case in enumerate(cases(world)):
        line_up = LINE_UPS[number % len(LINE_UPS)]
        moves = [line_up[(number + place) % len(line_up)] for place in range(CLIENTS)]
        acts = [
            partial(client.play, case, move) for client, move in zip(clients, moves, strict=True)
        ]
        results(race(acts))
        end = end_of(world.challenges.status(world.origin, case.challenge.guid))
        held = linearizable(case.recorder.history, None, follow)
        ends.append(end if held else None)
    return ends


@pytest.mark.parametrize("name", ["redis_8_2", "cluster"])
def test_every_history_is_linearizable(name, request, new_keyspace, opened):
    ends = raced(request.getfixturevalue(name), new_keyspace, opened)

    assert len(ends) == CHALLENGES
    assert None not in ends
    assert len(set(ends)) >= 3, "no race: it always ends in the same way"


class ReadsThenWrites(RedisStore):
    """The planted fault: it compares what it has read, and the script writes whatever it finds."""

    def commit(self, changes, audit, operation):
        held = [change.old for change in changes if change.old is not None]
        found = self.get(*(old.guid for old in held))
        if [one and one.version for one in found] != [old.version for old in held]:
            raise Conflict
        super().commit(changes, audit, operation)


def test_a_store_that_reads_and_then_writes_is_caught(redis_8_2, new_keyspace, opened, monkeypatch):
    script = counterseal_redis.commits.COMMIT
    text = script.text.replace(
        "if wanted ~= version and wanted ~= found then", "if not number then"
    )
    assert text != script.text
    sha = sha1(text.encode(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(counterseal_redis.commits, "COMMIT", Script(text, sha))

    ends = raced(redis_8_2, new_keyspace, opened, ReadsThenWrites)

    assert None in ends
