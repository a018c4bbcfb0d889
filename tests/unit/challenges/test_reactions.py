"""Reactions: what follows from each reason of a refusal, in the commit that accepts it."""

from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import AccountLocked, CodeDemanded, TooManyPending, TooOften
from counterseal.models import (
    AccountEvent,
    AccountEventKind,
    CancelReason,
    ChallengeState,
    Clients,
    Codes,
    Reaction,
    RefusalReason,
)
from counterseal.policy import STRICT
from counterseal_testing.service import CALLBACK

NOTHING = attrs.evolve(STANDARD, **{f"on_{word.value}": frozenset() for word in RefusalReason})
DAY = timedelta(days=1)
TICK = timedelta.resolution


def reacting(word, *reactions, **settings):
    return attrs.evolve(NOTHING, **{f"on_{word.value}": frozenset(reactions)}, **settings)


def events_of(service):
    return [record for record in service.records().values() if isinstance(record, AccountEvent)]


def refuse(phone, challenge, how, word):
    if how == "disown":
        return phone.disown(challenge, reason=word)
    return phone.answer(challenge, 1, reason=word)


def state_after(service, phone, how, word):
    """Refuse one of three challenges, one of which is another origin's; return what is left."""
    first, second = (service.ask("alice", f"Pay {n}?", callback=CALLBACK).challenge for n in (1, 2))
    bank = service.new_origin(service.app_space, "Bank")
    other = service.ask("alice", "Log in?", origin=bank).challenge
    refuse(phone, first, how, word)
    return [service.stored(each.guid) for each in (first, second, other)], service.account()


@pytest.mark.parametrize("how", ["answer", "disown"])
@pytest.mark.parametrize("reaction", [None, *Reaction])
@pytest.mark.parametrize("word", RefusalReason)
def test_each_word_has_the_reaction_that_the_policy_says_and_no_other(service, word, reaction, how):
    reactions = () if reaction is None else (reaction,)
    ours = service.but(policy=reacting(word, *reactions))
    (first, second, other), account = state_after(ours, ours.bind("alice"), how, word)

    assert first.reason is word
    assert first.state.value == ("DISOWNED" if how == "disown" else "ANSWERED")
    cancelled = reaction is Reaction.CANCEL_PENDING
    assert (second.state is ChallengeState.CANCELLED) is cancelled
    assert other.state is ChallengeState.PENDING
    locked = reaction is Reaction.LOCK_ACCOUNT
    assert account.locked_at == (ours.clock.now() if locked else None)
    demanded = reaction is Reaction.DEMAND_CODES
    assert account.history.codes_until == (ours.clock.now() + DAY if demanded else None)
    kinds = [event.kind for event in events_of(ours)]
    disowned = how == "disown"
    assert (AccountEventKind.DISOWNED in kinds) is disowned
    reported = reaction is Reaction.ALERT and not disowned
    assert (AccountEventKind.REPORTED in kinds) is reported
    assert (AccountEventKind.LOCKED in kinds) is locked
    recorded = {event.event for event in ours.events}
    assert ("account.lock" in recorded) is locked
    assert ("account.demand_codes" in recorded) is demanded


@pytest.mark.parametrize("word", RefusalReason)
def test_an_alert_names_the_request_and_not_the_reason(service, word):
    ours = service.but(policy=reacting(word, Reaction.ALERT))
    phone = ours.bind("alice")
    challenge = ours.ask("alice", "Pay?").challenge

    refuse(phone, challenge, "answer", word)

    event = events_of(ours)[-1]
    assert (event.kind, event.challenge, event.device) == (
        AccountEventKind.REPORTED,
        challenge.guid,
        phone.guid,
    )
    assert word.value not in attrs.asdict(event).values()


@pytest.mark.parametrize("how", ["answer", "disown"])
def test_without_a_reason_nothing_follows(service, how):
    everything = frozenset(Reaction)
    policy = attrs.evolve(STANDARD, **{f"on_{word.value}": everything for word in RefusalReason})
    ours = service.but(policy=policy)
    (first, second, other), account = state_after(ours, ours.bind("alice"), how, None)

    assert first.reason is None
    assert {second.state, other.state} == {ChallengeState.PENDING}
    assert (account.locked_at, account.history.codes_until) == (None, None)


