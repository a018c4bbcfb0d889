"""
What a use case relies on is guarded or written, and what is left out of both is noticed.

What ends a device writes its account, too, so that of two records either would do; each is changed
alone here, as no use case does.
"""

from functools import partial

import attrs
import pytest

from counterseal._decisions import answers, devices, enrolments, invitations
from counterseal.errors import AccountLocked, BindingInactive, Refused
from counterseal.models import Account, Authority, Binding, BindingState, Change
from counterseal.testing.service import CALLBACK

CALLS = {
    "answer": lambda service, phone, issued, _: service.answer(
        phone, issued.challenge, code=issued.code
    ),
    "disown": lambda service, phone, issued, _: service.disown(phone, issued.challenge),
    "fetch": lambda service, phone, issued, _: service.answers.fetch(
        phone.call("/challenges"), issued.challenge.guid
    ),
    "mistype": lambda service, phone, issued, _: service.answer(
        phone, issued.challenge, code="wrong!"
    ),
    "miss": lambda service, phone, issued, _: service.answer(
        attrs.evolve(phone, pin="0000"), issued.challenge, code=issued.code
    ),
    "rotate": lambda service, phone, *_: service.devices.rotate(
        phone.call("/keys", phone.device.rotation(pin=phone.pin, new_pin=phone.pin).body)
    ),
    "update": lambda service, phone, *_: service.devices.update(phone.call("/device", b"{}")),
    "complete": lambda service, _, __, enrolment: service.enrolments.complete(enrolment),
    "invite": lambda service, *_: service.invitations.invite(service.origin, "alice"),
}

PARTS = {
    "answer": "_end",
    "disown": "_end",
    "fetch": "fetch",
    "mistype": "_count_wrong_code",
    "miss": "count_strike",
    "rotate": "_store",
    "update": "_store",
    "complete": "complete",
    "invite": "invite",
}
"""Which function of the decision says what it guards and writes."""

MODULES = {
    "rotate": devices,
    "update": devices,
    "complete": enrolments,
    "invite": invitations,
}
"""Where it is, if not in `answers`."""

GUARDED = [
    ("answer", "device"),
    ("disown", "device"),
    ("fetch", "device"),
    ("fetch", "account"),
    ("mistype", "device"),
    ("miss", "account"),
    ("rotate", "device"),
    ("rotate", "account"),
    ("update", "device"),
    ("update", "account"),
    ("complete", "account"),
    ("invite", "account"),
]


@pytest.fixture
def outcome(service):
    """Make a call while a record is changed alone between reading and commit."""

    def run(call, record, plant=lambda: None):
        phone = service.bind("alice")
        issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
        invitation = service.invitations.invite(service.origin, "alice")
        enrolment = service.phone().device.enrolment(
            invitation.token, service.app_space.guid, pin=phone.pin
        )
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

        plant()
        try:
            CALLS[call](service.meanwhile(change_alone), phone, issued, enrolment)
        except Refused as refusal:
            return type(refusal)
        return None

    return run


REFUSALS = {"device": BindingInactive, "account": AccountLocked}


@pytest.mark.parametrize(("call", "record"), GUARDED)
def test_s18_what_ends_before_the_commit_counts(outcome, call, record):
    assert outcome(call, record) is REFUSALS[record]


def without(record, decide, *args, **more):
    """The decision, with one kind of record left out of what it guards and writes."""
    decision = decide(*args, **more)
    kind = {"device": Binding, "account": Account}[record]
    guards, writes = (
        tuple(each for each in records if not isinstance(each, kind))
        for records in (decision.guards, decision.writes)
    )
    assert len(guards) + len(writes) == len(decision.guards) + len(decision.writes) - 1
    return attrs.evolve(decision, guards=guards, writes=writes)


@pytest.mark.parametrize(("call", "record"), GUARDED)
def test_s18_a_record_that_is_left_out_is_noticed(outcome, monkeypatch, call, record):
    module = MODULES.get(call, answers)
    decide = getattr(module, PARTS[call])
    planted = partial(without, record, decide)
    plant = partial(monkeypatch.setattr, module, PARTS[call], planted)
    assert outcome(call, record, plant) is not REFUSALS[record]
