"""Challenges as their origin sees them: issued, looked at, cancelled, and expired by a worker."""

from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD, STRICT, ijson, keys
from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    AccountUnknown,
    CallbackForbidden,
    CallbackUncallable,
    CodeDemanded,
    DeadlinePassed,
    Foreign,
    InvalidField,
    NotFound,
    TooManyPending,
    TooOften,
    WrongState,
)
from counterseal.models import (
    OPERATOR,
    Button,
    CancelReason,
    ChallengeState,
    Clients,
    Codes,
    Question,
    TextContent,
)
from counterseal.models.guid import account_partition, mint, partition_of
from counterseal_testing.service import CALLBACK

TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def alice(service):
    return service.bind("alice")


def refused(service, refusal, account_id="alice", **members):
    """Ask, see it refused and recorded, and nothing changed."""
    before = service.records()
    with pytest.raises(refusal) as caught:
        service.ask(account_id, "Pay?", **members)
    assert service.records() == before
    assert service.last_event() == ("challenge.issue", refusal.code)
    return caught.value


# Issuing


def test_a_challenge_is_stored_as_it_was_issued(service, alice):
    issued = service.ask(
        "alice",
        "Pay 10 EUR to Zoë?",
        buttons=(
            Button(title="Pay", strong=True, style='{"color":"green"}', approving=True),
            Button(title="Do not pay", strong=False),
        ),
        duration=timedelta(seconds=90),
        additional_info={"template": True},
        transaction_id="t-1",
        callback=CALLBACK,
        notification_title="The bank asks",
        notification_body="Zoë is waiting",
        show_notification=False,
    )
    challenge = issued.challenge
    assert challenge == service.stored(challenge.guid)
    assert (issued.code, challenge.code_asked) == (None, False)
    assert (challenge.state, challenge.version) == (ChallengeState.PENDING, 1)
    assert challenge.account == alice.device.bond.account
    assert (challenge.app_space, challenge.origin) == (
        service.app_space.guid,
        service.origin.origin.guid,
    )
    assert challenge.issued_at == service.clock.now()
    assert challenge.deadline == challenge.issued_at + timedelta(seconds=90)
    assert challenge.keep_until == challenge.deadline + STANDARD.retention
    assert (challenge.callback, challenge.transaction_id) == (CALLBACK, "t-1")
    assert (
        challenge.notification_title,
        challenge.notification_body,
        challenge.show_notification,
    ) == ("The bank asks", "Zoë is waiting", False)
    assert [button.title for button in challenge.buttons] == ["Pay", "Do not pay"]


def test_the_display_document_is_canonical_and_its_hash_is_stored(service, alice):
    challenge = service.ask("alice", "Pay 10 EUR to Zoë?").challenge
    document = ijson.parse(challenge.display)
    assert ijson.canonical(document).decode() == challenge.display
    assert challenge.display_hash == keys.digest(challenge.display.encode())
    assert document["challenge"] == challenge.guid
    assert document["account"] == {"guid": challenge.account, "id": "alice"}
    assert document["content"] == {"text": "Pay 10 EUR to Zoë?"}
    assert document["expiresAt"] == "2030-01-01T00:02:00.000Z"


def test_a_challenge_lies_in_its_accounts_partition(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    assert partition_of(challenge.guid) == account_partition(service.app_space.guid, "alice")


def test_times_below_the_millisecond_are_dropped_before_anything_is_made_of_them(service, alice):
    service.clock.advance(timedelta(microseconds=1_999))
    challenge = service.ask("alice", "Pay?").challenge
    assert challenge.issued_at.microsecond == 1_000
    assert challenge.deadline == challenge.issued_at + STANDARD.challenge_life


def test_s35_a_challenge_is_recorded_with_its_origin(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    (event,) = service.happened("challenge.issue")
    assert (event.actor, event.subject) == (service.origin.origin.guid, challenge.guid)
    assert (event.at, event.reason) == (service.clock.now(), "")


def test_the_account_remembers_that_it_was_asked(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    history = service.account().history
    assert [question.challenge for question in history.open] == [challenge.guid]
    assert [past.at for past in history.recent] == [service.clock.now()]
    assert history.asked_since_approval == 1


@pytest.mark.parametrize("seconds", [1, 600])
def test_s5_a_life_within_the_limits(service, alice, seconds):
    challenge = service.ask("alice", "Pay?", duration=timedelta(seconds=seconds)).challenge
    assert challenge.deadline - challenge.issued_at == timedelta(seconds=seconds)


@pytest.mark.parametrize("seconds", [-60, 0, 601, 99 * 86_400])
def test_s5_a_life_beyond_the_limits_is_refused_by_name(service, alice, seconds):
    error = refused(service, InvalidField, duration=timedelta(seconds=seconds))
    assert error.field == "duration"


def test_s5_no_policy_allows_more_than_ten_minutes(service):
    assert max(policy.challenge_life_limit for policy in (STANDARD, STRICT)) == 600 * SECOND


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"buttons": (Button(title="Only", strong=False, approving=True),)}, "buttons"),
        ({"transaction_id": "x" * 1025}, "transactionId"),
        ({"notification_title": "x" * 513}, "notificationTitle"),
        ({"additional_info": {"a": 2**60}}, "additionalInfo.a"),
        ({"additional_info": "lone \ud800"}, "additionalInfo"),
    ],
)
def test_a_malformed_question_is_refused_by_field(service, alice, members, field):
    assert refused(service, InvalidField, **members).field == field


