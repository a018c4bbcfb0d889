"""Tests of an app that embeds Counterseal, and the app."""

from datetime import timedelta

import pytest

from counterseal import Refused
from counterseal.errors import Indeterminate
from counterseal.testing import FakeService, Faults, faulty_ports

# The app: a shop that ships an order once its buyer has approved


class Shop:
    def __init__(self, challenges, party):
        self.challenges, self.party = challenges, party
        self.shipped = []

    def ask(self, question):
        return self.challenges.issue(self.party, question)

    def ship_if_approved(self, order, challenge):
        if self.challenges.status(self.party, challenge).approved:
            self.shipped.append(order)


# A world in a line, and a phone in a person's hand


@pytest.fixture
def world():
    return FakeService()


def test_an_approved_order_is_shipped(world):
    buyer = world.bind("user-42")
    shop = Shop(world.challenges, world.origin)
    issued = world.ask("user-42", "Pay 10 EUR to Zoë?", show_code=True)

    buyer.answer(buyer.fetch(issued.challenge.guid), code=issued.code)
    shop.ship_if_approved("order-1", issued.challenge.guid)

    assert shop.shipped == ["order-1"]


def test_a_refused_order_is_not_shipped(world):
    buyer = world.bind("user-42")
    shop = Shop(world.challenges, world.origin)
    challenge = world.ask("user-42", "Pay 10 EUR to Zoë?").challenge

    buyer.answer(buyer.fetch(challenge.guid), button=1)
    shop.ship_if_approved("order-1", challenge.guid)

    assert shop.shipped == []


# Time, as the test wants it


def test_a_late_approval_ships_nothing(world):
    buyer = world.bind("user-42")
    challenge = buyer.fetch(world.ask("user-42", "Pay?").challenge.guid)

    world.clock.advance(timedelta(minutes=2))
    with pytest.raises(Refused) as refusal:
        buyer.answer(challenge)

    assert refusal.value.code == "deadline_passed"


# What was sent: pushes and callbacks


def test_the_callback_is_sent_again_until_it_is_taken(world):
    buyer = world.bind("user-42")
    (address,) = world.origin.origin.callbacks  # on the allow-list
    asked = world.ask("user-42", "Pay?", callback=address)
    buyer.answer(buyer.fetch(asked.challenge.guid))

    world.sender.script(503)
    world.deliver()
    world.clock.advance(timedelta(minutes=1))
    world.deliver()

    attempts = world.sender.attempts
    assert [attempt.outcome.status for attempt in attempts] == [503, 204]
    assert len({attempt.message for attempt in attempts}) == 1  # the same webhook-id


# Faults: a reply that is lost


def test_a_lost_reply_does_not_ask_twice():
    faults = Faults()
    world = FakeService(adapters=lambda ports: faulty_ports(ports, faults))
    buyer = world.bind("user-42")

    faults.lose_reply("store.commit")
    world.ask("user-42", "Pay?")

    assert len(buyer.pending()) == 1


def test_a_store_that_never_answers_approves_nothing():
    faults = Faults()
    world = FakeService(adapters=lambda ports: faulty_ports(ports, faults))
    buyer = world.bind("user-42")
    challenge = buyer.fetch(world.ask("user-42", "Pay?").challenge.guid)

    faults.fail("store.commit", Indeterminate(), times=world.policy.commit_attempts)
    with pytest.raises(Indeterminate):
        buyer.answer(challenge)

    assert not world.challenges.status(world.origin, challenge.guid).approved
