"""
What a use case relies on is guarded or written, and what is left out of both is noticed.

What ends a device writes its account, too, so that of two records either would do; each is changed
alone here, as no use case does.
"""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal._plan import Decision
from counterseal.accounts.decisions import accounts
from counterseal.bindings.decisions import confirmations, devices, enrolments, invitations
from counterseal.bindings.documents.confirmation import Choice
from counterseal.challenges.decisions import answers, challenges, issuing
from counterseal.errors import (
    AccountLocked,
    AccountUnknown,
    BindingInactive,
    NotFound,
    Refused,
    StrongKeyMissed,
    WrongCode,
    WrongRecord,
    WrongState,
)
from counterseal.identity.decisions import revalidation
from counterseal.models import (
    OPERATOR,
    Account,
    Authority,
    Binding,
    BindingState,
    Challenge,
    ChallengeState,
    Change,
)
from counterseal_testing.service import CALLBACK


def expire(service, verbs):
    service.clock.advance(timedelta(days=1))
    return verbs.expire()


def decide_on_new(service, phone, choice):
    """Let *phone* decide on the device that it has invited."""
    (new_device,) = phone.new_devices()
    return attrs.evolve(phone, confirmations=service.confirmations).decide(new_device, choice)


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
    "unbind": lambda service, phone, *_: service.devices.unbind(
        phone.call("/device", method="DELETE")
    ),
    "lock": lambda service, phone, *_: service.devices.lock(phone.call("/device/lock")),
    "confirm": lambda service, phone, *_: decide_on_new(service, phone, Choice.ADD),
    "refuse": lambda service, phone, *_: decide_on_new(service, phone, Choice.REFUSE),
    "miscompare": lambda service, phone, *_: service.confirmations.compare(
        service.origin, phone.new_devices()[0].device, "00000-00000"
    ),
    "complete": lambda service, _, __, enrolment: service.enrolments.complete(enrolment),
    "invite": lambda service, *_: service.invitations.invite(service.origin, "alice"),
    "miss a rotation": lambda service, phone, *_: service.devices.rotate(
        phone.call("/keys", phone.device.rotation(pin="0000", new_pin="0000").body)
    ),
    "issue": lambda service, *_: service.ask("alice", "Pay?"),
    "cancel": lambda service, _, issued, __: service.challenges.cancel(
        service.origin, issued.challenge.guid
    ),
    "withdraw": lambda service, _, issued, __: service.challenges.withdraw(
        issued.challenge.guid, by=OPERATOR
    ),
    "invite as admin": lambda service, *_: service.invitations.invite_as_admin(
        service.app_space.guid, "alice", by=OPERATOR
    ),
    "expire": lambda service, *_: expire(service, service.challenges),
    "expire invitation": lambda service, *_: expire(service, service.invitations),
    "suspend": lambda service, phone, *_: service.devices.suspend(phone.guid, by=OPERATOR),
    "revoke": lambda service, phone, *_: service.devices.revoke(phone.guid, by=OPERATOR),
    "erase": lambda service, *_: service.accounts.erase(service.account().guid, by=OPERATOR),
    "revoke all": lambda service, *_: service.accounts.revoke(service.origin, "alice"),
}

PARTS = {
    "answer": "_end",
    "disown": "_end",
    "fetch": "fetch",
    "mistype": "_count_wrong_code",
    "miss": "count_strike",
    "rotate": "store_binding",
    "update": "store_binding",
    "unbind": "revoke_binding",
    "lock": "lock_account",
    "confirm": "_activate",
    "refuse": "_reject",
    "miscompare": "_count_wrong_code",
    "complete": "_write_completion",
    "invite": "invite",
    "miss a rotation": "count_strike",
    "issue": "_issue",
    "cancel": "_cancel",
    "withdraw": "_cancel",
    "invite as admin": "invite",
    "expire": "expire",
    "expire invitation": "expire",
    "suspend": "store_binding",
    "revoke": "revoke_binding",
    "erase": "erase",
    "revoke all": "revoke",
}
"""Which function of the decision says what it guards and writes."""

MODULES = {
    "rotate": devices,
    "update": devices,
    "unbind": devices,
    "lock": devices,
    "confirm": confirmations,
    "refuse": confirmations,
    "miscompare": confirmations,
    "complete": enrolments,
    "invite": invitations,
    "miss a rotation": devices,
    "issue": issuing,
    "cancel": challenges,
    "withdraw": challenges,
    "invite as admin": invitations,
    "expire": challenges,
    "expire invitation": invitations,
    "suspend": devices,
    "revoke": devices,
    "erase": accounts,
    "revoke all": accounts,
}
"""Where it is, if not in `answers`."""

