"""The outbox: claimed by a lease, sent once an attempt, retried, given up, queued again."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

import attrs
import pytest
from standardwebhooks import Webhook

from counterseal import STANDARD, STRICT, ijson
from counterseal._transaction import Transactions
from counterseal.errors import (
    CountersealError,
    DeadlineAhead,
    Foreign,
    InvalidField,
    LeaseLost,
    NotFound,
    SealBroken,
    SenderUnavailable,
    StoreUnavailable,
    WrongRecord,
    WrongState,
)
from counterseal.models import (
    FINISHED,
    OPERATOR,
    TRACE,
    AdminRole,
    CallbackState,
    ChallengeState,
    Clients,
    Codes,
    DeadReason,
    DeliveryOutcome,
    Gauge,
    GaugeKey,
    Operator,
    TraceContext,
)
from counterseal.models.guid import mint
from counterseal.outbox.decisions import callbacks as decisions
from counterseal.outbox.decisions.outbox import NEW_CALLBACKS
from counterseal.outbox.documents import read_secret_text, verify_webhook
from counterseal.outbox.usecases import callbacks
from counterseal.outbox.usecases.callbacks import DueCallbacks
from counterseal_testing.faults import Crash, Fault, Faults, faulty, raising
from counterseal_testing.service import CALLBACK

TICK = timedelta(microseconds=1)
LEASE = STANDARD.callback_lease
DELAYS = STANDARD.callback_delays


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def callback(service, alice):
    """A callback whose first attempt is due."""
    alice.answer(service.ask("alice", "Pay?", callback=CALLBACK).challenge)
    (callback,) = service.callback_records()
    return callback


def failed(service, guid, *script):
    """Let attempts fail; return the callback after the last of them."""
    for line in script:
        service.clock.jump(max(service.clock.now(), service.stored(guid).due_at))
        service.sender.script(line)
        service.callbacks.attempt(guid)
    return service.stored(guid)


# What is queued


@pytest.mark.parametrize("ending", ["answer", "refuse", "disown", "cancel", "expire", "fail"])
def test_every_finished_challenge_whose_origin_asked_for_one_has_exactly_one(
    service, alice, ending
):
    issued = service.ask("alice", "Pay?", callback=CALLBACK, show_code=True)
    challenge = issued.challenge
    assert service.callback_records() == []
    if ending == "answer":
        alice.answer(challenge, code=issued.code)
    elif ending == "refuse":
        alice.answer(challenge, 1)
    elif ending == "disown":
        alice.disown(challenge)
    elif ending == "cancel":
        service.challenges.cancel(service.origin, challenge.guid)
    elif ending == "expire":
        service.clock.jump(challenge.deadline)
        service.challenges.expire()
    else:
        for _ in range(STANDARD.code_limit):
            with pytest.raises(CountersealError):
                alice.answer(challenge, code="not it")
    (callback,) = service.callback_records()
    ended = service.stored(challenge.guid)
    assert callback.state is CallbackState.QUEUED
    assert (callback.challenge, callback.account, callback.origin, callback.url) == (
        challenge.guid,
        challenge.account,
        challenge.origin,
        CALLBACK,
    )
    assert callback.next_at == callback.created_at == ended.outcome.at == service.clock.now()
    assert callback.keep_until == service.clock.now() + STANDARD.retention
    assert service.deliver() == (callback.guid,)
    (attempt,) = service.sender.attempts
    body = ijson.parse(attempt.delivery.body)
    assert (body["guid"], body["state"], body["approved"]) == (
        challenge.guid,
        ended.state.value,
        ending == "answer",
    )
    assert service.deliver() == ()


def test_a_challenge_without_a_callback_address_has_no_callback(service, alice):
    alice.answer(service.ask("alice", "Pay?").challenge)
    assert service.callback_records() == []


# Delivering


@pytest.mark.alone
def test_a_delivery_carries_the_whole_request_and_its_proof(service, alice, callback):
    delivered = service.callbacks.attempt(callback.guid)
    assert delivered == service.stored(callback.guid)
    assert (delivered.state, delivered.attempts) == (CallbackState.DELIVERED, 1)
    assert (delivered.last_status, delivered.lease_until) == (204, None)
    (attempt,) = service.sender.attempts
    assert attempt.delivery.url == CALLBACK
    assert attempt.delivery.timeout == STANDARD.callback_timeout
    ended = service.stored(callback.challenge)
    body = ijson.parse(attempt.delivery.body)
    assert (body["buttonSelected"], body["answer"], body["receipt"]) == (
        0,
        ended.outcome.token,
        ended.outcome.receipt,
    )
    assert service.last_event() == ("callback.succeed", "")
    assert (service.events[-1].actor, service.events[-1].subject) == ("worker", callback.guid)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_2xx_delivers(service, callback, status):
    service.sender.script(status)
    assert service.callbacks.attempt(callback.guid).state is CallbackState.DELIVERED


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 307, 400, 404, 429, 500, 503])
def test_any_other_status_fails(service, callback, status):
    """Not even a redirect."""
    service.sender.script(DeliveryOutcome(status=status))
    attempted = service.callbacks.attempt(callback.guid)
    assert (attempted.state, attempted.last_status) == (CallbackState.QUEUED, status)
    assert service.last_event() == ("callback.fail", "")


def test_a_delivered_callback_is_not_sent_again(service, callback):
    service.callbacks.attempt(callback.guid)
    service.clock.advance(timedelta(days=1))
    assert service.callbacks.due() == ()
    with pytest.raises(WrongState):
        service.callbacks.attempt(callback.guid)
    assert len(service.sender.attempts) == 1


# Claiming


def test_due_tells_what_is_due_and_no_more_than_asked_for(service, alice, callback):
    for _ in range(3):
        alice.answer(service.ask("alice", "Pay?", callback=CALLBACK).challenge)
    assert set(service.callbacks.due()) == {
        callback.guid for callback in service.callback_records()
    }
    assert len(service.callbacks.due(limit=2)) == 2
    failed(service, callback.guid, 500)
    assert callback.guid not in service.callbacks.due()


def test_an_origin_with_many_callbacks_does_not_delay_another(service, alice, callback):
    others = service.new_origin(service.app_space, "Other shop")
    for _ in range(9):
        service.clock.advance(timedelta(minutes=5))
        alice.answer(service.ask("alice", "Pay?", callback=CALLBACK).challenge)
    last = service.ask("alice", "Pay?", origin=others, callback=CALLBACK).challenge
    alice.answer(last)
    # Nine are ahead of it, and two are read first.
    under_way = {callback.guid: callback.origin}
    due = service.callbacks.find_due(under_way, 2)
    assert not due.complete
    (chosen,) = service.callbacks.choose(due.callbacks, under_way, 2)
    assert chosen.challenge == last.guid


@pytest.mark.alone
@pytest.mark.parametrize("slots", range(1, 10))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_slots_of_each_origin_are_what_it_gets_beside_others(service, alice, count, slots):
    shops = [service.origin, *(service.new_origin(service.app_space, name) for name in "AB")]
    for shop in shops[:count]:
        for _ in range(slots):
            service.clock.advance(timedelta(minutes=5))
            alice.answer(service.ask("alice", "Pay?", origin=shop, callback=CALLBACK).challenge)
    due = service.callbacks.find_due({}, 100).callbacks
    chosen = Counter(one.origin for one in service.callbacks.choose(due, {}, slots))
    assert max(chosen.values()) == service.callbacks.slots_of_each(slots, origins=count)


def test_the_callbacks_of_an_origin_that_hangs_are_not_read_again_and_again(service, alice):
    others = service.new_origin(service.app_space, "Other shop")
    for _ in range(12):
        service.clock.advance(timedelta(minutes=5))
        alice.answer(service.ask("alice", "Pay?", callback=CALLBACK).challenge)
    last = service.ask("alice", "Pay?", origin=others, callback=CALLBACK).challenge
    alice.answer(last)
    slots = 4
    (first,) = service.callbacks.find_due({}, 1).callbacks[:1]
    under_way = {}
    for callback in service.callbacks.choose(
        service.callbacks.find_due({}, 100).callbacks, under_way, slots
    ):
        if callback.origin == first.origin:
            under_way[callback.guid] = callback.origin
    due = service.callbacks.find_due(under_way, slots)
    hanging = [callback for callback in due.callbacks if callback.origin == first.origin]
    # The first that are due are read, and of the origin that has its share no more.
    assert len(hanging) == slots
    assert [one.challenge for one in due.callbacks if one.origin != first.origin] == [last.guid]


@pytest.mark.alone
def test_a_look_that_reads_all_says_so(service, alice, callback):
    assert service.callbacks.find_due({}, 1).complete is False
    due = service.callbacks.find_due({}, 2)
    assert (due.complete, [one.guid for one in due.callbacks]) == (True, [callback.guid])
    service.callbacks.attempt(callback)
    assert service.callbacks.find_due({}, 2) == DueCallbacks((), complete=True)


def test_of_many_origins_some_are_read_in_each_look(service, alice):
    """Which come first is random, so that none is left out for ever."""
    for number in range(6):
        origin = service.new_origin(service.app_space, f"Shop {number}")
        service.clock.advance(timedelta(minutes=5))
        alice.answer(service.ask("alice", "Pay?", origin=origin, callback=CALLBACK).challenge)
    origins = set()
    for _ in range(100):
        due = service.callbacks.find_due({}, 2).callbacks
        assert len(due) <= 2 + 2 * 4
        origins |= {one.origin for one in due}
    assert len(origins) == 6


def test_workers_wake_when_a_callback_becomes_due_and_at_no_other_commit(
    service, alice, monkeypatch
):
    notified = []
    monkeypatch.setattr(service.ports.wake, "notify", notified.append)
    alice.answer(service.ask("alice", "Pay?", callback=CALLBACK).challenge)
    assert notified.count(NEW_CALLBACKS) == 1
    (callback,) = service.callbacks.find_due({}, 9).callbacks
    notified.clear()
    failed(service, callback.guid, 500)
    service.clock.advance(timedelta(days=2))
    failed(service, callback.guid, 410)
    assert NEW_CALLBACKS not in notified
    service.callbacks.requeue(callback.guid, by=OPERATOR)
    assert notified == [NEW_CALLBACKS]
    service.callbacks.drop(callback.guid, by=OPERATOR)
    assert notified == [NEW_CALLBACKS]


def test_the_claim_is_committed_before_the_attempt(service, callback):
    leases = []

    class ObservingSender:
        def send(self, delivery):
            leases.append(service.stored(callback.guid))
            with pytest.raises(DeadlineAhead):
                service.callbacks.attempt(callback.guid)
            assert service.callbacks.due() == ()
            return DeliveryOutcome(status=204)

    service.but(sender=ObservingSender()).callbacks.attempt(callback.guid)
    (claimed,) = leases
    assert (claimed.attempts, claimed.lease_until) == (0, service.clock.now() + LEASE)


def test_an_attempt_is_made_when_it_is_due_and_not_before(service, callback):
    attempted = failed(service, callback.guid, 500)
    service.clock.jump(attempted.next_at - TICK)
    assert service.callbacks.due() == ()
    with pytest.raises(DeadlineAhead):
        service.callbacks.attempt(callback.guid)
    assert service.happened("callback.claim") == []
    service.clock.jump(attempted.next_at)
    assert service.callbacks.due() == (callback.guid,)
    service.callbacks.attempt(callback.guid)


def test_an_attempt_on_a_dead_callback_is_recorded(service, callback):
    """No worker finds one: it is not due."""
    failed(service, callback.guid, 410)
    with pytest.raises(WrongState):
        service.callbacks.attempt(callback.guid)
    assert service.last_event() == ("callback.claim", "wrong_state")


def test_an_attempt_that_another_worker_made_already_is_not_recorded(service, callback):
    service.callbacks.attempt(callback.guid)
    with pytest.raises(WrongState):
        service.callbacks.attempt(callback.guid)
    assert service.happened("callback.claim") == []


def test_of_workers_at_once_one_sends(service, callback, meeting, at_once):
    racing = service.but(store=meeting(service.store, 4))
    outcomes = at_once(*[partial(racing.callbacks.attempt, callback.guid)] * 4)
    assert len(service.sender.attempts) == 1
    assert [type(outcome) for outcome in outcomes].count(DeadlineAhead) + [
        type(outcome) for outcome in outcomes
    ].count(WrongState) == 3


def test_what_is_no_callback_is_not_found(service, callback):
    for guid in (mint(0, bytes(15)), callback.challenge):
        for verb in (service.callbacks.attempt, partial(service.callbacks.requeue, by=OPERATOR)):
            with pytest.raises(NotFound):
                verb(guid)


def slow(service, guid, meanwhile, status):
    """An attempt that takes so long that *meanwhile* happens."""

    class Slow:
        def send(self, delivery):
            service.clock.advance(LEASE)
            meanwhile()
            return DeliveryOutcome(status=status)

    return service.but(sender=Slow()).callbacks.attempt(guid)


def test_an_outcome_counts_after_the_lease_as_long_as_nobody_took_over(service, callback):
    delivered = slow(service, callback.guid, lambda: None, 204)
    assert delivered.state is CallbackState.DELIVERED


@pytest.mark.parametrize("status", [204, 500])
def test_an_outcome_whose_lease_was_taken_over_is_not_recorded(service, callback, status):
    def claim():
        dying = Faults()
        dying.crash("sender.send")
        other = service.but(sender=faulty(service.sender, "sender", dying))
        with pytest.raises(Crash):
            other.callbacks.attempt(callback.guid)

    with pytest.raises(LeaseLost):
        slow(service, callback.guid, claim, status)
    stored = service.stored(callback.guid)
    assert (stored.state, stored.attempts) == (CallbackState.QUEUED, 0)
    assert stored.lease_until == service.clock.now() + LEASE
    assert service.last_event() == ("callback.attempt", "lease_lost")


def test_an_outcome_after_another_worker_delivered_changes_nothing(service, callback):
    def deliver():
        service.callbacks.attempt(callback.guid)

    with pytest.raises(WrongState):
        slow(service, callback.guid, deliver, 500)
    assert service.stored(callback.guid).state is CallbackState.DELIVERED


# Trying again, and giving up


def test_s31_each_wait_is_the_policys_with_some_jitter(service, callback):
    """The luck lies between nothing and the policy's share of the wait."""
    for number, delay in enumerate(DELAYS, start=1):
        attempted = failed(service, callback.guid, 500)
        assert (attempted.state, attempted.attempts) == (CallbackState.QUEUED, number)
        wait = attempted.next_at - service.clock.now()
        assert delay <= wait <= delay * (1 + STANDARD.callback_jitter)