# Callbacks' addresses


@pytest.mark.parametrize("url", ["https://evil.example/done", CALLBACK + "/", "nonsense"])
def test_a_callback_has_to_be_on_the_origins_list(service, alice, url):
    refused(service, CallbackForbidden, callback=url)


def test_another_origins_list_does_not_count(service, alice):
    other = service.new_origin(service.app_space, "Other shop")
    service.administration.allow_callback(other.origin.guid, "https://other.example/done")
    refused(service, CallbackForbidden, callback="https://other.example/done")
    service.ask(
        "alice", "Pay?", callback="https://other.example/done", origin=service.renewed(other)
    )


def test_nobody_is_asked_if_the_callback_would_never_be_sent(service, alice):
    service.sender.uncallable[CALLBACK] = "a port that is not allowed"
    before = len(service.events)
    with pytest.raises(CallbackUncallable) as caught:
        service.ask("alice", "Pay?", callback=CALLBACK)
    assert caught.value.reason == "a port that is not allowed"
    recorded = [(event.event, event.reason) for event in service.events[before:]]
    assert recorded == [("challenge.issue", "callback_uncallable")]
    assert service.ask("alice", "Pay?").challenge.callback is None


def test_s18_a_callback_that_was_taken_off_the_list_is_refused(service, alice):
    service.administration.forbid_callback(service.origin.origin.guid, CALLBACK)
    refused(service, CallbackForbidden, callback=CALLBACK, origin=service.renewed(service.origin))


# Who can be asked (S20)


def test_s20_unknown_unbound_and_locked_accounts_look_the_same(service, alice):
    service.invitations.invite(service.origin, "bob")
    carol = service.bind("carol")
    service.accounts.lock(carol.device.bond.account, by=OPERATOR)
    errors = [
        refused(service, AccountUnknown, "nobody"),
        refused(service, AccountUnbound, "bob"),
        refused(service, AccountLocked, "carol"),
    ]
    assert {error.public_code for error in errors} == {"unreachable"}
    assert len({error.code for error in errors}) == 3


@pytest.mark.parametrize("verb", ["suspend", "revoke"])
def test_s20_an_account_without_an_active_device_is_unbound(service, alice, verb):
    getattr(service.devices, verb)(alice.guid, by=OPERATOR)
    assert refused(service, AccountUnbound).public_code == "unreachable"


def test_s20_a_suspended_devices_account_is_asked_on_its_other_device(service, alice):
    second = service.bind("alice")
    service.devices.suspend(alice.guid, by=OPERATOR)
    challenge = service.ask("alice", "Pay?").challenge
    assert second.fetch(challenge.guid).guid == challenge.guid


def test_another_app_spaces_account_of_that_name_is_unknown(service, alice):
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    refused(service, AccountUnknown, origin=stranger)


def test_s18_an_account_that_is_locked_before_the_commit_is_not_asked(service, alice):
    racing = service.meanwhile(
        lambda: service.accounts.lock(alice.device.bond.account, by=OPERATOR)
    )
    with pytest.raises(AccountLocked):
        racing.ask("alice", "Pay?")
    assert service.store.pending(alice.device.bond.account) == ()


def test_s18_a_device_that_is_revoked_before_the_commit_is_not_asked(service, alice):
    racing = service.meanwhile(lambda: service.devices.revoke(alice.guid, by=OPERATOR))
    with pytest.raises(AccountUnbound):
        racing.ask("alice", "Pay?")


