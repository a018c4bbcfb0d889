"""Nothing fails open: a port that fails at any of its calls never makes an approval (S22)."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import keys
from counterseal.challenges.documents.answer import ANSWER_TYP
from counterseal.errors import (
    Conflict,
    CountersealError,
    Indeterminate,
    SealBroken,
    StoreUnavailable,
)
from counterseal.keys import generate
from counterseal.models import OPERATOR, Algorithm, ChallengeState
from counterseal.ports import Ports
from counterseal_testing.faults import Fault, Faults, faulty, raising
from counterseal_testing.service import CALLBACK

ERRORS = (StoreUnavailable, Indeterminate, SealBroken, Conflict, OSError)
"""What ports may say, and what they may not."""


class Setup:
    """A challenge that asks for a code, and a phone that is about to answer it."""

    def __init__(self, service, kind):
        self.service = service
        self.phone = service.bind("alice")
        self.issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
        self.call = getattr(self, kind.replace(" ", "_"))()
        self.faults = Faults()
        names = [field.name for field in attrs.fields(Ports)]
        self.watched = service.but(
            **{name: faulty(getattr(service.ports, name), name, self.faults) for name in names}
        )

    def send(self):
        """Return what became of the answer, or what it raised."""
        try:
            return self.watched.answers.answer(self.call)
        except (CountersealError, OSError) as error:
            return error

    @property
    def stored(self):
        return self.service.stored(self.issued.challenge.guid)

    def _answer(self, phone=None, *, weak=False, code="right", typ=ANSWER_TYP, **claims):
        phone = phone or self.phone
        code = self.issued.code if code == "right" else code
        token = self.service.signed(phone, self.issued.challenge, weak=weak, code=code)
        if claims:
            honest = keys.read(token, limit=9999).claimed
            token = keys.sign(phone.device.device_key, typ=typ, claims=honest | claims)
        return phone.call("/answers", token.encode())

    # What holds

    def right(self):
        return self._answer()

    # What does not

    def without_the_code(self):
        return self._answer(code=None)

    def with_a_wrong_code(self):
        return self._answer(code=f"{(int(self.issued.code) + 1) % 10**6:06}")

    def with_a_wrong_pin(self):
        return self._answer(attrs.evolve(self.phone, pin="0000"))

    def with_the_weak_key(self):
        return self._answer(weak=True)

    def to_another_document(self):
        return self._answer(display=keys.digest(b"another"))

    def in_an_unproven_call(self):
        forger = generate(Algorithm.ES256, kid=self.phone.device.device_key.public.kid)
        device = attrs.evolve(self.phone.device, device_key=forger)
        call = self._answer()
        return attrs.evolve(self.phone, device=device).call("/answers", call.body)

    def in_a_replayed_call(self):
        call = self._answer()
        self.service.devices.authenticate(call)
        return call

    def too_late(self):
        self.service.clock.jump(self.issued.challenge.deadline)
        return self._answer()

    def by_a_revoked_device(self):
        call = self._answer()
        self.service.devices.revoke(self.phone.guid, by=OPERATOR)
        return call

    def by_a_suspended_device(self):
        call = self._answer()
        self.service.devices.suspend(self.phone.guid, by=OPERATOR)
        return call

    def of_a_locked_account(self):
        call = self._answer()
        self.service.accounts.lock(self.phone.device.bond.account, by=OPERATOR)
        return call

    def to_a_cancelled_challenge(self):
        call = self._answer()
        self.service.challenges.cancel(self.service.origin, self.issued.challenge.guid)
        return call


WRONG = [
    "without the code",
    "with a wrong code",
    "with a wrong pin",
    "with the weak key",
    "to another document",
    "in an unproven call",
    "in a replayed call",
    "too late",
    "by a revoked device",
    "by a suspended device",
    "of a locked account",
    "to a cancelled challenge",
]


def calls_of(new_service, kind) -> list[str]:
    setup = Setup(new_service(), kind)
    setup.send()
    return setup.faults.calls


def test_s22_the_calls_of_an_answer(new_service):
    """What the tests below put faults on; every kind of port takes part."""
    calls = calls_of(new_service, "right")
    assert {call.partition(".")[0] for call in calls} == {
        "callback_slots",
        "clock",
        "entropy",
        "notifier",
        "replay",
        "sealer",
        "signer",
        "store",
        "wake",
    }
    assert calls.count("store.get") == calls.count("store.commit") == 1
    assert "audit.record" in calls_of(new_service, "without the code")


@pytest.mark.parametrize("kind", WRONG)
def test_s22_what_is_wrong_stays_wrong_whatever_call_fails(new_service, kind):
    for error in ERRORS:
        for index in range(len(calls_of(new_service, kind))):
            setup = Setup(new_service(), kind)
            setup.faults.add(Fault(effect=raising(error()), skip=index))
            outcome = setup.send()
            assert isinstance(outcome, Exception)
            assert setup.faults.happened == 1
            assert not setup.stored.approved
            assert setup.stored.state is not ChallengeState.ANSWERED
            assert setup.service.account().receipts == 0


def test_s22_a_call_that_fails_before_the_commit_leaves_a_right_answer_unaccepted(new_service):
    calls = calls_of(new_service, "right")
    committed = calls.index("store.commit")
    for error in ERRORS:
        for index, name in enumerate(calls):
            if error is Conflict and index != committed:
                # Only a store's commit may say that.
                continue
            setup = Setup(new_service(), "right")
            setup.faults.add(Fault(effect=raising(error()), skip=index))
            outcome = setup.send()
            if index < committed:
                assert isinstance(outcome, error), name
                assert setup.stored == setup.issued.challenge
                assert setup.service.callback_records() == []
            elif index == committed:
                again = error in {Conflict, Indeterminate}
                assert setup.stored.approved == again
                assert (outcome == setup.stored) == again
            else:
                # Only the wake is left; the answer stands.
                assert setup.stored.approved
                assert len(setup.service.callback_records()) == 1


def test_s22_a_lost_reply_is_an_accepted_answer_once(new_service):
    setup = Setup(new_service(), "right")
    setup.faults.lose_reply()
    assert setup.send() == setup.stored
    assert setup.stored.approved
    assert len(setup.service.callback_records()) == 1
    assert len(setup.service.happened("challenge.answered")) == 1
    assert setup.service.account().receipts == 1


def test_s22_a_reply_that_stays_lost_is_indeterminate_and_a_repeat_tells(new_service):
    setup = Setup(new_service(), "right")
    setup.faults.lose_reply(times=99)
    assert isinstance(setup.send(), Indeterminate)
    setup.faults.clear()
    setup.call = attrs.evolve(setup.phone.call("/answers", setup.call.body))
    assert setup.send() == setup.stored
    assert setup.stored.approved
    assert len(setup.service.callback_records()) == 1


faults = st.lists(
    st.builds(
        lambda error, skip, times, after: Fault(
            effect=raising(error()), skip=skip, times=times, after=after
        ),
        st.sampled_from(ERRORS),
        st.integers(0, 20),
        st.integers(1, 3),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@given(kind=st.sampled_from(WRONG), several=faults)
def test_s22_what_is_wrong_stays_wrong_whatever_else_goes_wrong(new_service, kind, several):
    setup = Setup(new_service(), kind)
    for fault in several:
        setup.faults.add(fault)
    assert isinstance(setup.send(), Exception)
    assert not setup.stored.approved
    assert setup.service.account().receipts == 0


@given(several=faults)
def test_s22_a_right_answer_is_accepted_whole_or_not_at_all(new_service, several):
    setup = Setup(new_service(), "right")
    for fault in several:
        setup.faults.add(fault)
    outcome = setup.send()
    accepted = setup.stored.approved
    if not isinstance(outcome, Exception):
        assert accepted
    assert setup.stored.state in {ChallengeState.PENDING, ChallengeState.ANSWERED}
    assert len(setup.service.callback_records()) == accepted
    assert setup.service.account().receipts == accepted
    assert len(setup.service.happened("challenge.answered")) == accepted
    assert len(setup.service.account().history.open) == (not accepted)