def test_s31_a_receiver_that_is_down_for_an_hour_gets_it_after_all(service, callback):
    start, answers = service.clock.now(), []
    while service.stored(callback.guid).state is CallbackState.QUEUED:
        service.clock.jump(service.stored(callback.guid).due_at)
        up = service.clock.now() >= start + timedelta(hours=1)
        service.sender.script(200 if up else 500)
        service.callbacks.attempt(callback.guid)
        answers.append(up)
    assert service.stored(callback.guid).state is CallbackState.DELIVERED
    assert answers.count(True) == 1
    assert {attempt.message for attempt in service.sender.attempts} == {callback.guid}


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [(timedelta(0), DELAYS[0]), (timedelta(hours=2),) * 2, (timedelta(days=9), max(DELAYS))],
)
def test_a_receiver_may_ask_for_a_longer_wait_up_to_the_longest(
    service, callback, retry_after, wait
):
    attempted = failed(service, callback.guid, DeliveryOutcome(status=503, retry_after=retry_after))
    delay = attempted.next_at - service.clock.now()
    assert wait <= delay <= max(wait, DELAYS[0] * (1 + STANDARD.callback_jitter))


def test_after_the_policys_attempts_it_is_dead(service, callback):
    attempted = failed(service, callback.guid, *[500] * len(DELAYS))
    assert attempted.state is CallbackState.QUEUED
    dead = failed(service, callback.guid, 500)
    assert (dead.state, dead.attempts) == (CallbackState.DEAD, len(DELAYS) + 1)
    service.clock.advance(timedelta(days=1))
    assert service.callbacks.due() == ()
    with pytest.raises(WrongState):
        service.callbacks.attempt(callback.guid)