# How often a person may be asked (S19)


def test_s19_the_limit_of_open_questions_of_a_person_is_enforced(service, alice):
    challenges = [service.ask("alice", "Pay?").challenge for _ in range(STANDARD.pending_limit)]
    refused(service, TooManyPending)
    alice.answer(challenges[0])
    service.ask("alice", "Pay?")
    service.challenges.cancel(service.origin, challenges[1].guid)
    service.ask("alice", "Pay?")
    refused(service, TooManyPending)


def test_s19_a_question_whose_deadline_came_is_open_no_more_swept_or_not(service, alice):
    for _ in range(STANDARD.pending_limit):
        service.ask("alice", "Pay?")
    service.clock.advance(STANDARD.challenge_life - TICK)
    refused(service, TooManyPending)
    service.clock.advance(TICK)
    service.ask("alice", "Pay?", show_code=True)


def test_s19_the_one_past_the_windows_limit_is_not_asked_and_not_pushed(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, ask_limit_origin=3))
    alice = service.bind("alice")
    for _ in range(3):
        alice.answer(service.ask("alice", "Pay?").challenge)
        service.clock.advance(timedelta(minutes=1))
    error = refused(service, TooOften)
    assert (error.reason, error.retry_after) == ("origin_window", 7 * 60)
    service.clock.advance(timedelta(minutes=7) - TICK)
    refused(service, TooOften)
    service.clock.advance(TICK)
    service.ask("alice", "Pay?")


def test_s19_limits_count_per_origin_then_per_account(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, ask_limit_origin=2, ask_limit=3))
    alice = service.bind("alice")
    service.bind("bob")
    other = service.new_origin(service.app_space, "Other shop")
    for origin in (None, None, other):
        alice.answer(service.ask("alice", "Pay?", origin=origin).challenge)
    assert refused(service, TooOften).reason == "origin_window"
    assert refused(service, TooOften, origin=other).reason == "account_window"
    service.ask("bob", "Pay?")


def test_s19_refusals_in_a_row_start_the_cool_down(service, alice):
    for _ in range(STANDARD.cooldown_after):
        alice.answer(service.ask("alice", "Pay?").challenge, 1)
    refused(service, CodeDemanded)
    issued = service.ask("alice", "Pay?", show_code=True)
    assert alice.answer(issued.challenge, code=issued.code).approved
    service.ask("alice", "Pay?")


def test_s19_an_origin_that_cannot_show_a_code_waits_for_the_end_of_the_cool_down(service, alice):
    cloud = service.new_origin(service.app_space, "CX client", codes=Codes.ECHOED)
    for _ in range(STANDARD.cooldown_after):
        alice.answer(service.ask("alice", "Pay?").challenge, 1)
    error = refused(service, TooOften, origin=cloud)
    assert (error.reason, error.retry_after) == ("cooldown", STANDARD.cooldown.total_seconds())
    service.clock.advance(STANDARD.cooldown)
    service.ask("alice", "Pay?", origin=cloud)


@pytest.fixture
def cloud(service):
    """An origin for CX clients."""
    origin = service.administration.create_origin(
        service.app_space.guid, "Shop", clients=Clients.CX
    )
    return service.administration.relying_party(origin.guid)


def test_s19_cx_clients_have_fifty_open_questions_and_no_cool_down(service, alice, cloud):
    for _ in range(STANDARD.cooldown_after):
        alice.answer(service.ask("alice", "Pay?", origin=cloud).challenge, 1)
    challenges = [service.ask("alice", "Pay?", origin=cloud).challenge for _ in range(50)]
    service.clock.advance(timedelta(seconds=30))
    error = refused(service, TooManyPending, origin=cloud)
    assert error.retry_after == (challenges[0].deadline - service.clock.now()).total_seconds() == 90
    service.clock.advance(timedelta(seconds=90))
    service.ask("alice", "Pay?", origin=cloud)


def test_s19_what_cx_clients_ask_does_not_use_up_the_limit_of_others(service, alice, cloud):
    for _ in range(STANDARD.pending_limit):
        service.ask("alice", "Pay?", origin=cloud)
    service.ask("alice", "Pay?")


def test_s19_cx_clients_ask_sixty_times_in_ten_minutes(service, alice, cloud):
    for _ in range(60):
        alice.answer(service.ask("alice", "Pay?", origin=cloud).challenge)
    error = refused(service, TooOften, origin=cloud)
    assert (error.reason, error.retry_after) == ("origin_window", 600)


