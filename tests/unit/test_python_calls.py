"""
How many Python functions a use case calls: exact, where a time would depend on the machine.

A limit is what was counted. What goes above it needs a reason; what goes below it lowers it here.
The store in memory is counted too: it asks `index_of` once for each record that is written, and
that makes a key for each record that counts in a gauge.
Two calls find that an origin may make the call; `complete` reads the origin that has invited.
Two calls find that the App Space narrows nothing of the policy; `NARROWED` more, what it narrows.
From Python 3.12 on, a comprehension is no call, so that less is counted there.
"""

import gc
import sys

import pytest
from sandbox import DECIDE, LOAD

from counterseal import OPERATOR, _transaction
from counterseal._transaction import Transactions
from counterseal.memory import memory_ports
from counterseal.models import Question, TextContent
from counterseal_testing.identity import APP_RETURN
from counterseal_testing.service import PIN

LIMITS = {
    "issue": 152,
    "pending": 95,
    "fetch": 119,
    # Both ask what is stored with the ending.
    "answer": 265,
    # It commits an event, as the others do from which an account's standing follows.
    "disown": 288,
    "status": 24,
    "cancel": 104,
    "account": 24,
    "unlock": 58,
    "redirect": 160,
    "revalidate": 120,
    "invite": 97,
    "complete": 350,
    "rotate": 412,
    "update": 146,
    "unbind": 163,
    "suspend": 108,
}


def counted(call) -> int:
    """Return how often a Python function is entered in *call*, `call` itself included."""
    calls = 0

    def profile(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    gc.disable()
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


@pytest.fixture
def setup(service, monkeypatch):
    """A service on the memory adapters alone, and a phone; each use case has run once before."""
    monkeypatch.setattr(Transactions, "_decide", DECIDE)
    monkeypatch.setattr(_transaction, "load", LOAD)
    bare = service.but(**{name: getattr(memory_ports(), name) for name in ("notifier", "entropy")})
    phone = service.bind("alice")
    return bare, phone


def calls_of(service, phone):
    question = Question(account_id="alice", content=TextContent(text="Pay?"))
    challenge = service.challenges.issue(service.origin, question).challenge
    other = service.challenges.issue(service.origin, question).challenge
    third = service.challenges.issue(service.origin, question).challenge
    answer = service.signed(phone, challenge).encode()
    disown = phone.device.disown(other.display).encode()
    calls = {
        name: phone.call("/device", body)
        for name, body in (("pending", b""), ("fetch", b""), ("answer", answer), ("disown", disown))
    }
    app_space = service.new_app_space("Staff", idp=service.idp.settings())
    user = service.log_in(app_space, "carol").device.bond.account
    invitation = service.invitations.invite(service.origin, "dora")
    space = service.app_space.guid
    enrolment = service.phone().device.enrolment(invitation.token, space, pin=PIN)
    tablet = service.bind("erin")
    calls["rotate"] = tablet.call("/device", tablet.device.rotation(pin=PIN, new_pin=PIN).body)
    calls["update"] = service.bind("fred").call("/device", b'{"name":"Tablet"}')
    calls["unbind"] = service.bind("gina").call("/device", method="DELETE")
    return {
        "issue": lambda: service.challenges.issue(service.origin, question),
        "pending": lambda: service.answers.pending(calls["pending"]),
        "fetch": lambda: service.answers.fetch(calls["fetch"], challenge.guid),
        "answer": lambda: service.answers.answer(calls["answer"]),
        "disown": lambda: service.answers.disown(calls["disown"]),
        "status": lambda: service.challenges.status(service.origin, challenge.guid),
        "cancel": lambda: service.challenges.cancel(service.origin, third.guid),
        "account": lambda: service.accounts.get(service.origin, "alice"),
        "unlock": lambda: service.accounts.unlock(user, by=OPERATOR),
        "redirect": lambda: service.logins.redirect(app_space.guid, APP_RETURN),
        "revalidate": lambda: service.logins.revalidate(user),
        "invite": lambda: service.invitations.invite(service.origin, "dora"),
        "complete": lambda: service.enrolments.complete(enrolment),
        "rotate": lambda: service.devices.rotate(calls["rotate"]),
        "update": lambda: service.devices.update(calls["update"]),
        "unbind": lambda: service.devices.unbind(calls["unbind"]),
        "suspend": lambda: service.devices.suspend(tablet.guid, by=OPERATOR),
    }


@pytest.mark.parametrize("name", LIMITS)
def test_a_use_case_calls_no_more_functions_than_it_did(setup, name):
    for call in calls_of(*setup).values():
        call()
    setup[0].clock.advance(setup[0].policy.ask_window)
    measured = counted(calls_of(*setup)[name])
    assert measured <= LIMITS[name]


NARROWED = 14
"""Of each key of the cache the hash, and the policy that was merged before."""


@pytest.mark.parametrize("name", ["issue", "answer"])
def test_a_policy_that_the_app_space_narrows_is_merged_once(setup, name):
    service, phone = setup
    policy = {"code_limit": 2, "challenge_life": service.policy.challenge_life / 2}
    service.administration.edit_app_space(service.app_space.guid, policy=policy)
    service.origin = service.renewed(service.origin)
    calls_of(service, phone)[name]()
    service.clock.advance(service.policy.ask_window)
    assert counted(calls_of(service, phone)[name]) <= LIMITS[name] + NARROWED