def test_a_receiver_that_is_gone_is_not_asked_again(service, callback):
    dead = failed(service, callback.guid, 410)
    assert (dead.state, dead.attempts, dead.last_status) == (CallbackState.DEAD, 1, 410)


@pytest.mark.parametrize("status", [200, 500])
def test_a_policy_may_make_one_attempt_only(service, callback, status):
    once = service.but(policy=attrs.evolve(STANDARD, callback_delays=()))
    service.sender.script(status)
    ended = once.callbacks.attempt(callback.guid)
    assert (ended.state, ended.cause) == (
        (CallbackState.DELIVERED, None)
        if status == 200
        else (CallbackState.DEAD, DeadReason.EXHAUSTED)
    )


def test_an_operator_queues_a_dead_one_again_under_the_same_id(service, callback):
    dead = failed(service, callback.guid, 410)
    later = service.clock.advance(timedelta(days=3))
    again = service.callbacks.requeue(callback.guid, by=OPERATOR)
    assert again == service.stored(callback.guid)
    assert (again.state, again.attempts, again.version) == (
        CallbackState.QUEUED,
        0,
        dead.version + 1,
    )
    assert (again.next_at, again.keep_until) == (later, later + STANDARD.retention)
    assert service.last_event() == ("callback.requeue", "")
    assert service.callbacks.due() == (callback.guid,)
    assert service.callbacks.attempt(callback.guid).state is CallbackState.DELIVERED
    assert {attempt.message for attempt in service.sender.attempts} == {callback.guid}