def test_s19_the_operator_tightens_one_origin_or_the_policy(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, cx_pending_limit=3, cx_cooldown=True))
    alice = service.bind("alice")
    guid = service.origin.origin.guid
    service.administration.edit_origin(guid, clients=Clients.CX)
    cloud = service.renewed(service.origin)
    for _ in range(3):
        service.ask("alice", "Pay?", origin=cloud)
    refused(service, TooManyPending, origin=cloud)
    service.administration.edit_origin(guid, pending_limit=1)
    service.clock.advance(timedelta(minutes=2))
    cloud = service.renewed(cloud)
    assert refused(service, TooOften, origin=cloud).reason == "cooldown"
    service.clock.advance(STANDARD.cooldown)
    alice.answer(service.ask("alice", "Pay?", origin=cloud).challenge)
    service.ask("alice", "Pay?", origin=cloud)
    refused(service, TooManyPending, origin=cloud)


@pytest.mark.parametrize("ending", ["disowned", "unanswered", "swept"])
def test_s19_disowned_and_unanswered_questions_count_as_refusals(service, alice, ending):
    for _ in range(STANDARD.cooldown_after):
        challenge = service.ask("alice", "Pay?", duration=SECOND).challenge
        if ending == "disowned":
            alice.disown(challenge)
        else:
            service.clock.jump(challenge.deadline)
        if ending == "swept":
            assert service.challenges.expire() == 1
    refused(service, CodeDemanded)


def test_s19_cancelled_questions_say_nothing_about_the_person(service, alice):
    for _ in range(STANDARD.cooldown_after):
        service.challenges.cancel(service.origin, service.ask("alice", "Pay?").challenge.guid)
    service.ask("alice", "Pay?")
    assert service.account().history.refusals == 0


@pytest.mark.parametrize("ending", ["cancelled", "approved", "refused"])
def test_s19_a_question_that_nobody_answered_counts_when_another_ends(service, alice, ending):
    service.ask("alice", "Pay?", duration=SECOND)
    challenge = service.ask("alice", "Pay 20 EUR?").challenge
    service.clock.advance(SECOND)
    if ending == "cancelled":
        service.challenges.cancel(service.origin, challenge.guid)
    else:
        alice.answer(challenge, 1 if ending == "refused" else 0)
    history = service.account().history
    refusals = {"cancelled": 1, "approved": 0, "refused": 2}[ending]
    assert (history.open, history.refusals) == ((), refusals)


def test_the_limit_of_challenges_a_minute_is_enforced(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, origin_rate=2))
    for name in ("alice", "bob", "carol"):
        service.bind(name)
    service.ask("alice", "Pay?")
    service.ask("bob", "Pay?")
    error = refused(service, TooOften, "carol")
    assert (error.reason, error.retry_after) == ("origin_rate", 60)
    other = service.new_origin(service.app_space, "Other shop")
    service.ask("carol", "Pay?", origin=other)
    service.clock.advance(timedelta(minutes=2))
    service.ask("carol", "Pay?")


# Superseding, in the strict profile


@pytest.fixture
def strict(new_service):
    service = new_service(policy=STRICT)
    service.alice = service.bind("alice")
    return service


def test_in_the_strict_profile_a_newer_question_replaces_the_older_one(strict):
    old = strict.ask("alice", "Pay 10 EUR?", callback=CALLBACK).challenge
    new = strict.ask("alice", "Pay 20 EUR?").challenge
    ended = strict.stored(old.guid)
    assert (ended.state, ended.outcome.reason) == (
        ChallengeState.CANCELLED,
        CancelReason.SUPERSEDED,
    )
    assert strict.store.pending(new.account) == (new,)
    assert [line.challenge for line in strict.account().history.open] == [new.guid]
    assert strict.account().history.refusals == 0
    (callback,) = strict.callback_records()
    assert callback.challenge == old.guid
    (event,) = strict.happened("challenge.cancelled")
    assert (event.actor, event.reason) == (strict.origin.origin.guid, "superseded")
    with pytest.raises(WrongState):
        strict.alice.answer(old)
    assert strict.alice.answer(new).approved


def test_in_the_strict_profile_another_origins_question_is_not_replaced(strict):
    old = strict.ask("alice", "Pay 10 EUR?").challenge
    other = strict.new_origin(strict.app_space, "Other shop")
    refused(strict, TooManyPending, origin=other)
    assert strict.stored(old.guid) == old


