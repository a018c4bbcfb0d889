"""Histories of a shop, which ships once, and of one that ships again."""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal.models import Action, Question
from counterseal.testing import OwnApp

# The shop


class Shop:
    def __init__(self, service):
        self.challenges, self.actions = service.challenges, service.actions
        self.party = service.origin
        self.guids, self.shipped = {}, []

    def order(self, number, buyer):
        action = Action(type="tool-call", resource="ship", arguments={"order": number})
        question = Question(account_id=buyer, content=action)
        issued = self.challenges.issue(self.party, question, idempotency_key=number)
        self.guids[number] = issued.challenge.guid

    def ship(self, number):
        if number in self.guids:
            self.actions.consume(self.party, self.guids[number], {"order": number})
            self.shipped.append(number)


# Its histories


class ShopHistories(OwnApp):
    def create_app(self):
        self.shop = Shop(self.service)

    def ask(self, task):
        self.shop.order(task, self.account_id)

    def perform(self, task):
        self.shop.ship(task)

    def list_performed(self):
        return self.shop.shipped


TestShop = ShopHistories.TestCase
TestShop.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)

# A mistake


class CarelessShop(Shop):
    def ship(self, number):
        guid = self.guids.get(number)
        if guid is not None and self.challenges.status(self.party, guid).approved:
            self.shipped.append(number)


class CarelessHistories(ShopHistories):
    def create_app(self):
        self.shop = CarelessShop(self.service)


# It is found


def test_the_mistake_is_found():
    with pytest.raises(AssertionError, match="was performed 2 times"):
        run_state_machine_as_test(
            CarelessHistories, settings=settings(TestShop.settings, phases=[Phase.generate])
        )