def test_an_operator_drops_a_queued_one_and_it_is_never_sent(service, callback):
    root = Operator(name="root")
    failed(service, callback.guid, 500)
    dropped = service.callbacks.drop(callback.guid, by=root)
    assert (dropped.state, dropped.cause, dropped.due_at) == (CallbackState.DROPPED, None, None)
    assert dropped == service.stored(callback.guid)
    assert service.last_event() == ("callback.drop", "")
    assert (service.events[-1].actor, service.events[-1].subject) == ("root", callback.guid)
    service.clock.advance(timedelta(days=2))
    assert service.callbacks.due() == ()
    assert service.callbacks.list_dead(callback.origin, by=OPERATOR) == ()
    count = len(service.sender.attempts)
    for verb in (service.callbacks.attempt, partial(service.callbacks.requeue, by=OPERATOR)):
        with pytest.raises(WrongState):
            verb(callback.guid)
    with pytest.raises(WrongState):
        service.callbacks.drop(callback.guid, by=root)
    assert len(service.sender.attempts) == count


def test_one_that_a_worker_has_claimed_is_dropped_without_its_lease(service, callback):
    dropped_callbacks = []

    class Dropping:
        def send(self, _):
            assert service.stored(callback.guid).lease_until is not None
            dropped_callbacks.append(service.callbacks.drop(callback.guid, by=OPERATOR))
            return DeliveryOutcome(status=None)

    with pytest.raises(WrongState):
        service.but(sender=Dropping()).callbacks.attempt(callback.guid)
    (dropped_callback,) = dropped_callbacks
    assert dropped_callback.lease_until is None


def test_what_was_delivered_is_not_dropped(service, callback):
    failed(service, callback.guid, 204)
    with pytest.raises(WrongState):
        service.callbacks.drop(callback.guid, by=OPERATOR)
    assert service.last_event() == ("callback.drop", "wrong_state")


def test_a_dead_one_that_is_dropped_is_listed_no_longer_and_never_queued_again(service, callback):
    failed(service, callback.guid, 410)
    dropped = service.callbacks.drop(callback.guid, by=OPERATOR)
    assert (dropped.state, dropped.cause) == (CallbackState.DROPPED, DeadReason.GONE)
    assert dropped == service.stored(callback.guid)
    assert service.last_event() == ("callback.drop", "")
    assert service.callbacks.list_dead(callback.origin, by=OPERATOR) == ()
    gauge = GaugeKey(Gauge.DEAD_CALLBACKS, callback.app_space, callback.origin)
    assert not service.store.gauges(None).get(gauge)
    with pytest.raises(WrongState):
        service.callbacks.requeue(callback.guid, by=OPERATOR)


@pytest.mark.parametrize("status", [204, None])
def test_a_callback_that_was_dropped_during_an_attempt_stays_dropped(service, callback, status):
    """That it arrived all the same is recorded."""

    def drop(_):
        service.callbacks.drop(callback.guid, by=OPERATOR)
        return DeliveryOutcome(status=status)

    class Dropping:
        send = staticmethod(drop)

    attempt = service.but(sender=Dropping()).callbacks.attempt
    if status is None:
        with pytest.raises(WrongState):
            attempt(callback.guid)
        assert service.last_event() == ("callback.attempt", "wrong_state")
    else:
        assert attempt(callback.guid).state is CallbackState.DROPPED
        assert service.last_event() == ("callback.succeed", "dropped")
        assert service.events[-1].subject == callback.guid
    dropped = service.stored(callback.guid)
    assert (dropped.state, dropped.attempts) == (CallbackState.DROPPED, 0)


def test_the_queued_of_an_origin_are_listed_whether_due_or_not(service, alice):
    other = service.new_origin(service.app_space, "Other")
    for party in (service.origin, other, service.origin, service.origin):
        challenge = service.ask("alice", "Pay?", origin=party, callback=CALLBACK).challenge
        alice.answer(challenge)
        service.clock.advance(timedelta(seconds=1))
    mine = [one for one in service.callback_records() if one.origin == service.origin.origin.guid]
    later = failed(service, mine[0].guid, *[500] * len(DELAYS))
    failed(service, mine[1].guid, 410)
    expected = (mine[2], later)
    guid = service.origin.origin.guid
    assert later.due_at > service.clock.now() + timedelta(hours=9)
    assert service.callbacks.list_queued(guid, by=OPERATOR) == expected
    assert service.callbacks.list_queued(guid, 1, by=OPERATOR) == expected[:1]
    assert len(service.callbacks.list_queued(other.origin.guid, by=OPERATOR)) == 1


