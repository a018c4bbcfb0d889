"""Events: committed with what happened, numbered after it, delivered in order, and read again."""

import json
from datetime import timedelta
from itertools import pairwise

import attrs
import pytest

from counterseal import STANDARD
from counterseal.accounts.decisions.account_events import NewAccountEvent, build_account_events
from counterseal.errors import (
    CallbackForbidden,
    CallbackUncallable,
    InvalidField,
    NotFound,
    StoreUnavailable,
    StrongKeyMissed,
    WrongCode,
    WrongState,
)
from counterseal.events.documents import read_cursor, write_cursor
from counterseal.models import (
    OPERATOR,
    AccountEvent,
    AccountEventKind,
    AccountEventState,
    Callback,
    CallbackState,
    Clients,
    DeadReason,
    LoggedEvent,
    Scheme,
)
from counterseal.models.events import event_log_guid, logged_event_guid
from counterseal.models.guid import partition_of
from counterseal.outbox.documents import read_secret_text, verify_webhook
from counterseal.wire.members import write_record
from counterseal_testing.faults import Crash, Faults, faulty
from counterseal_testing.service import CALLBACK

K = AccountEventKind
RETENTION = STANDARD.events_retention


def records_of(service, kind):
    return sorted(
        (one for one in service.records().values() if isinstance(one, kind)),
        key=lambda one: getattr(one, "number", 0),
    )


def happened(service):
    """The kinds of all events that were committed, by account and number."""
    events = records_of(service, AccountEvent)
    return [event.kind for event in sorted(events, key=lambda one: (one.account, one.number))]


def listen(service, party, **members):
    """Let an origin with a credential and a secret get events at `CALLBACK`."""
    service.credentials.issue(party.origin.guid, Scheme.BASIC)
    secret = service.credentials.issue_webhook_key(party.origin.guid)
    service.administration.edit_origin(party.origin.guid, events_url=CALLBACK, **members)
    return secret


def event_callbacks(service):
    return [one for one in service.callback_records() if one.event is not None]


def deliver_all(service):
    while due := service.callbacks.due():
        for guid in due:
            service.callbacks.attempt(guid)


def deliveries(service):
    """What was sent of events: the id and the body of each attempt, in order."""
    return [
        (attempt.message, json.loads(attempt.delivery.body))
        for attempt in service.sender.attempts
        if "sequence" in json.loads(attempt.delivery.body)
    ]


def read_all(service, party, after=None, limit=100):
    page = service.account_events.read(party, after=after, limit=limit)
    events = list(page.events)
    while page.more:
        page = service.account_events.read(party, after=page.next, limit=limit)
        events += page.events
    return events, page.next


# What is committed


def test_each_change_of_standing_is_committed_with_one_event(service):
    first = service.bind("alice")
    second = service.bind("alice")
    account = service.accounts.get(service.origin, "alice").guid
    service.devices.suspend(second.guid, by=OPERATOR)
    service.devices.resume(second.guid, by=OPERATOR)
    service.accounts.lock(account, by=OPERATOR)
    service.accounts.lock(account, by=OPERATOR)
    service.accounts.unlock(account, by=OPERATOR)
    service.accounts.unlock(account, by=OPERATOR)
    challenge = service.ask("alice", "Pay?").challenge
    first.disown(challenge)
    service.devices.revoke(second.guid, by=OPERATOR)
    service.accounts.erase(account, by=OPERATOR)

    events = records_of(service, AccountEvent)
    assert [(one.number, one.kind, one.device, one.challenge) for one in events] == [
        (1, K.BOUND, first.guid, None),
        (2, K.DEVICE_ADDED, second.guid, None),
        (3, K.SUSPENDED, second.guid, None),
        (4, K.RESUMED, second.guid, None),
        (5, K.LOCKED, None, None),
        (6, K.UNLOCKED, None, None),
        (7, K.DISOWNED, first.guid, challenge.guid),
        (8, K.REVOKED, second.guid, None),
        (9, K.ERASED, None, None),
    ]
    assert {partition_of(one.guid) for one in events} == {partition_of(account)}
    assert service.stored(account).events == 9


