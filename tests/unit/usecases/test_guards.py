"""
What a use case relies on and does not write is guarded, and a guard that is left out is noticed.

What ends a device writes its account, too, so that of two records either would do; each is changed
alone here, as no use case does.
"""

from functools import partial

import attrs
import pytest

from counterseal._decisions import answers
from counterseal.errors import AccountLocked, BindingInactive, Refused
from counterseal.models import Authority, BindingState, Change
from counterseal.testing.service import CALLBACK

CALLS = {
    "answer": lambda service, phone, issued: service.answer(
        phone, issued.challenge, code=issued.code
    ),
    "disown": lambda service, phone, issued: service.disown(phone, issued.challenge),
    "fetch": lambda service, phone, issued: service.answers.fetch(
        phone.call("/challenges"), issued.challenge.guid
    ),
    "mistype": lambda service, phone, issued: service.answer(
        phone, issued.challenge, code="wrong!"
    ),
    "miss": lambda service, phone, issued: service.answer(
        attrs.evolve(phone, pin="0000"), issued.challenge, code=issued.code
    ),
}

PARTS = {
    "answer": "_end",
    "disown": "_end",
    "fetch": "fetch",
    "mistype": "_count_wrong_code",
    "miss": "strike",
}
"""Which function of the decision says what it guards."""

GUARDED = [
    ("answer", "device"),
    ("disown", "device"),
    ("fetch", "device"),
    ("fetch", "account"),
    ("mistype", "device"),
    ("miss", "account"),
]


@pytest.fixture
def outcome(service):
    """Make a call while a record is changed alone between reading and commit."""

    def run(call, record):
        phone = service.bind("alice")
        issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
        guid, changes = {
            "device": (
                phone.guid,
                {"state": BindingState.SUSPENDED, "suspended_by": Authority.STAFF},
            ),
            "account": (service.account().guid, {"locked_at": service.clock.now()}),
        }[record]

        def change_alone():
            stored = service.stored(guid)
            changed = attrs.evolve(stored, version=stored.version + 1, **changes)
            service.store.commit((Change(stored, changed),), (), "alone")

        try:
            CALLS[call](service.meanwhile(change_alone), phone, issued)
        except Refused as refusal:
            return type(refusal)
        return None

    return run


REFUSALS = {"device": BindingInactive, "account": AccountLocked}


@pytest.mark.parametrize(("call", "record"), GUARDED)
def test_s18_what_ends_before_the_commit_counts(outcome, call, record):
    assert outcome(call, record) is REFUSALS[record]


def without(record, decide, *args, **more):
    """The decision, with the guard of one kind of record left out."""
    decision = decide(*args, **more)
    kind = {"device": "Binding", "account": "Account"}[record]
    guards = tuple(guard for guard in decision.guards if type(guard).__name__ != kind)
    assert len(guards) == len(decision.guards) - 1
    return attrs.evolve(decision, guards=guards)


@pytest.mark.parametrize(("call", "record"), GUARDED)
def test_s18_a_guard_that_is_left_out_is_noticed(outcome, monkeypatch, call, record):
    decide = getattr(answers, PARTS[call])
    monkeypatch.setattr(answers, PARTS[call], partial(without, record, decide))
    assert outcome(call, record) is not REFUSALS[record]