def test_the_queued_of_an_origin_are_found_behind_those_of_others(service, alice, monkeypatch):
    monkeypatch.setattr(callbacks, "LIST_LIMIT", 2)
    other = service.new_origin(service.app_space, "Other")
    for party in (*[other] * 5, service.origin):
        alice.answer(service.ask("alice", "Pay?", origin=party, callback=CALLBACK).challenge)
        service.clock.advance(timedelta(seconds=1))
    (mine,) = service.callbacks.list_queued(service.origin.origin.guid, 1, by=OPERATOR)
    assert mine.origin == service.origin.origin.guid
    assert len(service.callbacks.list_queued(other.origin.guid, 2, by=OPERATOR)) == 2
    guid = service.origin.origin.guid
    assert service.callbacks.list_queued(guid, 1, read_further=False, by=OPERATOR) == ()
    guid = other.origin.guid
    assert len(service.callbacks.list_queued(guid, 5, read_further=False, by=OPERATOR)) == 2


def test_only_an_origin_has_queued_callbacks(service, callback):
    with pytest.raises(NotFound):
        service.callbacks.list_queued(callback.guid, by=OPERATOR)
    with pytest.raises(InvalidField):
        service.callbacks.list_queued(callback.origin, 0, by=OPERATOR)


def test_only_a_dead_one_is_queued_again(service, callback):
    with pytest.raises(WrongState):
        service.callbacks.requeue(callback.guid, by=OPERATOR)
    service.callbacks.attempt(callback.guid)
    with pytest.raises(WrongState):
        service.callbacks.requeue(callback.guid, by=OPERATOR)
    assert service.last_event() == ("callback.requeue", "wrong_state")


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=29)])
def test_a_requeued_challenge_stays_as_long_as_its_callback(service, callback, age):
    challenge = service.stored(callback.challenge)
    failed(service, callback.guid, 410)
    service.clock.advance(age)
    again = service.callbacks.requeue(callback.guid, by=OPERATOR)
    revised = service.stored(callback.challenge)
    assert revised.keep_until == max(challenge.keep_until, again.keep_until)
    assert (revised.version, revised.state, revised.outcome) == (
        challenge.version + 1,
        challenge.state,
        challenge.outcome,
    )


def test_what_is_queued_again_is_delivered_after_the_store_forgot_what_it_may(service, callback):
    challenge = service.stored(callback.challenge)
    failed(service, callback.guid, 410)
    service.clock.jump(challenge.keep_until - TICK)
    service.callbacks.requeue(callback.guid, by=OPERATOR)
    service.clock.advance(2 * TICK)
    assert service.clock.now() > challenge.keep_until
    service.store.forget(service.clock.now())
    assert service.callbacks.attempt(callback.guid).state is CallbackState.DELIVERED
    (body,) = [ijson.parse(one.delivery.body) for one in service.sender.attempts[1:]]
    assert body["guid"] == callback.challenge


def test_s29_an_address_that_was_taken_off_the_list_is_not_sent_to(service, callback):
    service.administration.forbid_callback(service.origin.origin.guid, CALLBACK)
    dead = service.callbacks.attempt(callback.guid)
    assert (dead.state, dead.last_status) == (CallbackState.DEAD, None)
    assert dead.cause is DeadReason.FORBIDDEN
    assert service.sender.attempts == []
    assert service.last_event() == ("callback.fail", "forbidden")
    service.administration.allow_callback(service.origin.origin.guid, CALLBACK)
    service.callbacks.requeue(callback.guid, by=OPERATOR)
    assert service.callbacks.attempt(callback.guid).state is CallbackState.DELIVERED


def test_a_sender_may_say_that_no_attempt_will_ever_succeed(service, callback):
    service.sender.script(DeliveryOutcome(status=None, final=True))
    assert service.callbacks.attempt(callback.guid).state is CallbackState.DEAD


# Crashes, S30


def recovered(service, callback):
    """Let the lease run out and the worker come back; return the ids of all attempts."""
    service.clock.advance(LEASE)
    service.deliver()
    assert service.stored(callback.guid).state is CallbackState.DELIVERED
    assert service.deliver() == ()
    assert [one.guid for one in service.callback_records()] == [callback.guid]
    return [attempt.message for attempt in service.sender.attempts]


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
def test_s30_a_crash_at_the_answers_commit_loses_neither_answer_nor_callback(service, alice, after):
    challenge = service.ask("alice", "Pay?", callback=CALLBACK).challenge
    token = service.signed(alice, challenge)
    faults = Faults()
    faults.crash("store.commit", after=after)
    with pytest.raises(Crash):
        service.but(store=faulty(service.store, "store", faults)).send(alice, token)
    assert len(service.callback_records()) == service.stored(challenge.guid).approved == after
    assert service.send(alice, token).approved
    (callback,) = service.callback_records()
    assert recovered(service, callback) == [callback.guid]


@pytest.mark.parametrize(
    ("crash", "deliveries"),
    [
        ({"at": "store.commit"}, 1),
        ({"at": "store.commit", "after": True}, 1),
        ({"at": "sender.send"}, 1),
        ({"at": "sender.send", "after": True}, 2),
        ({"at": "store.commit", "skip": 1}, 2),
        ({"at": "store.commit", "skip": 1, "after": True}, 1),
    ],
    ids=[
        "before the claim",
        "after the claim",
        "before the sending",
        "after the sending",
        "before the record",
        "after the record",
    ],
)
def test_s30_a_crash_at_any_point_of_an_attempt_repeats_it_under_the_same_id(
    service, callback, crash, deliveries
):
    faults = Faults()
    faults.crash(**crash)
    dying = service.but(
        store=faulty(service.store, "store", faults),
        sender=faulty(service.sender, "sender", faults),
    )
    with pytest.raises(Crash):
        dying.callbacks.attempt(callback.guid)
    assert recovered(service, callback) == [callback.guid] * deliveries


