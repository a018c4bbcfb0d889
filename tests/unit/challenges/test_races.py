"""Answers race each other, their origin, the worker, and whatever ends a device or account."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import (
    AccountLocked,
    BindingInactive,
    CountersealError,
    DeadlinePassed,
    Refused,
    WrongKey,
    WrongState,
)
from counterseal.models import OPERATOR, Authority, BindingState, ChallengeState, Change, Role
from counterseal_testing.service import CALLBACK


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def challenge(service, alice):
    return service.ask("alice", "Pay 10 EUR?", callback=CALLBACK).challenge


def contradictions(service, phones, challenge):
    """Eight ways to end a challenge, each ready to go."""
    calls = [partial(service.challenges.cancel, service.origin, challenge.guid)] * 2
    for phone in phones:
        for button in (0, 1):
            token = service.signed(phone, challenge, button).encode()
            calls.append(partial(service.answers.answer, phone.call("/answers", token)))
        token = phone.device.disown(challenge.display).encode()
        calls.append(partial(service.answers.disown, phone.call("/disowns", token)))
    return calls


@pytest.mark.parametrize("together", [True, False], ids=["all read before any commits", "free"])
def test_s7_of_eight_contradictory_answers_exactly_one_wins(
    service, alice, meeting, at_once, together
):
    phones = [alice, service.bind("alice")]
    for _ in range(12):
        challenge = service.ask("alice", "Pay 10 EUR?", callback=CALLBACK).challenge
        receipts, events = service.account().receipts, len(service.events)
        racing = service.but(store=meeting(service.store, 8)) if together else service
        outcomes = at_once(*contradictions(racing, phones, challenge))

        (winner,) = [outcome for outcome in outcomes if not isinstance(outcome, CountersealError)]
        assert [type(outcome) for outcome in outcomes].count(WrongState) == 7
        assert service.stored(challenge.guid) == winner
        assert winner.version == challenge.version + 1
        answered = winner.state in {ChallengeState.ANSWERED, ChallengeState.DISOWNED}
        assert (winner.outcome.receipt is not None) == answered
        assert service.account().receipts == receipts + answered
        ended = [event for event in service.events[events:] if not event.reason]
        assert [event.event for event in ended] == [f"challenge.{winner.state.value.lower()}"]
        mine = [one for one in service.callback_records() if one.challenge == challenge.guid]
        assert len(mine) == 1
        service.clock.advance(timedelta(hours=1))


def test_s7_every_kind_of_ending_can_win(service, alice):
    """Whoever is first wins, whoever that is, and everyone after gets a conflict."""
    phones = [alice, service.bind("alice")]
    for first in range(8):
        challenge = service.ask("alice", "Pay 10 EUR?").challenge
        calls = contradictions(service, phones, challenge)
        winner = calls.pop(first)()
        for call in calls:
            with pytest.raises(WrongState):
                call()
        assert service.stored(challenge.guid) == winner
        service.clock.advance(timedelta(hours=1))


def test_s7_an_answer_and_the_worker_at_the_deadline(service, alice, challenge):
    def expired():
        service.clock.jump(challenge.deadline)
        assert service.challenges.expire() == 1

    with pytest.raises(WrongState):
        service.meanwhile(expired).answer(alice, challenge)
    assert service.stored(challenge.guid).state is ChallengeState.EXPIRED
    assert len(service.callback_records()) == 1


# Between issue and answer, and between reading and commit (S18)

ENDINGS = {
    "the account is locked": (
        lambda service, phone: service.accounts.lock(phone.device.bond.account, by=OPERATOR),
        AccountLocked,
    ),
    "the device is revoked": (
        lambda service, phone: service.devices.revoke(phone.guid, by=OPERATOR),
        BindingInactive,
    ),
    "the device is suspended": (
        lambda service, phone: service.devices.suspend(phone.guid, by=OPERATOR),
        BindingInactive,
    ),
}


@pytest.mark.parametrize("verb", ["approve", "refuse", "disown"])
@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("racing", [False, True], ids=["before the answer", "before its commit"])
def test_s18_a_device_or_account_that_ends_meanwhile_answers_nothing(service, end, verb, racing):
    alice = service.bind("alice")
    challenge = service.ask("alice", "Pay 10 EUR?", callback=CALLBACK).challenge
    ends, refusal = end
    if racing:
        racing = service.meanwhile(lambda: ends(service, alice))
    else:
        ends(service, alice)
        racing = service
    meanwhile = {
        "approve": lambda: racing.answer(alice, challenge),
        "refuse": lambda: racing.answer(alice, challenge, 1, weak=True),
        "disown": lambda: racing.disown(alice, challenge),
    }[verb]
    with pytest.raises(refusal):
        meanwhile()
    assert service.stored(challenge.guid) == challenge
    assert service.callback_records() == []
    assert service.account().receipts == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_s18_a_repeat_by_a_device_that_ended_gets_no_result(service, alice, challenge, ending):
    end, refusal = ENDINGS[ending]
    token = service.signed(alice, challenge)
    service.send(alice, token)
    end(service, alice)
    with pytest.raises(refusal):
        service.send(alice, token)


def test_s18_a_key_that_is_rotated_away_before_the_commit_signs_nothing(service, alice, challenge):
    racing = service.meanwhile(partial(alice.rotate, [Role.STRONG]))
    with pytest.raises(WrongKey):
        racing.answer(alice, challenge)
    assert service.stored(challenge.guid) == challenge


def test_s18_a_suspension_that_is_over_again_before_the_commit_costs_only_a_second_look(
    service, alice, challenge
):
    """The binding is as it was, but for its version: the guard is the version."""

    def flicker():
        service.devices.suspend(alice.guid, by=OPERATOR)
        service.devices.resume(alice.guid, by=OPERATOR)

    assert service.meanwhile(flicker).answer(alice, challenge).approved


@pytest.mark.parametrize("ending", ENDINGS)
def test_s18_of_an_answer_and_an_ending_at_once_either_is_first(
    service, alice, at_once, meeting, ending
):
    """Both read before either commits: the answer is accepted, or the ending was first."""
    end, refusal = ENDINGS[ending]
    first = {"answer": 0, "ending": 0}
    for _ in range(10):
        phone = service.bind("alice")
        challenge = service.ask("alice", "Pay?").challenge
        racing = service.but(store=meeting(service.store, 2))
        answered, ended = at_once(
            partial(racing.answer, phone, challenge), partial(end, racing, phone)
        )
        assert not isinstance(ended, CountersealError)
        approved = service.stored(challenge.guid).approved
        assert approved == (not isinstance(answered, refusal))
        first["answer" if approved else "ending"] += 1
        if not approved:
            assert isinstance(answered, refusal)
        service.accounts.unlock(phone.device.bond.account, by=OPERATOR)
        if service.stored(phone.guid).state is not BindingState.REVOKED:
            service.devices.revoke(phone.guid, by=OPERATOR)
        service.clock.advance(timedelta(hours=1))
    assert sum(first.values()) == 10


# The guards themselves (S18). What ends a device writes its account's roster too, so that the
# races above would be lost over the account alone; each record is changed alone here.


def changed_alone(service, guid, **changes):
    """Commit *changes* of one record and of no other, as no use case does."""
    record = service.stored(guid)
    changed = attrs.evolve(record, version=record.version + 1, **changes)
    service.store.commit((Change(record, changed),), (), f"alone {record.version}")


WITH_CODE = {
    "approve": lambda racing, alice, issued: racing.answer(
        alice, issued.challenge, code=issued.code
    ),
    "refuse": lambda racing, alice, issued: racing.answer(alice, issued.challenge, 1, weak=True),
    "disown": lambda racing, alice, issued: racing.disown(alice, issued.challenge),
    "mistype": lambda racing, alice, issued: racing.answer(alice, issued.challenge, code="wrong!"),
    "miss": lambda racing, alice, issued: racing.answer(
        attrs.evolve(alice, pin="0000"), issued.challenge, code=issued.code
    ),
}


@pytest.mark.parametrize("meanwhile", WITH_CODE.values(), ids=WITH_CODE)
@pytest.mark.parametrize("codes", [0, STANDARD.code_limit - 1], ids=["first code", "last code"])
@pytest.mark.parametrize("ending", ["the device is suspended", "the account is locked"])
def test_s18_binding_and_account_are_guards_of_whatever_an_answer_commits(
    service, alice, meanwhile, codes, ending
):
    issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
    changed_alone(service, issued.challenge.guid, wrong_codes=codes)
    guid, changes, refusal = {
        "the device is suspended": (
            alice.guid,
            {"state": BindingState.SUSPENDED, "suspended_by": Authority.STAFF},
            BindingInactive,
        ),
        "the account is locked": (
            service.account().guid,
            {"locked_at": service.clock.now()},
            AccountLocked,
        ),
    }[ending]
    before = service.records()

    racing = service.meanwhile(partial(changed_alone, service, guid, **changes))
    with pytest.raises(refusal):
        meanwhile(racing, alice, issued)

    after = service.records()
    changed = after.pop(guid)
    assert changed == attrs.evolve(before.pop(guid), version=changed.version, **changes)
    assert after == before


def test_s18_an_answer_by_another_device_is_not_in_the_way(service, alice, challenge):
    second = service.bind("alice")
    racing = service.meanwhile(lambda: service.devices.revoke(second.guid, by=OPERATOR))
    assert racing.answer(alice, challenge).approved


def test_s18_a_question_that_is_read_meanwhile_is_answered_all_the_same(service, alice, challenge):
    second = service.bind("alice")
    racing = service.meanwhile(lambda: second.fetch(challenge.guid))
    ended = racing.answer(alice, challenge)
    assert (ended.approved, ended.version) == (True, 3)


def test_a_deadline_that_comes_while_races_are_lost_is_a_deadline(service, alice, challenge):
    def busy():
        service.invitations.invite(service.origin, "alice")
        service.clock.advance(timedelta(minutes=1))

    with pytest.raises(DeadlinePassed):
        service.meanwhile(busy, busy, busy).answer(alice, challenge)
    assert service.stored(challenge.guid) == challenge


def test_a_loser_gets_a_refusal_and_never_a_conflict(service, alice, challenge):
    """Conflict is a store's word; no use case lets it out."""
    racing = service.meanwhile(*[lambda: service.invitations.invite(service.origin, "alice")] * 5)
    assert racing.answer(alice, challenge).approved
    with pytest.raises(Refused):
        racing.answer(alice, challenge)