def test_asking_answering_and_inviting_commit_none(service):
    alice = service.bind("alice")
    before = happened(service)

    alice.answer(service.ask("alice", "Pay?").challenge)
    alice.answer(service.ask("alice", "Pay?").challenge, 1)
    invitation = service.invitations.invite(service.origin, "alice")
    service.devices.revoke(invitation.binding, by=OPERATOR)

    assert happened(service) == before


def test_a_strike_is_one_and_the_last_one_is_followed_by_the_revocation(service):
    alice = service.bind("alice")
    for _ in range(STANDARD.strike_limit):
        challenge = service.ask("alice", "Pay?").challenge
        with pytest.raises(StrongKeyMissed):
            attrs.evolve(alice, pin="0000").answer(challenge)
        service.challenges.cancel(service.origin, challenge.guid)

    assert happened(service) == [K.BOUND, *[K.STRIKE] * STANDARD.strike_limit, K.REVOKED]


def test_wrong_codes_that_lock_the_account_are_one(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, code_limit_account=1))
    alice = service.bind("alice")
    issued = service.ask("alice", "Pay?", show_code=True)
    with pytest.raises(WrongCode):
        alice.answer(issued.challenge, code="00" if issued.code != "00" else "11")

    assert happened(service) == [K.BOUND, K.LOCKED]


def test_revoking_an_account_tells_of_each_bound_device_and_of_no_invitation(service):
    first, second = service.bind("alice"), service.bind("alice")
    service.invitations.invite(service.origin, "alice")
    service.accounts.revoke(service.origin, "alice")

    events = records_of(service, AccountEvent)[2:]
    assert [one.kind for one in events] == [K.REVOKED, K.REVOKED]
    assert {one.device for one in events} == {first.guid, second.guid}


def test_nothing_that_happened_writes_nothing(service):
    service.bind("alice")
    account = service.accounts.get(service.origin, "alice")

    assert build_account_events(None, account) == (account, ())


# Publishing


@pytest.mark.alone
def test_an_event_gets_the_next_number_of_its_app_space_and_goes_to_its_origins(service):
    secret = listen(service, service.origin)
    other = service.new_origin(service.app_space, "Other")
    listen(service, other, events=[K.LOCKED])
    silent = service.new_origin(service.app_space, "Silent")
    elsewhere = service.new_origin(service.new_app_space("Elsewhere"), "Elsewhere")
    listen(service, elsewhere)
    service.bind("alice")
    account = service.accounts.get(service.origin, "alice").guid
    service.accounts.lock(account, by=OPERATOR)

    assert service.account_events.publish_due() == 2
    assert service.account_events.publish_due() == 0
    entries = records_of(service, LoggedEvent)
    assert [(one.number, one.sequence, one.kind) for one in entries] == [
        (1, 1, K.BOUND),
        (2, 2, K.LOCKED),
    ]
    deliver_all(service)
    callbacks = event_callbacks(service)
    own, others = service.origin.origin.guid, other.origin.guid
    assert sorted(one.origin for one in callbacks) == sorted([own, own, others])
    assert {one.state for one in callbacks} == {CallbackState.DELIVERED}
    assert silent.origin.guid not in {own, others}
    first = next(one for one in service.sender.attempts if b'"bound"' in one.delivery.body)
    verify_webhook(
        first.delivery.headers,
        first.delivery.body,
        [read_secret_text(secret)],
        now=service.clock.now(),
    )
    assert json.loads(first.delivery.body) == {
        "type": "bound",
        "guid": entries[0].event,
        "at": "2030-01-01T00:00:00.000Z",
        "sequence": 1,
        "privakeyId": account,
        "accountId": "alice",
        "appSpaceGuid": service.app_space.guid,
        "deviceGuid": entries[0].device,
        "requestGuid": None,
    }
    assert first.message == entries[0].event


@pytest.mark.parametrize(
    "crash",
    [
        {"at": "store.commit"},
        {"at": "store.commit", "after": True},
        {"at": "store.commit", "skip": 1},
        {"at": "store.commit", "skip": 1, "after": True},
    ],
    ids=["before it is logged", "after it is logged", "before it is marked", "after it is marked"],
)
def test_s30_a_crash_while_an_event_is_published_neither_loses_nor_repeats_it(service, crash):
    listen(service, service.origin)
    service.bind("alice")
    (event,) = records_of(service, AccountEvent)
    faults = Faults()
    faults.crash(**crash)
    with pytest.raises(Crash):
        service.but(store=faulty(service.store, "store", faults)).account_events.publish_due()

    service.account_events.publish_due()
    deliver_all(service)

    assert [one.event for one in records_of(service, LoggedEvent)] == [event.guid]
    assert [message for message, _ in deliveries(service)] == [event.guid]
    assert service.stored(event.guid).state is AccountEventState.PUBLISHED