def test_s30_a_sender_that_cannot_attempt_leaves_it_due_after_the_lease(service, callback):
    service.sender.script(SenderUnavailable())
    with pytest.raises(SenderUnavailable):
        service.callbacks.attempt(callback.guid)
    assert service.callbacks.due() == ()
    assert recovered(service, callback) == [callback.guid] * 2


@pytest.mark.parametrize(
    ("call", "outage"),
    [
        ("sender.send", SenderUnavailable()),
        ("sealer.open", SealBroken()),
        ("sender.send", Crash()),
    ],
    ids=["no sender", "no sealer", "crashes"],
)
def test_an_outage_of_our_own_uses_up_no_attempts(service, callback, call, outage):
    service.credentials.issue_webhook_key(service.origin.origin.guid)
    faults = Faults()
    often = len(DELAYS) + 2
    faults.add(Fault(effect=raising(outage), at=call, times=often))
    broken = service.but(
        sender=faulty(service.sender, "sender", faults),
        sealer=faulty(service.ports.sealer, "sealer", faults),
    )
    for _ in range(often):
        with pytest.raises(type(outage)):
            broken.callbacks.attempt(callback.guid)
        service.clock.advance(LEASE)
    stored = service.stored(callback.guid)
    assert (stored.state, stored.attempts) == (CallbackState.QUEUED, 0)
    attempted = failed(service, callback.guid, *[500] * len(DELAYS))
    assert (attempted.state, attempted.attempts) == (CallbackState.QUEUED, len(DELAYS))
    assert failed(service, callback.guid, 500).state is CallbackState.DEAD


@pytest.mark.parametrize("call", ["store.get", "sealer.open"])
def test_s30_a_port_that_fails_between_claim_and_sending_sends_nothing(service, callback, call):
    service.credentials.issue_webhook_key(service.origin.origin.guid)
    faults = Faults()
    error = SealBroken() if call == "sealer.open" else StoreUnavailable()
    faults.fail(call, error, skip=1 if call == "store.get" else 0)
    broken = service.but(
        store=faulty(service.store, "store", faults),
        sealer=faulty(service.ports.sealer, "sealer", faults),
    )
    with pytest.raises(type(error)):
        broken.callbacks.attempt(callback.guid)
    assert service.sender.attempts == []
    assert recovered(service, callback) == [callback.guid]


@pytest.mark.parametrize("missing", ["challenge", "origin", "account"])
def test_a_callback_whose_challenge_is_forgotten_is_dead_and_not_due_again(
    service, callback, missing
):
    service.store._records.pop(getattr(callback, missing))
    dead = service.callbacks.attempt(callback.guid)
    assert (dead.state, dead.cause) == (CallbackState.DEAD, DeadReason.FORGOTTEN)
    assert service.sender.attempts == []
    assert service.last_event() == ("callback.fail", "forgotten")
    service.clock.advance(timedelta(days=1))
    assert service.callbacks.due() == ()


def test_what_was_forgotten_is_not_queued_again(service, callback):
    service.store._records.pop(callback.challenge)
    dead = service.callbacks.attempt(callback.guid)
    with pytest.raises(NotFound):
        service.callbacks.requeue(callback.guid, by=OPERATOR)
    assert service.stored(callback.guid) == dead


@pytest.mark.alone
def test_a_dead_callback_says_why_and_one_that_is_queued_again_does_not(service, callback):
    assert service.callbacks.get(callback.guid, by=OPERATOR) == callback
    assert callback.cause is None
    dead = failed(service, callback.guid, 410)
    assert service.last_event() == ("callback.fail", "gone")
    assert service.callbacks.get(callback.guid, by=OPERATOR) == dead
    assert dead.cause is DeadReason.GONE
    assert service.callbacks.requeue(callback.guid, by=OPERATOR).cause is None
    service.sender.script(DeliveryOutcome(status=None, final=True))
    assert service.callbacks.attempt(callback.guid).cause is DeadReason.FINAL
    service.callbacks.requeue(callback.guid, by=OPERATOR)
    assert failed(service, callback.guid, *[500] * len(DELAYS)).cause is None
    assert failed(service, callback.guid, 500).cause is DeadReason.EXHAUSTED
    service.callbacks.requeue(callback.guid, by=OPERATOR)
    delivered = service.callbacks.attempt(callback.guid)
    assert (delivered.state, delivered.cause) == (CallbackState.DELIVERED, None)


def test_the_dead_of_an_origin_are_listed_oldest_first_until_they_are_queued_again(service, alice):
    origin = service.origin.origin.guid
    bob = service.bind("bob")
    for device, name in ((alice, "alice"), (bob, "bob"), (alice, "alice")):
        device.answer(service.ask(name, "Pay?", callback=CALLBACK).challenge)
        service.clock.advance(timedelta(minutes=1))
    first, second, third = sorted(service.callback_records(), key=lambda one: one.created_at)
    assert service.callbacks.list_dead(origin, by=OPERATOR) == ()
    dead = [failed(service, one.guid, 410) for one in (third, first)]
    failed(service, second.guid, 500)
    assert service.callbacks.list_dead(origin, by=OPERATOR) == (dead[1], dead[0])
    assert {one.cause for one in service.callbacks.list_dead(origin, by=OPERATOR)} == {
        DeadReason.GONE
    }
    assert service.callbacks.list_dead(origin, 1, by=OPERATOR) == (dead[1],)
    assert service.callbacks.list_dead(origin, limit=2, by=OPERATOR) == (dead[1], dead[0])
    service.callbacks.requeue(first.guid, by=OPERATOR)
    assert service.callbacks.list_dead(origin, 1, by=OPERATOR) == (dead[0],)
    assert failed(service, second.guid, 410) in service.callbacks.list_dead(origin, by=OPERATOR)


