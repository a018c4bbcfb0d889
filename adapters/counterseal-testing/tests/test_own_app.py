"""Histories of an app: a sound one passes, and each mistake is soon found, in a short history."""

import pytest
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test

from counterseal.errors import Unavailable
from counterseal.models import Action, Question, TextContent
from counterseal_testing import OwnApp

FEW = settings(
    max_examples=30,
    stateful_step_count=15,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
)


class Shop:
    """Ships an order once its buyer has approved."""

    def __init__(self, service):
        self.service = service
        self.challenges = {}
        self.shipped = []

    def order(self, number, buyer):
        question = Question(account_id=buyer, content=TextContent(text="Pay?"), show_code=True)
        issued = self.service.challenges.issue(
            self.service.origin, question, idempotency_key=number
        )
        self.challenges[number] = issued.challenge.guid
        return issued.code

    def ship(self, number):
        if self.may_ship(number) and number not in self.shipped:
            self.shipped.append(number)

    def may_ship(self, number):
        guid = self.challenges.get(number)
        return guid is not None and self.status(guid).approved

    def status(self, guid):
        return self.service.challenges.status(self.service.origin, guid)


class ShopHistories(OwnApp):
    shop_class = Shop

    def create_app(self):
        self.shop = self.shop_class(self.service)

    def ask(self, task):
        return self.shop.order(task, self.account_id)

    def perform(self, task):
        self.shop.ship(task)

    def list_performed(self):
        return self.shop.shipped


class Printer(Shop):
    """Uses an approval of an action once, and forgets what it has printed."""

    def order(self, number, buyer):
        action = Action(type="tool-call", resource="print", arguments={"order": number})
        question = Question(account_id=buyer, content=action)
        issued = self.service.challenges.issue(
            self.service.origin, question, idempotency_key=number
        )
        self.challenges[number] = issued.challenge.guid
        return issued.code

    def ship(self, number):
        guid = self.challenges.get(number)
        if guid is not None:
            self.service.actions.consume(self.service.origin, guid, {"order": number})
            self.shipped.append(number)


def play(app, **members):
    """Play histories of an app; return the steps of the one that fails, and the error."""
    machine = type("Histories", (ShopHistories,), {"shop_class": app, **members})
    try:
        run_state_machine_as_test(machine, settings=FEW)
    except AssertionError as error:
        lines = [line.strip() for line in error.__notes__]
        calls = "\n".join(lines).splitlines()
        names = [
            line.partition("state.")[2].partition("(")[0] for line in calls if "state." in line
        ]
        return [name for name in names if name != "teardown"], str(error)
    return [], ""


@pytest.mark.parametrize("app", [Shop, Printer])
@pytest.mark.parametrize("interleaves", [False, True])
def test_a_sound_app_passes_and_ships(app, interleaves):
    shipped = []

    def teardown(machine):
        shipped.extend(machine.shop.shipped)

    assert play(app, interleaves=interleaves, teardown=teardown) == ([], "")
    assert shipped


class ShipsTwice(Shop):
    def ship(self, number):
        if self.may_ship(number):
            self.shipped.append(number)


class ShipsWithoutApproval(Shop):
    def may_ship(self, number):
        return number in self.challenges


class ShipsAfterRefusal(Shop):
    def may_ship(self, number):
        guid = self.challenges.get(number)
        return guid is not None and self.status(guid).outcome is not None


class ShipsNothing(Shop):
    def may_ship(self, number):
        return False


class AsksNobody(Shop):
    def order(self, number, buyer):
        return None


class ShipsAnother(Shop):
    """It asks once for all orders."""

    def may_ship(self, number):
        return any(super(ShipsAnother, self).may_ship(one) for one in self.challenges)


class PrintsThoughTheReplyWasLost(Printer):
    def ship(self, number):
        try:
            super().ship(number)
        except Unavailable:
            self.shipped.append(number)


class ChecksBeforeItReads(Shop):
    """A second worker may come after it has looked whether the order was shipped."""

    def ship(self, number):
        if number not in self.shipped and self.may_ship(number):
            self.shipped.append(number)


FAULTS = {
    ShipsTwice: (["asks", "answers", "performs", "performs"], "performed 2 times"),
    ShipsWithoutApproval: (["asks", "performs"], "is not approved"),
    ShipsAfterRefusal: (["asks", "answers", "performs"], "is not approved"),
    ShipsNothing: (["asks", "answers", "performs"], "was not performed"),
    AsksNobody: (["asks"], "was not asked"),
    ShipsAnother: (["asks", "answers", "asks", "performs"], "is not approved"),
    PrintsThoughTheReplyWasLost: (["asks", "performs"], "is not approved"),
    ChecksBeforeItReads: (
        ["asks", "answers", "performs_while_performing"],
        "performed 2 times",
    ),
}


@pytest.mark.parametrize("app", FAULTS, ids=lambda app: app.__name__)
def test_a_mistake_is_found_and_its_history_is_short(app):
    shortest, message = FAULTS[app]

    steps, error = play(app, interleaves=app is ChecksBeforeItReads)

    assert message in error
    assert len(steps) <= len(shortest)


@pytest.mark.parametrize("verb", ["create_app", "ask", "perform", "list_performed"])
def test_what_a_subclass_does_not_say_is_named(verb):
    machine = type("Histories", (ShopHistories,), {verb: getattr(OwnApp, verb)})

    with pytest.raises(NotImplementedError, match=f"`{verb}`"):
        run_state_machine_as_test(machine, settings=FEW)


def test_an_app_has_rules_of_its_own():
    refunds = []

    class WithRefunds(ShopHistories):
        @rule(task=OwnApp.tasks)
        def refunds(self, task):
            refunds.append(task)

    run_state_machine_as_test(WithRefunds, settings=settings(FEW, max_examples=5))

    assert refunds
