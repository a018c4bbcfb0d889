"""Histories of an app: a sound one passes, and each mistake is soon found, in a short history."""

import re

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import RULE_MARKER, rule, run_state_machine_as_test

from counterseal.errors import Unavailable
from counterseal.models import Action, Question, TextContent
from counterseal_testing import OwnApp

GENERATED = settings(
    max_examples=300,
    stateful_step_count=15,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=[Phase.generate],
)
SHRUNK = settings(GENERATED, phases=[Phase.generate, Phase.shrink])
SOUND = settings(GENERATED, max_examples=40)


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


RULES = {name for name, member in vars(OwnApp).items() if hasattr(member, RULE_MARKER)}


def play(app, *, settings, **members):
    """Play histories of an app; return the rules of the one that fails, and the error."""
    machine = type("Histories", (ShopHistories,), {"shop_class": app, **members})
    try:
        run_state_machine_as_test(machine, settings=settings)
    except AssertionError as error:
        calls = re.findall(r"state\.(\w+)\(", "\n".join(error.__notes__))
        return [name for name in calls if name in RULES], str(error)
    return [], ""


@pytest.mark.parametrize("app", [Shop, Printer])
def test_a_sound_app_passes_and_ships(app):
    shipped = []

    def teardown(machine):
        shipped.extend(machine.shop.shipped)

    assert play(app, settings=SOUND, interleaves=True, teardown=teardown) == ([], "")
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


SHORTEST = {
    ShipsTwice: (["asks", "answers", "performs", "performs"], "performed 2 times"),
    ShipsWithoutApproval: (["asks", "performs"], "is not approved"),
    ShipsAfterRefusal: (["asks", "answers", "performs"], "is not approved"),
}


@pytest.mark.parametrize("app", SHORTEST, ids=lambda app: app.__name__)
def test_a_mistake_is_found_and_its_history_is_short(app):
    steps, error = play(app, settings=SHRUNK)

    shortest, message = SHORTEST[app]
    assert message in error
    assert len(steps) <= len(shortest)


MESSAGES = {
    ShipsNothing: "is approved, and was not performed",
    AsksNobody: "the person was not asked",
    ShipsAnother: "is not approved",
    PrintsThoughTheReplyWasLost: "performed",
    ChecksBeforeItReads: "performed 2 times",
}


@pytest.mark.parametrize("app", MESSAGES, ids=lambda app: app.__name__)
def test_a_mistake_is_found(app):
    _, error = play(app, settings=GENERATED, interleaves=app is ChecksBeforeItReads)

    assert MESSAGES[app] in error


class ForgetsWhatItShipped(Shop):
    """It has in memory which orders it shipped, and has stored only what it asked."""

    def __init__(self, service):
        super().__init__(service)
        self.earlier = []

    def restarted(self):
        """Return the shop of a new process; what was shipped remains so."""
        shop = type(self)(self.service)
        shop.challenges, shop.earlier = self.challenges, self.earlier + self.shipped
        return shop


def test_what_an_app_forgets_is_found_where_it_is_restarted():
    def restart_app(machine):
        machine.shop = machine.shop.restarted()

    def list_performed(machine):
        return machine.shop.earlier + machine.shop.shipped

    _, error = play(
        ForgetsWhatItShipped,
        settings=settings(GENERATED, stateful_step_count=50),
        restart_app=restart_app,
        list_performed=list_performed,
    )

    assert "performed 2 times" in error


@pytest.mark.parametrize("verb", ["create_app", "ask", "perform", "list_performed"])
def test_what_a_subclass_does_not_say_is_named(verb):
    machine = type("Histories", (ShopHistories,), {verb: getattr(OwnApp, verb)})

    with pytest.raises(NotImplementedError, match=f"`{verb}`"):
        run_state_machine_as_test(machine, settings=GENERATED)


def test_an_app_has_rules_of_its_own():
    refunds = []

    class WithRefunds(ShopHistories):
        @rule(task=OwnApp.tasks)
        def refunds(self, task):
            refunds.append(task)

    run_state_machine_as_test(WithRefunds, settings=settings(GENERATED, max_examples=20))

    assert refunds