def test_two_workers_that_publish_one_event_append_it_once(service):
    service.bind("alice")
    (event,) = records_of(service, AccountEvent)
    other = service.meanwhile(service.account_events.publish_due)

    with pytest.raises(WrongState):
        other.account_events.publish(event.guid)
    assert len(records_of(service, LoggedEvent)) == 1
    # Losing that race is expected, and not audited.
    assert "wrong_state" not in {entry.reason for entry in service.events}


def test_the_commit_that_was_stamped_earlier_and_finished_last_is_not_missed(service):
    """The number is given after the commit: by time it would be behind what was read already."""
    service.bind("early")
    service.bind("late")
    service.account_events.publish_due()
    first_events, cursor = read_all(service, service.origin)
    early, late = (service.accounts.get(service.origin, name).guid for name in ("early", "late"))

    def overtake() -> None:
        # Another process, whose commit is later by the clock and applied before.
        service.clock.advance(timedelta(seconds=5))
        service.accounts.lock(late, by=OPERATOR)
        service.account_events.publish_due()
        events, overtake.cursor = read_all(service, service.origin, cursor)
        overtake.events = events

    service.meanwhile(overtake).accounts.lock(early, by=OPERATOR)
    service.account_events.publish_due()
    events, _ = read_all(service, service.origin, overtake.cursor)

    assert len(first_events) == 2
    assert [one.account for one in overtake.events] == [late]
    assert [one.account for one in events] == [early]
    assert events[0].happened_at < overtake.events[-1].happened_at


def test_an_account_s_events_are_published_in_its_order_whatever_is_due_first(service):
    service.bind("alice")
    account = service.accounts.get(service.origin, "alice").guid
    service.accounts.lock(account, by=OPERATOR)
    service.accounts.unlock(account, by=OPERATOR)
    *_, last = records_of(service, AccountEvent)

    service.account_events.publish(last.guid)

    assert [one.sequence for one in records_of(service, LoggedEvent)] == [1, 2, 3]


def test_an_earlier_event_that_was_forgotten_delays_nothing(service):
    service.bind("alice")
    account = service.accounts.get(service.origin, "alice").guid
    service.accounts.lock(account, by=OPERATOR)
    first, second = records_of(service, AccountEvent)
    service.ports.store._records.pop(first.guid)

    service.account_events.publish(second.guid)

    assert [one.sequence for one in records_of(service, LoggedEvent)] == [2]


@pytest.mark.alone
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_an_event_that_fails_delays_those_of_its_app_space_only(service, limit):
    elsewhere = service.new_origin(service.new_app_space("Elsewhere"), "Elsewhere")
    for user in ("alice", "carol", "dave", "erin"):
        service.bind(user)
        service.clock.advance(timedelta(seconds=1))
    service.bind("bob", origin=elsewhere)
    log = event_log_guid(service.app_space.guid)
    store = service.ports.store

    class Failing:
        def __getattr__(self, name):
            return getattr(store, name)

        def get(self, *guids):
            if log in guids:
                raise StoreUnavailable
            return store.get(*guids)

    with pytest.raises(StoreUnavailable):
        service.but(store=Failing()).account_events.publish_due(limit)

    assert [one.app_space for one in records_of(service, LoggedEvent)] == [elsewhere.app_space.guid]


def test_an_event_that_is_not_there_is_not_found(service):
    with pytest.raises(NotFound):
        service.account_events.publish(service.origin.origin.guid)


# The order of deliveries


def ordered(service):
    """Bind alice and bob, lock alice twice over, and publish it all."""
    listen(service, service.origin)
    for name in ("alice", "bob"):
        service.bind(name)
    account = service.accounts.get(service.origin, "alice").guid
    service.accounts.lock(account, by=OPERATOR)
    service.accounts.unlock(account, by=OPERATOR)
    service.account_events.publish_due()
    return [one for one in event_callbacks(service) if one.account == account]


