"""The book of `nox -s faults` agrees with a sound store, and notices one that is not."""

import sys
from pathlib import Path

import pytest
from attrs import evolve

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from book import Book, claims, judge
from crowd import POLICY, Crowd, Receiver, Service
from redis_servers import until

from counterseal.models import ChallengeState, Change
from counterseal.testing import FakeService

ENDED = "ANSWERED 0"
ACTS = {"called", "asked", "said", "told", "sent"}


@pytest.fixture
def world():
    return FakeService(policy=POLICY)


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def answered(world, book):
    """A challenge that was approved and delivered, with all of it in the book."""
    zoe = world.bind("zoe")
    asked = world.ask("zoe", "Pay 10 EUR to Adam?", callback="https://shop.example/done").challenge
    book.note("asked", asked.guid)
    book.note("said", asked.guid, ENDED)
    zoe.answer(asked)
    book.note("told", asked.guid, ENDED)
    (message,) = world.callbacks.due()
    book.note("sent", asked.guid, ENDED, message)
    return asked.guid


def verdict(world, book):
    return judge(book, world.ports.store, world.ports.audit.events)


def test_a_crowd_on_a_sound_store_is_told_the_truth(world, book):
    phones = [world.bind(f"user {number}") for number in range(24)]
    service = Service(world, phones, evolve(world.ports, sender=Receiver(book)))
    crowd = Crowd(service, book).start()
    until(lambda: {line[0] for line in book.lines} >= ACTS and len(book.lines) > 500)
    crowd.stop()
    service.drain(book)

    found = verdict(world, book)

    assert found.sound
    assert not found.wrong
    assert found.operations > 50
    assert {line[0] for line in book.lines} - {"unsure"} == ACTS
    # Nothing fails there; but a call may lose more races than it may run.
    assert {line[1] for line in book.lines if line[0] == "unsure"} <= {"contended"}


def test_what_agrees_is_sound(world, book, answered):
    assert verdict(world, book).sound


def test_what_is_not_there_is_lost(world, book, answered):
    del world.ports.store._records[answered]

    assert verdict(world, book).lost == 1


def test_what_ended_otherwise_is_lost(world, book, answered):
    (held,) = world.ports.store.get(answered)
    other = evolve(held, version=held.version + 1, state=ChallengeState.EXPIRED)
    world.ports.store.commit((Change(held, other),), (), "planted")

    assert verdict(world, book).lost == 1


def test_two_endings_are_doubled(world, book, answered):
    book.note("said", answered, "CANCELLED")
    book.note("told", answered, "CANCELLED")

    assert verdict(world, book).doubled == 1


def test_a_callback_that_was_sent_has_been_claimed(world, book, answered):
    claims(book, world.ports.store)
    assert verdict(world, book).misfit == {"sent before its claim was sure": 1}

    world.deliver()
    book.lines.pop()
    claims(book, world.ports.store)
    assert not verdict(world, book).misfit


def test_two_callbacks_are_doubled(world, book, answered):
    book.note("sent", answered, ENDED, "message 2")

    assert verdict(world, book).doubled == 1


def test_an_approval_that_nobody_gave_is_wrong(world, book, answered):
    book.lines.remove(("said", answered, ENDED))

    assert verdict(world, book).wrong


@pytest.mark.parametrize("error", [KeyError("x")])
def test_what_gets_out_is_wrong(world, book, error):
    def act():
        raise error

    assert book.attempt(act) == (None, False)
    assert verdict(world, book).wrong == {"KeyError": 1}


def test_half_a_commit_does_not_fit(world, book, answered):
    found = judge(book, world.ports.store, ())

    assert found.misfit == {"an ending in the log": 1}