def test_the_dead_are_found_by_age_however_many_are_older(service, alice, monkeypatch):
    monkeypatch.setattr(decisions, "LIST_LIMIT", 2)
    dead = []
    for _ in range(5):
        alice.answer(service.ask("alice", "Pay?", callback=CALLBACK).challenge)
        (guid,) = service.callbacks.due()
        dead.append(failed(service, guid, 410))
        service.clock.advance(timedelta(minutes=1))
    origin = service.origin.origin.guid

    def listed(limit, since):
        return list(service.callbacks.list_dead(origin, limit, since=since, by=OPERATOR))

    assert listed(100, dead[0].created_at) == dead
    assert listed(100, dead[3].created_at) == dead[3:]
    assert listed(1, dead[3].created_at) == dead[3:4]
    assert listed(100, dead[4].created_at + TICK) == []


def test_the_dead_of_another_origin_are_its_own(service, callback):
    other = service.new_origin(service.app_space, "Other")
    failed(service, callback.guid, 410)
    assert service.callbacks.list_dead(other.origin.guid, by=OPERATOR) == ()


@pytest.mark.alone
def test_the_dead_of_all_origins_are_those_that_the_administrator_reaches(service, callback):
    beside = service.new_app_space("Beside")
    origins = {
        service.app_space.guid: service.new_origin(service.app_space, "Other"),
        beside.guid: service.new_origin(beside, "Beside's shop"),
    }
    dead = [failed(service, callback.guid, 410)]
    for origin in origins.values():
        service.clock.advance(timedelta(minutes=1))
        phone = service.bind("bob", origin=origin)
        phone.answer(service.ask("bob", "Pay?", origin=origin, callback=CALLBACK).challenge)
        (guid,) = service.callbacks.due()
        dead.append(failed(service, guid, 410))
    space = service.app_space.guid
    created = service.credentials.create_admin("Sam", role=AdminRole.APP_SPACE, app_space=space)
    support = service.stored(created.guid)

    def listed(limit=100, by=OPERATOR, **arguments):
        return list(service.callbacks.list_all_dead(limit, by=by, **arguments))

    assert listed() == dead
    assert listed(2) == dead[:2]
    assert listed(since=dead[1].created_at) == dead[1:]
    assert listed(app_space=space) == listed(by=support) == dead[:2]
    assert listed(app_space=beside.guid) == dead[2:]
    with pytest.raises(Foreign):
        listed(by=support, app_space=beside.guid)
    for guid in (dead[0].guid, mint(0, bytes(15))):
        with pytest.raises(NotFound):
            listed(app_space=guid)
    assert service.last_event() == ("callback.dead", "not_found")
    for each in dead:
        service.callbacks.requeue(each.guid, by=OPERATOR)
    assert listed() == []


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["nothing", "callback", "space"])
def test_only_an_origin_has_dead_callbacks(service, callback, kind):
    failed(service, callback.guid, 410)
    guid = {
        "nothing": mint(0, bytes(15)),
        "callback": callback.guid,
        "space": service.app_space.guid,
    }[kind]
    with pytest.raises(NotFound):
        service.callbacks.list_dead(guid, by=OPERATOR)
    assert service.last_event() == ("callback.dead", "not_found")
    assert (service.events[-1].actor, service.events[-1].subject) == ("staff", guid)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_that_nobody_may_ask_for_is_refused_before_anything_is_read(service, limit):
    faults = Faults()
    broken = service.but(store=faulty(service.store, "store", faults))
    with pytest.raises(InvalidField):
        broken.callbacks.list_dead(service.origin.origin.guid, limit, by=OPERATOR)
    with pytest.raises(InvalidField):
        broken.callbacks.list_all_dead(limit, by=OPERATOR)
    assert faults.calls == []


@pytest.mark.parametrize("state", FINISHED)
def test_an_origin_chooses_which_endings_send_a_callback(service, alice, state):
    guid = service.origin.origin.guid
    service.administration.edit_origin(guid, callback_states=set(FINISHED) - {state})
    party = service.renewed(service.origin)
    issued = service.ask("alice", "Pay?", origin=party, callback=CALLBACK, show_code=True)
    service.clock.advance(timedelta(seconds=1))
    other = service.ask("alice", "Pay?", origin=party, callback=CALLBACK, show_code=True)
    # What is issued already keeps what was set then.
    service.administration.edit_origin(guid, callback_states=FINISHED)
    _end(service, alice, issued, state)
    assert service.stored(issued.challenge.guid).state is state
    assert service.callback_records() == []
    _end(service, alice, other, FINISHED[FINISHED.index(state) - 1])
    assert [one.challenge for one in service.callback_records()] == [other.challenge.guid]


@pytest.mark.parametrize("state", FINISHED)
def test_cx_clients_are_called_when_the_user_has_processed_the_request(service, alice, state):
    guid = service.origin.origin.guid
    service.administration.edit_origin(guid, clients=Clients.CX, codes=Codes.TYPED)
    party = service.renewed(service.origin)
    issued = service.ask("alice", "Pay?", origin=party, callback=CALLBACK, show_code=True)
    _end(service, alice, issued, state)
    assert service.stored(issued.challenge.guid).state is state
    processed = state in {ChallengeState.ANSWERED, ChallengeState.DISOWNED}
    assert len(service.callback_records()) == processed


def test_cx_clients_are_not_called_for_a_question_that_a_newer_one_replaces(new_service):
    service = new_service(policy=STRICT)
    service.bind("alice")
    service.administration.edit_origin(service.origin.origin.guid, clients=Clients.CX)
    party = service.renewed(service.origin)
    first = service.ask("alice", "Pay?", origin=party, callback=CALLBACK).challenge
    service.ask("alice", "Pay?", origin=party, callback=CALLBACK)
    assert service.stored(first.guid).state is ChallengeState.CANCELLED
    assert service.callback_records() == []