GUARDED = [
    ("answer", "device", BindingInactive),
    ("answer", "account", AccountLocked),
    ("disown", "device", BindingInactive),
    ("disown", "account", AccountLocked),
    ("fetch", "device", BindingInactive),
    ("fetch", "account", AccountLocked),
    ("mistype", "device", BindingInactive),
    ("mistype", "account", AccountLocked),
    ("miss", "device", BindingInactive),
    ("miss", "account", AccountLocked),
    ("miss a rotation", "device", BindingInactive),
    ("miss a rotation", "account", AccountLocked),
    ("rotate", "device", BindingInactive),
    ("rotate", "account", AccountLocked),
    ("update", "device", BindingInactive),
    ("update", "account", AccountLocked),
    ("unbind", "device", BindingInactive),
    ("unbind", "account", AccountLocked),
    ("lock", "device", BindingInactive),
    ("lock", "account", AccountLocked),
    ("confirm", "device", BindingInactive),
    ("confirm", "account", AccountLocked),
    ("refuse", "device", BindingInactive),
    ("refuse", "account", AccountLocked),
    ("miscompare", "account", AccountLocked),
    ("complete", "account", AccountLocked),
    ("complete", "invitation", WrongState),
    ("invite", "account", AccountLocked),
    ("issue", "account", AccountLocked),
    ("cancel", "challenge", WrongState),
    ("withdraw", "challenge", WrongState),
    ("invite as admin", "account", AccountLocked),
    ("expire", "challenge", 0),
    ("expire invitation", "invitation", 0),
    ("suspend", "device", WrongState),
    ("revoke", "ended device", WrongState),
    ("erase", "erased account", NotFound),
    ("revoke all", "erased account", AccountUnknown),
]
"""Each call, the record that changes before its commit, and the refusal or result that follows."""

UNGUARDED = {
    "mistype": WrongCode,
    "miscompare": WrongCode,
    "miss": StrongKeyMissed,
    "miss a rotation": StrongKeyMissed,
    "expire": 1,
    "expire invitation": 1,
}
"""What a call ends with whose guard is left out; all others succeed."""


@pytest.fixture
def outcome(service):
    """Make a call while a record is changed alone between reading and commit."""

    def run(call, record, plant=lambda: None):
        phone = service.bind("alice")
        if call in {"confirm", "refuse", "miscompare"}:
            service.complete(phone.invite(), service.phone())
        issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
        invitation = service.invitations.invite(service.origin, "alice")
        enrolment = service.phone().device.enrolment(
            invitation.token, service.app_space.guid, pin=phone.pin
        )
        now = service.clock.now()
        guid, changes = {
            "device": (
                phone.guid,
                {"state": BindingState.SUSPENDED, "suspended_by": Authority.STAFF},
            ),
            "ended device": (phone.guid, {"state": BindingState.REVOKED, "ended_at": now}),
            "invitation": (invitation.binding, {"state": BindingState.REVOKED, "ended_at": now}),
            "account": (service.account().guid, {"locked_at": now}),
            "erased account": (service.account().guid, {"erased_at": now, "account_id": "erased"}),
            "challenge": (
                issued.challenge.guid,
                {"state": ChallengeState.CANCELLED, "sealed_code": b""},
            ),
        }[record]

        def change_alone():
            stored = service.stored(guid)
            changed = attrs.evolve(stored, version=stored.version + 1, **changes)
            service.store.commit((Change(stored, changed),), (), "alone")

        plant()
        try:
            result = CALLS[call](service.meanwhile(change_alone), phone, issued, enrolment)
        except Refused as refusal:
            return type(refusal)
        return result if isinstance(result, int) else None

    return run


@pytest.mark.parametrize(("call", "record", "expected"), GUARDED)
def test_s18_what_ends_before_the_commit_counts(outcome, call, record, expected):
    assert outcome(call, record) == expected


KINDS = {
    "device": Binding,
    "ended device": Binding,
    "invitation": Binding,
    "account": Account,
    "erased account": Account,
    "challenge": Challenge,
}


def without(record, decide, *args, **more):
    """The decision, with one kind of record left out of what it guards, or else writes."""
    decision = decide(*args, **more)
    if not isinstance(decision, Decision):
        return leave_out_later(record, decision)
    return leave_out(record, decision)


async def leave_out_later(record, coroutine):
    return leave_out(record, await coroutine)


def leave_out(record, decision):
    kind = KINDS[record]
    name = "guards" if any(isinstance(guard, kind) for guard in decision.guards) else "writes"
    records = getattr(decision, name)
    rest = tuple(each for each in records if not isinstance(each, kind))
    assert len(rest) == len(records) - 1
    return attrs.evolve(decision, **{name: rest})


@pytest.mark.parametrize(("call", "record"), [row[:2] for row in GUARDED])
def test_s18_a_record_that_is_left_out_is_noticed(outcome, monkeypatch, call, record):
    module = MODULES.get(call, answers)
    decide = getattr(module, PARTS[call])
    planted = partial(without, record, decide)
    plant = partial(monkeypatch.setattr, module, PARTS[call], planted)
    assert outcome(call, record, plant) == UNGUARDED.get(call)


def log_out_meanwhile(service):
    """Log a user out whose device ends before the commit; return its state."""
    space = service.new_app_space("Staff", idp=service.idp.settings())
    phone = service.log_in(space, "carol")
    token = service.idp.log_out("carol")

    def end_alone():
        stored = service.stored(phone.guid)
        ended = attrs.evolve(
            stored,
            version=stored.version + 1,
            state=BindingState.REVOKED,
            ended_at=service.clock.now(),
        )
        service.store.commit((Change(stored, ended),), (), "alone")

    service.meanwhile(end_alone).logins.log_out(space.guid, token)
    account = service.stored(phone.device.bond.account)
    return service.stored(phone.guid).state, account.confirmed_at


def test_s18_a_log_out_does_not_suspend_a_device_that_has_ended(service):
    assert log_out_meanwhile(service) == (BindingState.REVOKED, None)


def test_s18_a_log_out_without_the_account_is_noticed(service, monkeypatch):
    planted = partial(without, "account", revalidation.suspend)
    monkeypatch.setattr(revalidation, "suspend", planted)
    with pytest.raises(WrongRecord):  # Nothing is left to write, and an event needs a commit.
        log_out_meanwhile(service)