def test_all_reactions_are_one_commit_with_the_refusal(service):
    word = RefusalReason.NOT_MINE
    ours = service.but(policy=reacting(word, *Reaction))
    phone = ours.bind("alice")
    first, second = (ours.ask("alice", f"Pay {n}?", callback=CALLBACK).challenge for n in (1, 2))
    before = ours.account()

    refuse(phone, first, "answer", word)

    after = ours.account()
    assert after.version == before.version + 1
    assert (after.locked_at, after.history.codes_until) == (
        ours.clock.now(),
        ours.clock.now() + DAY,
    )
    assert ours.stored(second.guid).outcome.reason is CancelReason.REFUSED
    assert {event.at for event in ours.events[-4:]} == {ours.clock.now()}
    assert sorted((event.event, event.reason) for event in ours.events[-4:]) == [
        ("account.demand_codes", "not_mine"),
        ("account.lock", "not_mine"),
        ("challenge.answered", ""),
        ("challenge.cancelled", "refused"),
    ]


def test_a_cancelled_request_has_its_callback_and_names_no_device(service):
    word = RefusalReason.WRONG_DETAILS
    ours = service.but(policy=reacting(word, Reaction.CANCEL_PENDING))
    phone = ours.bind("alice")
    first, second = (ours.ask("alice", f"Pay {n}?", callback=CALLBACK).challenge for n in (1, 2))

    refuse(phone, first, "disown", word)
    ours.deliver()

    assert len(ours.sender.attempts) == 2
    cancelled = ours.stored(second.guid)
    assert cancelled.reason is None
    assert cancelled.outcome.device is None
    assert cancelled.guid in {each.guid for each in phone.ended()}


def test_a_cancelled_request_counts_as_a_refusal(service):
    word = RefusalReason.NOT_MINE
    ours = service.but(policy=reacting(word, Reaction.CANCEL_PENDING))
    phone = ours.bind("alice")
    challenges = [ours.ask("alice", f"Pay {n}?").challenge for n in range(3)]

    refuse(phone, challenges[0], "answer", word)

    assert ours.account().history.refusals == 3
    assert ours.account().history.open == ()
    with pytest.raises((CodeDemanded, TooOften)):
        ours.ask("alice", "Pay?")


def test_a_request_whose_deadline_has_come_is_left_to_the_worker(service):
    word = RefusalReason.NOT_MINE
    ours = service.but(policy=reacting(word, Reaction.CANCEL_PENDING))
    phone = ours.bind("alice")
    late = ours.ask("alice", "Pay 1?", duration=timedelta(seconds=5)).challenge
    challenge = ours.ask("alice", "Pay 2?").challenge
    ours.clock.advance(timedelta(seconds=5))

    refuse(phone, challenge, "answer", word)

    assert ours.stored(late.guid).state is ChallengeState.PENDING
    ours.sweep()
    assert ours.stored(late.guid).state is ChallengeState.EXPIRED
    assert ours.account().history.refusals == 2


def test_a_request_that_is_issued_meanwhile_is_cancelled_too(service):
    word = RefusalReason.NOT_MINE
    policy = reacting(word, Reaction.CANCEL_PENDING)
    ours = service.but(policy=policy)
    phone = ours.bind("alice")
    challenge = ours.ask("alice", "Pay 1?").challenge
    issued = []
    racing = ours.meanwhile(lambda: issued.append(ours.ask("alice", "Pay 2?").challenge))
    token = phone.device.disown(challenge.display, reason=word)

    racing.answers.disown(phone.call("/disowns", token.encode()))

    assert ours.stored(challenge.guid).state is ChallengeState.DISOWNED
    assert ours.stored(issued[0].guid).state is ChallengeState.CANCELLED


def test_a_locked_account_is_neither_asked_nor_answers(service):
    word = RefusalReason.PRESSURED
    ours = service.but(policy=reacting(word, Reaction.LOCK_ACCOUNT))
    phone = ours.bind("alice")
    first, second = (ours.ask("alice", f"Pay {n}?").challenge for n in (1, 2))

    refuse(phone, first, "answer", word)

    for call in (lambda: phone.answer(second), lambda: ours.ask("alice", "Pay?"), phone.pending):
        with pytest.raises(AccountLocked):
            call()