def test_a_question_that_was_answered_before_the_commit_is_not_replaced(strict):
    old = strict.ask("alice", "Pay 10 EUR?").challenge
    racing = strict.meanwhile(lambda: strict.alice.answer(old))
    racing.ask("alice", "Pay 20 EUR?")
    assert strict.stored(old.guid).approved


def test_a_question_that_is_over_is_not_replaced_but_left_to_expire(strict):
    old = strict.ask("alice", "Pay 10 EUR?").challenge
    strict.clock.jump(old.deadline)
    strict.ask("alice", "Pay 20 EUR?")
    assert strict.stored(old.guid) == old
    assert strict.challenges.expire() == 1
    assert strict.account().history.refusals == 1


# Looking


def test_status_says_expired_from_the_deadline_on_swept_or_not(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    service.clock.jump(challenge.deadline - TICK)
    assert service.challenges.status(service.origin, challenge.guid).state is ChallengeState.PENDING
    service.clock.jump(challenge.deadline)
    status = service.challenges.status(service.origin, challenge.guid)
    assert status == attrs.evolve(challenge, state=ChallengeState.EXPIRED)
    assert service.stored(challenge.guid) == challenge
    service.challenges.expire()
    assert service.challenges.status(service.origin, challenge.guid).state is ChallengeState.EXPIRED


def test_s6_an_answer_stays_readable_after_the_deadline(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    answered = alice.answer(challenge)
    service.clock.jump(challenge.deadline + STANDARD.retention)
    assert service.challenges.expire() == 0
    assert service.store.forget(service.clock.now()) == 0
    assert service.challenges.status(service.origin, challenge.guid) == answered
    service.clock.advance(TICK)
    assert service.store.forget(service.clock.now()) == 1


@pytest.mark.parametrize("verb", ["status", "cancel"])
def test_an_origin_sees_its_own_challenges_only(service, alice, verb):
    challenge = service.ask("alice", "Pay?").challenge
    other = service.new_origin(service.app_space, "Other shop")
    with pytest.raises(Foreign) as caught:
        getattr(service.challenges, verb)(other, challenge.guid)
    assert caught.value.public_code == NotFound.public_code == "not_found"
    for guid in (mint(0, bytes(15)), challenge.account, service.company.guid):
        with pytest.raises(NotFound):
            getattr(service.challenges, verb)(service.origin, guid)
    assert service.stored(challenge.guid) == challenge


# Cancelling


@pytest.mark.parametrize("fetched", [False, True])
def test_an_origin_takes_its_question_back(service, alice, fetched):
    challenge = service.ask("alice", "Pay?", callback=CALLBACK, show_code=True).challenge
    if fetched:
        alice.fetch(challenge.guid)
    cancelled = service.challenges.cancel(service.origin, challenge.guid)
    assert cancelled == service.stored(challenge.guid)
    assert cancelled.state is ChallengeState.CANCELLED
    assert cancelled.outcome.reason is CancelReason.ORIGIN
    assert cancelled.outcome.at == service.clock.now()
    assert cancelled.sealed_code == b""
    assert service.account().history.open == ()
    assert [callback.challenge for callback in service.callback_records()] == [challenge.guid]
    event = service.events[-1]
    assert (event.event, event.actor) == ("challenge.cancelled", service.origin.origin.guid)
    with pytest.raises(WrongState):
        alice.answer(challenge)


def test_a_question_is_taken_back_once_and_not_after_its_end(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    service.challenges.cancel(service.origin, challenge.guid)
    with pytest.raises(WrongState):
        service.challenges.cancel(service.origin, challenge.guid)
    assert service.last_event() == ("challenge.cancel", "wrong_state")
    answered = service.ask("alice", "Pay?").challenge
    alice.answer(answered)
    with pytest.raises(WrongState):
        service.challenges.cancel(service.origin, answered.guid)


def test_s5_a_question_is_not_taken_back_at_its_deadline(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    service.clock.jump(challenge.deadline)
    with pytest.raises(DeadlinePassed):
        service.challenges.cancel(service.origin, challenge.guid)
    service.clock.jump(challenge.deadline - TICK)
    service.challenges.cancel(service.origin, challenge.guid)


def test_s18_an_answer_before_the_commit_is_not_cancelled(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    racing = service.meanwhile(lambda: alice.answer(challenge))
    with pytest.raises(WrongState):
        racing.challenges.cancel(service.origin, challenge.guid)
    assert service.stored(challenge.guid).approved


# Expiring


def test_a_challenge_expires_at_its_deadline_with_its_callback(service, alice):
    challenge = service.ask("alice", "Pay?", callback=CALLBACK, show_code=True).challenge
    service.clock.jump(challenge.deadline - TICK)
    assert service.challenges.expire() == 0
    service.clock.jump(challenge.deadline)
    assert service.challenges.expire() == 1
    expired = service.stored(challenge.guid)
    assert (expired.state, expired.outcome.at) == (ChallengeState.EXPIRED, challenge.deadline)
    assert (expired.outcome.device, expired.outcome.token, expired.outcome.receipt) == (None,) * 3
    assert expired.sealed_code == b""
    assert [callback.challenge for callback in service.callback_records()] == [challenge.guid]
    assert service.account().history.open == ()
    event = service.events[-1]
    assert (event.event, event.actor) == ("challenge.expired", "worker")
    assert service.challenges.expire() == 0
    assert len(service.callback_records()) == 1


def test_the_worker_expires_as_many_as_it_is_asked_for(service, alice):
    for _ in range(5):
        service.ask("alice", "Pay?")
    service.clock.advance(STANDARD.challenge_life)
    assert [service.challenges.expire(2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_locked_accounts_challenges_expire_all_the_same(service, alice):
    service.ask("alice", "Pay?")
    service.accounts.lock(alice.device.bond.account, by=OPERATOR)
    service.clock.advance(STANDARD.challenge_life)
    assert service.challenges.expire() == 1


def test_of_two_workers_one_expires_a_challenge(service, alice, meeting, at_once):
    service.ask("alice", "Pay?", callback=CALLBACK)
    service.clock.advance(STANDARD.challenge_life)
    racing = service.but(store=meeting(service.store, 2))
    assert sorted(at_once(*[racing.challenges.expire] * 2)) == [0, 1]
    assert len(service.callback_records()) == 1


def test_a_question_is_asked_with_a_question(service, alice):
    question = Question(account_id="alice", content=TextContent(text="Pay?"))
    issued = service.challenges.issue(service.origin, question)
    assert issued.challenge.account == alice.device.bond.account


ONE = attrs.evolve(STANDARD, pending_limit=1, supersede=True)


def test_a_limit_that_was_tightened_replaces_as_many_as_it_takes(service, alice):
    old = [service.ask("alice", "Pay?", callback=CALLBACK).challenge for _ in range(3)]
    tight = service.but(policy=ONE)
    new = tight.ask("alice", "Pay now?").challenge
    for challenge in old:
        ended = service.stored(challenge.guid)
        assert (ended.state, ended.outcome.reason) == (
            ChallengeState.CANCELLED,
            CancelReason.SUPERSEDED,
        )
    assert {callback.challenge for callback in service.callback_records()} == {
        challenge.guid for challenge in old
    }
    assert [event.subject for event in service.happened("challenge.cancelled")] == [
        challenge.guid for challenge in old
    ]
    assert service.store.pending(new.account) == (new,)
    history = service.account().history
    assert [line.challenge for line in history.open] == [new.guid]
    assert history.refusals == 0
    assert service.answer(alice, new).approved


def test_a_limit_that_was_tightened_replaces_nothing_if_its_own_are_not_enough(service, alice):
    service.ask("alice", "Pay?")
    service.ask("alice", "Pay?", origin=service.new_origin(service.app_space, "Other shop"))
    refused(service.but(policy=ONE), TooManyPending)


@pytest.mark.alone
def test_an_origin_lists_what_it_has_asked_and_nobody_has_ended(service, alice):
    first, second = (service.ask("alice", text).challenge for text in ("Pay?", "Log in?"))
    neighbour = service.new_origin(service.app_space, "Another shop")
    service.ask("alice", "Buy?", origin=neighbour)
    ended = service.ask("alice", "Sell?").challenge
    alice.answer(ended)
    listed = service.challenges.pending(service.origin, "alice")
    assert [challenge.guid for challenge in listed] == [first.guid, second.guid]
    service.clock.advance(service.policy.challenge_life)
    assert service.challenges.pending(service.origin, "alice") == ()


def test_nobody_lists_what_an_unknown_account_is_asked(service, alice):
    service.ask("alice", "Pay?")
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    for party, account_id in ((stranger, "alice"), (service.origin, "nobody")):
        with pytest.raises(AccountUnknown):
            service.challenges.pending(party, account_id)
    with pytest.raises(InvalidField):
        service.challenges.pending(service.origin, "")