def by_sequence(service, account):
    entries = {one.guid: one for one in records_of(service, LoggedEvent)}
    mine = [one for one in event_callbacks(service) if one.account == account]
    return sorted(mine, key=lambda one: entries[one.event].sequence)


def test_a_later_event_waits_until_the_earlier_is_delivered_and_others_do_not(service):
    (callback, *_) = ordered(service)
    first, second, third = by_sequence(service, callback.account)
    due = set(service.callbacks.due())
    assert first.guid in due
    assert not {second.guid, third.guid} & due
    assert len(due) == 2  # and bob's
    assert (second.waits_for, third.waits_for) == (first.guid, second.guid)

    service.sender.script(500)
    service.callbacks.attempt(first.guid)
    assert not {second.guid, third.guid} & set(service.callbacks.due())

    service.clock.advance(timedelta(days=1))
    deliver_all(service)
    bodies = [body for _, body in deliveries(service) if body["privakeyId"] == callback.account]
    assert [body["sequence"] for body in bodies] == [1, 1, 2, 3]
    ids = [
        message for message, body in deliveries(service) if body["privakeyId"] == callback.account
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("end", ["dead", "dropped"])
def test_a_later_event_is_sent_once_the_earlier_is_dead_or_dropped(service, end):
    (callback, *_) = ordered(service)
    first, second, third = by_sequence(service, callback.account)
    if end == "dead":
        service.sender.script(410)
        service.callbacks.attempt(first.guid)
    else:
        service.callbacks.drop(first.guid, by=OPERATOR)

    assert second.guid in service.callbacks.due()
    assert third.guid not in service.callbacks.due()
    assert service.stored(second.guid).waits_for is None


def test_an_event_whose_earlier_one_is_over_does_not_wait(service):
    (callback, *_) = ordered(service)
    deliver_all(service)
    service.accounts.lock(callback.account, by=OPERATOR)
    service.account_events.publish_due()

    *_, last = by_sequence(service, callback.account)
    assert last.waits_for is None
    assert last.guid in service.callbacks.due()


def test_a_dead_event_that_is_queued_again_stands_before_what_is_not_sent_yet(service):
    (callback, *_) = ordered(service)
    first, second, third = by_sequence(service, callback.account)
    service.sender.script(410)
    service.callbacks.attempt(first.guid)
    service.callbacks.requeue(first.guid, by=OPERATOR)
    deliver_all(service)

    states = {service.stored(one.guid).state for one in (first, second, third)}
    assert states == {CallbackState.DELIVERED}


def test_an_event_that_waits_for_too_long_is_dead_and_ends_the_waiting_of_the_next(service):
    (callback, *_) = ordered(service)
    first, second, third = by_sequence(service, callback.account)
    service.clock.advance(RETENTION)
    assert set(service.callbacks.due()) >= {first.guid, second.guid, third.guid}
    for one in (first, second, third):
        dead = service.callbacks.attempt(one.guid)
        assert (dead.state, dead.cause) == (CallbackState.DEAD, DeadReason.FORGOTTEN)
    assert deliveries(service) == []
    with pytest.raises(NotFound):
        service.callbacks.requeue(first.guid, by=OPERATOR)


# What an origin may be sent


@pytest.mark.parametrize("reason", ["entry", "kind", "credential"])
def test_an_origin_that_may_not_be_sent_it_any_more_is_not(service, reason):
    listen(service, service.origin)
    service.bind("alice")
    service.account_events.publish_due()
    (callback,) = event_callbacks(service)
    guid = service.origin.origin.guid
    if reason == "entry":
        service.administration.forbid_callback(guid, CALLBACK)
    elif reason == "kind":
        service.administration.edit_origin(guid, events=[])
    else:
        service.credentials.revoke(guid)

    dead = service.callbacks.attempt(callback.guid)

    assert (dead.state, dead.cause) == (CallbackState.DEAD, DeadReason.FORBIDDEN)
    assert deliveries(service) == []


def test_a_revoked_origin_gets_no_events_from_then_on(service):
    listen(service, service.origin)
    service.credentials.revoke(service.origin.origin.guid)
    service.bind("alice")
    service.account_events.publish_due()

    assert event_callbacks(service) == []


def test_origins_for_cx_clients_hear_nothing_unless_it_is_set(service):
    guid = service.origin.origin.guid
    listen(service, service.origin, clients=Clients.CX)
    assert service.stored(guid).event_kinds == ()
    service.bind("alice")
    service.account_events.publish_due()
    assert event_callbacks(service) == []

    service.administration.edit_origin(guid, events=[K.LOCKED, K.BOUND])
    assert service.stored(guid).events == (K.BOUND, K.LOCKED)
    service.bind("bob")
    service.account_events.publish_due()
    assert len(event_callbacks(service)) == 1

    service.administration.edit_origin(guid, name="Renamed")
    assert service.stored(guid).events == (K.BOUND, K.LOCKED)
    service.administration.edit_origin(guid, events="")
    assert (service.stored(guid).events, service.stored(guid).event_kinds) == (None, ())
    service.administration.edit_origin(guid, clients=Clients.CURRENT)
    assert service.stored(guid).event_kinds == tuple(K)


def test_the_address_for_events_has_to_be_on_the_allow_list_and_callable(service):
    guid = service.origin.origin.guid
    with pytest.raises(CallbackForbidden):
        service.administration.edit_origin(guid, events_url="https://other.example/events")
    service.sender.uncallable[CALLBACK] = "port"
    with pytest.raises(CallbackUncallable):
        service.administration.edit_origin(guid, events_url=CALLBACK)
    del service.sender.uncallable[CALLBACK]
    service.administration.edit_origin(guid, events_url=CALLBACK)
    assert service.stored(guid).events_url == CALLBACK
    service.administration.edit_origin(guid, events_url="")
    assert service.stored(guid).events_url is None


def test_after_an_erase_no_event_says_whose_it_was(service):
    listen(service, service.origin)
    service.bind("alice")
    account = service.accounts.get(service.origin, "alice").guid
    service.account_events.publish_due()
    service.accounts.erase(account, by=OPERATOR)
    service.account_events.publish_due()
    deliver_all(service)

    bodies = [body for _, body in deliveries(service)]
    assert [(body["type"], body["accountId"]) for body in bodies] == [
        ("bound", None),
        ("erased", None),
    ]
    events, _ = read_all(service, service.origin)
    assert {event.account_id for event in events} == {None}
    kinds = (AccountEvent, LoggedEvent, Callback)
    stored = [one for one in service.records().values() if isinstance(one, kinds)]
    assert "alice" not in repr([attrs.astuple(one) for one in stored])


# Reading again


def test_an_origin_that_was_away_catches_up_page_by_page(service):
    party = service.origin
    service.bind("alice")
    service.account_events.publish_due()
    events, cursor = read_all(service, party)
    assert [event.kind for event in events] == [K.BOUND]

    account = events[0].account
    for _ in range(6):
        service.clock.advance(timedelta(hours=2))
        service.accounts.lock(account, by=OPERATOR)
        service.accounts.unlock(account, by=OPERATOR)
        service.account_events.publish_due()
    page = service.account_events.read(party, after=cursor, limit=5)
    assert (len(page.events), page.more, page.gap) == (5, True, False)
    events, cursor = read_all(service, party, cursor, limit=5)
    assert [event.sequence for event in events] == list(range(2, 14))

    page = service.account_events.read(party, after=cursor)
    assert (page.events, page.more, page.gap, page.next) == ((), False, False, cursor)


def test_an_origin_reads_what_it_wants_only_and_moves_on_past_the_rest(service):
    service.administration.edit_origin(service.origin.origin.guid, events=[K.UNLOCKED])
    party = service.administration.relying_party(service.origin.origin.guid)
    service.bind("alice")
    account = service.accounts.get(party, "alice").guid
    service.accounts.lock(account, by=OPERATOR)
    service.accounts.unlock(account, by=OPERATOR)
    service.account_events.publish_due()

    page = service.account_events.read(party, limit=2)
    assert (page.events, page.more) == ((), True)
    page = service.account_events.read(party, after=page.next, limit=2)
    assert [event.kind for event in page.events] == [K.UNLOCKED]


@pytest.mark.parametrize("count", [1, 40, 41])
@pytest.mark.parametrize("recent", [0, 1, 7])
def test_a_reader_learns_of_what_has_been_forgotten(service, count, recent):
    party = service.origin
    service.bind("alice")
    service.account_events.publish_due()
    _, cursor = read_all(service, party)
    account = service.accounts.get(party, "alice").guid
    for number in range(count + recent):
        if number == count:
            service.clock.advance(RETENTION)
        toggle = service.accounts.unlock if number % 2 else service.accounts.lock
        toggle(account, by=OPERATOR)
        service.account_events.publish_due()
    if not recent:
        service.clock.advance(RETENTION)

    page = service.account_events.read(party, after=cursor, limit=50)

    assert page.gap
    assert [event.sequence for event in page.events] == list(range(count + 2, count + recent + 2))
    assert not service.account_events.read(party, after=page.next).gap
    fresh = service.account_events.read(party)
    assert (fresh.events, fresh.gap) == (page.events, False)


def test_a_policy_that_keeps_events_for_less_long_forgets_them_in_order_all_the_same(service):
    short = service.but(policy=attrs.evolve(STANDARD, events_retention=timedelta(hours=30)))
    service.bind("alice")
    service.account_events.publish_due()
    service.bind("bob")
    short.account_events.publish_due()

    first, second = records_of(service, LoggedEvent)
    assert first.keep_until <= second.keep_until


def test_an_app_space_without_events_has_an_empty_log_and_a_cursor(service):
    page = service.account_events.read(service.origin)
    assert (page.events, page.more, page.gap) == ((), False, False)
    service.bind("alice")
    service.account_events.publish_due()
    assert len(service.account_events.read(service.origin, after=page.next).events) == 1


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_that_does_not_fit_is_refused(service, limit):
    with pytest.raises(InvalidField) as caught:
        service.account_events.read(service.origin, limit=limit)
    assert caught.value.field == "limit"


@pytest.mark.parametrize(
    "text", ["", "1", "2026-01-01T00:00:00.000Z", "A" * 21, "A" * 23, "*" * 22]
)
def test_what_is_no_cursor_is_refused_by_name(service, text):
    with pytest.raises(InvalidField) as caught:
        service.account_events.read(service.origin, after=text)
    assert (caught.value.field, caught.value.problem) == ("after", "not a cursor of this service")


def test_a_cursor_of_another_app_space_is_refused_by_name(service):
    other = service.new_origin(service.new_app_space("Other"), "Other")
    cursor = service.account_events.read(other).next
    with pytest.raises(InvalidField) as caught:
        service.account_events.read(service.origin, after=cursor)
    assert (caught.value.field, caught.value.problem) == ("after", "not a cursor of this App Space")


def test_a_cursor_beyond_the_log_is_refused_by_name(service):
    cursor = write_cursor(1, service.app_space.guid)
    assert read_cursor(cursor, service.app_space.guid) == 1
    with pytest.raises(InvalidField) as caught:
        service.account_events.read(service.origin, after=cursor)
    assert caught.value.field == "after"


def test_the_log_has_no_gap_and_its_entries_follow_from_their_numbers(service):
    for name in ("alice", "bob", "carol"):
        service.bind(name)
    service.account_events.publish_due()
    space = service.app_space.guid
    entries = records_of(service, LoggedEvent)

    assert all(later.number == earlier.number + 1 for earlier, later in pairwise(entries))
    assert [one.guid for one in entries] == [logged_event_guid(space, n) for n in (1, 2, 3)]
    assert service.stored(event_log_guid(space)).last == 3
    assert all(
        write_record(event)["type"] == "bound" for event in read_all(service, service.origin)[0]
    )


def test_the_builder_numbers_several_happenings_of_one_commit(service):
    service.bind("alice")
    account = service.accounts.get(service.origin, "alice")
    tools = type("Tools", (), {"now": service.clock.now(), "policy": STANDARD})

    counted, events = build_account_events(
        tools, account, NewAccountEvent(K.LOCKED), NewAccountEvent(K.UNLOCKED)
    )

    assert (counted.events, counted.version) == (account.events + 2, account.version)
    assert [event.number for event in events] == [2, 3]