def test_codes_are_demanded_for_a_day_whatever_is_approved_meanwhile(service):
    word = RefusalReason.NOT_MINE
    ours = service.but(policy=reacting(word, Reaction.DEMAND_CODES))
    ours.administration.edit_origin(ours.origin.origin.guid, codes=Codes.TYPED)
    ours.origin = ours.renewed(ours.origin)
    phone = ours.bind("alice")
    refuse(phone, ours.ask("alice", "Pay?").challenge, "answer", word)

    with pytest.raises(CodeDemanded) as caught:
        ours.ask("alice", "Pay?")
    assert str(caught.value) == "codes_demanded"
    issued = ours.ask("alice", "Pay?", show_code=True)
    phone.answer(issued.challenge, code=issued.code)
    ours.clock.advance(DAY - TICK)
    with pytest.raises(CodeDemanded):
        ours.ask("alice", "Pay?")
    ours.clock.advance(TICK)
    assert not ours.ask("alice", "Pay?").challenge.code_asked


@pytest.mark.parametrize("clients", Clients)
def test_an_origin_that_shows_no_code_asks_once_in_the_longest_cool_down(service, clients):
    word = RefusalReason.NOT_MINE
    ours = service.but(policy=reacting(word, Reaction.DEMAND_CODES))
    ours.administration.edit_origin(ours.origin.origin.guid, clients=clients, codes=Codes.ECHOED)
    ours.origin = ours.renewed(ours.origin)
    phone = ours.bind("alice")
    refuse(phone, ours.ask("alice", "Pay?").challenge, "answer", word)

    for _ in range(2):
        with pytest.raises(TooOften) as caught:
            ours.ask("alice", "Pay?")
        assert caught.value.reason == "codes_demanded"
        assert caught.value.retry_after <= ours.policy.cooldown_limit.total_seconds()
        ours.clock.advance(timedelta(seconds=caught.value.retry_after))
        phone.answer(ours.ask("alice", "Pay?").challenge)


def test_a_second_demand_never_shortens_the_first(service):
    word = RefusalReason.NOT_MINE
    long = service.but(policy=reacting(word, Reaction.DEMAND_CODES, codes_demanded=3 * DAY))
    phone = long.bind("alice")
    first, second = (long.ask("alice", f"Pay {n}?").challenge for n in (1, 2))
    refuse(phone, first, "answer", word)
    until = long.account().history.codes_until
    short = long.but(policy=reacting(word, Reaction.DEMAND_CODES, codes_demanded=DAY))
    token = phone.device.answer(second.display, 1, reason=word)

    short.answers.answer(phone.call("/answers", token.encode()))

    assert long.account().history.codes_until == until


def test_the_reactions_of_the_profiles():
    alert, codes = Reaction.ALERT, Reaction.DEMAND_CODES
    words = {word: STANDARD.reactions_to(word) for word in RefusalReason}
    assert words == {
        RefusalReason.DECLINED: frozenset(),
        RefusalReason.NOT_MINE: {alert, codes},
        RefusalReason.WRONG_DETAILS: {alert},
        RefusalReason.PRESSURED: {alert},
        RefusalReason.OTHER: frozenset(),
    }
    strict = STRICT.reactions_to(RefusalReason.NOT_MINE)
    assert strict == {alert, codes, Reaction.CANCEL_PENDING}


def test_pending_is_full_again_only_by_new_questions(service):
    word = RefusalReason.NOT_MINE
    ours = service.but(policy=reacting(word, Reaction.CANCEL_PENDING, pending_limit=2))
    phone = ours.bind("alice")
    challenges = [ours.ask("alice", f"Pay {n}?").challenge for n in range(2)]
    with pytest.raises(TooManyPending):
        ours.ask("alice", "Pay?")

    refuse(phone, challenges[0], "answer", word)

    history = ours.account().history
    assert (len(history.open), history.refusals, len(history.recent)) == (0, 2, 2)
