"""Approvals: what a program that has the service in its own process calls, on one origin."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from counterseal.errors import (
    AccountUnbound,
    ActionUsed,
    ArgumentsDiffer,
    InvalidField,
    SettingDiffers,
    WrongState,
)
from counterseal.models import ChallengeState, Origin, UseState
from counterseal.wire.link import read_link
from counterseal_testing import FakeService
from counterseal_web import Approvals, Service, Settings

BASE = "https://service.example"
APP = f"{BASE}/app"
NAMES = {"company": "Example", "app_space": "Example shop", "origin": "Web shop"}
ACTION = {"type": "tool-call", "resource": "send_mail", "arguments": {"copies": 2}}
QUESTION = {"accountId": "zoe", "content": "Pay 10 EUR?", "showCode": True}


@pytest.fixture
def world():
    return FakeService()


@pytest.fixture
def approvals(world):
    return approvals_of(world)


def approvals_of(world, *, call=None, app_url=APP, **names):
    settings = Settings(public_url=BASE, app_url=app_url)
    options = {} if call is None else {"call": call}
    service = Service(world.ports, world.policy, settings, **options)
    return Approvals(service, "example.com/shop", **NAMES | names)


def bind(world, link, pin="2580"):
    """Bind a phone by *link*, as a person does."""
    link = read_link(link)
    phone = world.phone(pin=pin)
    enrolment = phone.device.enrolment(link.token, link.app_space, pin=pin)
    phone.device.complete_binding(world.enrolments.complete(enrolment))
    return phone


@pytest.fixture
def phone(world, approvals):
    return bind(world, approvals.invite("zoe"))


def test_the_first_call_creates_the_origin_and_later_ones_read_it(world, approvals):
    party = approvals.load_party()
    assert approvals_of(world).load_party() == party
    assert world.administration.get(party.origin.guid, Origin).name == "Web shop"
    with pytest.raises(SettingDiffers) as refusal:
        approvals_of(world, app_space="Another shop").load_party()
    assert refusal.value.field == "app_space"


def test_threads_that_are_first_together_load_one_origin(approvals):
    parties, barrier = [], threading.Barrier(4)

    def load():
        barrier.wait()
        parties.append(approvals.load_party())

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(party) for party in parties}) == 1


@pytest.mark.parametrize(
    ("app_url", "chosen", "expected"),
    [
        (APP, None, APP),
        (APP, "https://app.example", "https://app.example"),
        (None, None, None),
        (None, "https://app.example", "https://app.example"),
    ],
)
def test_the_link_opens_the_app_of_the_settings_or_the_one_that_is_named(
    world, app_url, chosen, expected
):
    text = approvals_of(world, app_url=app_url).invite("zoe", app_url=chosen, display_name="Zoë")
    link = read_link(text)
    assert (link.app, link.display_name) == (expected, "Zoë")
    assert link.service == (None if expected is None else BASE)


def test_an_address_that_no_browser_opens_is_refused(approvals):
    with pytest.raises(InvalidField):
        approvals.invite("zoe", app_url="app.example")


def test_a_user_is_asked_once_there_is_a_device(world, approvals):
    assert approvals.has_device("zoe") is False
    link = approvals.invite("zoe")
    with pytest.raises(AccountUnbound):
        approvals.ask(QUESTION)
    phone = bind(world, link)
    assert approvals.has_device("zoe") is True
    issued = approvals.ask(QUESTION, idempotency_key="order-1")
    assert approvals.ask(QUESTION, idempotency_key="order-1").challenge == issued.challenge
    phone.answer(phone.fetch(issued.challenge.guid), code=issued.code)
    assert approvals.status(issued.challenge.guid).approved


def test_a_member_that_no_question_has_is_named(approvals):
    with pytest.raises(InvalidField) as refusal:
        approvals.ask(QUESTION | {"button": "Yes"})
    assert refusal.value.field == "button"


def test_a_question_is_cancelled(approvals, phone):
    guid = approvals.ask(QUESTION).challenge.guid
    assert approvals.cancel(guid).state is ChallengeState.CANCELLED
    with pytest.raises(WrongState):
        approvals.cancel(guid)
    assert phone.pending() == ()


def test_an_approved_action_is_used_once_for_its_arguments(approvals, phone):
    guid = approvals.ask({"accountId": "zoe", "action": ACTION}).challenge.guid
    phone.answer(phone.fetch(guid))
    with pytest.raises(ArgumentsDiffer):
        approvals.consume(guid, {"copies": 3})
    assert approvals.consume(guid, {"copies": 2}).action.guid
    with pytest.raises(ActionUsed):
        approvals.consume(guid, {"copies": 2})
    assert approvals.report(guid, UseState.FAILED, detail="printer").state is UseState.FAILED


def test_a_worker_expires_what_is_over(world, approvals, phone):
    approved = approvals.ask({"accountId": "zoe", "action": ACTION}).challenge.guid
    phone.answer(phone.fetch(approved))
    guid = approvals.ask(QUESTION).challenge.guid
    approvals.invite("adam")
    world.clock.advance(timedelta(days=2))
    approvals.expire()
    assert approvals.status(guid).state is ChallengeState.EXPIRED
    service = approvals.service
    for use_case in (service.challenges, service.invitations, service.actions):
        assert use_case.expire() == 0


def test_each_verb_is_within_a_call_of_the_service(world):
    depths = []

    @contextmanager
    def call():
        depths.append(world.ports.store)
        yield

    approvals = approvals_of(world, call=call)
    phone = bind(world, approvals.invite("zoe"))
    before = len(depths)
    guid = approvals.ask(QUESTION).challenge.guid
    assert phone
    for verb in (
        lambda: approvals.has_device("zoe"),
        lambda: approvals.status(guid),
        lambda: approvals.cancel(guid),
        lambda: approvals.invite("adam"),
    ):
        count = len(depths)
        verb()
        assert len(depths) == count + 1
    assert len(depths) == before + 5