def _end(service, alice, issued, state):
    challenge = issued.challenge
    if state is ChallengeState.ANSWERED:
        alice.answer(challenge, code=issued.code)
    elif state is ChallengeState.DISOWNED:
        alice.disown(challenge)
    elif state is ChallengeState.CANCELLED:
        service.challenges.cancel(service.origin, challenge.guid)
    elif state is ChallengeState.FAILED:
        for _ in range(STANDARD.code_limit):
            with pytest.raises(CountersealError):
                alice.answer(challenge, code="not it")
    else:
        service.clock.jump(challenge.deadline)
        service.challenges.expire(limit=1)


# Signatures, S25


def signatures(attempt):
    return dict(attempt.delivery.headers).get("webhook-signature", "").split()


def mac(secret, attempt):
    """What the receivers' own library would have signed."""
    headers = dict(attempt.delivery.headers)
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    return Webhook(secret).sign(headers["webhook-id"], at, attempt.delivery.body.decode())


def test_s25_without_a_secret_there_is_no_signature(service, callback):
    service.callbacks.attempt(callback.guid)
    assert signatures(service.sender.attempts[0]) == []


def test_s25_ids_stay_and_timestamps_move(service, callback):
    failed(service, callback.guid, 500, 500)
    headers = [dict(attempt.delivery.headers) for attempt in service.sender.attempts]
    assert {header["webhook-id"] for header in headers} == {callback.guid}
    times = [int(header["webhook-timestamp"]) for header in headers]
    assert times[0] == int(callback.created_at.timestamp())
    assert times[1] > times[0]


def test_s25_two_secrets_sign_during_a_rotation_and_one_after_it(service, callback):
    origin = service.origin.origin.guid
    old = service.credentials.issue_webhook_key(origin)
    failed(service, callback.guid, 500)
    new = service.credentials.issue_webhook_key(origin, overlap=timedelta(minutes=1))
    failed(service, callback.guid, 500)
    service.clock.advance(timedelta(minutes=1))
    failed(service, callback.guid, 500)
    first, second, third = service.sender.attempts
    assert signatures(first) == [mac(old, first)]
    assert signatures(second) == [mac(new, second), mac(old, second)]
    assert signatures(third) == [mac(new, third)]


def test_s25_a_secret_without_overlap_replaces_the_old_one_at_once(service, callback):
    origin = service.origin.origin.guid
    service.credentials.issue_webhook_key(origin)
    new = service.credentials.issue_webhook_key(origin)
    service.callbacks.attempt(callback.guid)
    (attempt,) = service.sender.attempts
    assert signatures(attempt) == [mac(new, attempt)]


def test_what_is_sent_is_sent_between_two_transactions(service, callback, monkeypatch):
    running, urls = [], []
    transact = Transactions.transact

    def counted(self, *args):
        running.append(self)
        try:
            return transact(self, *args)
        finally:
            running.pop()

    class ObservingSender:
        def send(self, delivery):
            urls.append(list(running))
            return DeliveryOutcome(status=204)

    monkeypatch.setattr(Transactions, "transact", counted)
    service.but(sender=ObservingSender()).callbacks.attempt(callback.guid)
    assert urls == [[]]


def test_an_arrival_after_the_drop_is_recorded_under_a_guard(service, callback, monkeypatch):
    """Nothing is written, and an event is recorded in a commit only."""
    record = callbacks.callbacks.record_attempt

    async def unguarded(*args):
        decision = await record(*args)
        if decision.writes:
            return decision  # on the record as claimed: it was dropped since, so it is read again
        # One guard, of this record: else the plant would leave out more than is its point.
        assert [guard.guid for guard in decision.guards] == [callback.guid]
        return attrs.evolve(decision, guards=())

    class Dropping:
        def send(self, delivery):
            service.callbacks.drop(callback.guid, by=OPERATOR)
            return DeliveryOutcome(status=204)

    monkeypatch.setattr(callbacks.callbacks, "record_attempt", unguarded)
    with pytest.raises(WrongRecord):
        service.but(sender=Dropping()).callbacks.attempt(callback.guid)


# Traces


def test_a_callback_is_sent_with_the_trace_of_the_request_that_led_to_it(service, alice):
    context = TraceContext(parent=f"00-{'a' * 32}-{'b' * 16}-01", state="vendor=1")
    challenge = service.ask("alice", "Pay?", callback=CALLBACK).challenge
    token = TRACE.set(context)
    try:
        alice.answer(challenge)
    finally:
        TRACE.reset(token)
    (callback,) = service.callback_records()
    assert callback.trace == context

    secret = service.credentials.issue_webhook_key(service.origin.origin.guid)
    failed(service, callback.guid, 500)
    service.clock.jump(service.stored(callback.guid).due_at)
    service.deliver()

    first, second = service.sender.attempts
    for attempt in (first, second):
        assert attempt.delivery.headers[-2:] == context.headers()
        # The signature covers id, time and body, and the receiver reads past other headers.
        assert signatures(attempt) == [mac(secret, attempt)]
        verified = verify_webhook(
            attempt.delivery.headers,
            attempt.delivery.body,
            [read_secret_text(secret)],
            now=service.clock.now(),
        )
        assert verified.id == callback.guid


def test_without_a_trace_no_header_is_sent(service, alice):
    alice.answer(service.ask("alice", "Pay?", callback=CALLBACK).challenge)
    service.deliver()

    (attempt,) = service.sender.attempts
    assert {name for name, _ in attempt.delivery.headers} <= {
        "content-type",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
    (callback,) = service.callback_records()
    assert callback.trace is None
