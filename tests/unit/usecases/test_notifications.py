"""Notifications: what a bell carries, whom it reaches, and that nothing depends on it."""

import contextlib
import string
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import STANDARD, STRICT
from counterseal._input_limits import LIST_LIMIT
from counterseal.errors import (
    DeadlineAhead,
    Foreign,
    LeaseLost,
    NotFound,
    NotifierUnavailable,
    StoreUnavailable,
    WrongRecord,
    WrongState,
)
from counterseal.models import (
    OPERATOR,
    AddressKind,
    Change,
    Notification,
    NotificationState,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
    SkipReason,
    Texts,
)
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.outbox.decisions import notifications as notifying
from counterseal_testing import OutboxNotifier, Push
from counterseal_testing.faults import Faults, faulty, faulty_ports
from counterseal_testing.strategies import texts

SECOND = timedelta(seconds=1)
HERE, THERE = (PushAddress(kind=AddressKind.RELAY, value=value) for value in ("here", "there"))
NAME = "Example app"
"""The name of the fixture's App Space."""
NAMES = st.text(string.ascii_letters + "é漢👩", min_size=1, max_size=40)
WEB = PushAddress(kind=AddressKind.WEBPUSH, value="web")

LATER = PushOutcome(result=PushResult.LATER)
REJECTED = PushOutcome(result=PushResult.REJECTED)
MISCONFIGURED = PushOutcome(result=PushResult.MISCONFIGURED)


@pytest.fixture
def alice(service):
    return service.bind("alice", addresses=(HERE,))


def notifications_of(service):
    """Every notification there is, by the kind of address."""
    notifications = [one for one in service.records().values() if isinstance(one, Notification)]
    return sorted(notifications, key=lambda one: one.kind.value)


def only(service):
    (notification,) = notifications_of(service)
    return notification


def reasons(service, event="challenge.push"):
    return [one.reason for one in service.happened(event)]


# What a bell holds


def test_s2_a_push_message_holds_guids_two_texts_and_times_and_nothing_else(service, alice):
    issued = service.ask("alice", "Pay 10 EUR to Zoë?", show_code=True, transaction_id="t-1")
    (guid,) = service.push()
    message = PushMessage(
        guid=guid,
        occasion=Occasion.CHALLENGE,
        subject=issued.challenge.guid,
        account=issued.challenge.account,
        title="Counterseal",
        body="A question is waiting for you.",
        life=STANDARD.challenge_life,
        timeout=STANDARD.push_timeout,
    )
    assert service.outbox.pushes == [Push((HERE,), message)]


@pytest.mark.parametrize(
    ("policy", "own", "members", "expected"),
    [
        (STANDARD, Texts(), {}, ("Counterseal", "A question is waiting for you.")),
        (STANDARD, Texts(title="Bank", challenge="Frage"), {}, ("Bank", "Frage")),
        (STANDARD, Texts(), {"notification_body": "Look"}, (f"{NAME}: Counterseal", "Look")),
        (STANDARD, Texts(title="Bank"), {"notification_body": "Look"}, (f"{NAME}: Bank", "Look")),
        (STANDARD, Texts(title=NAME), {"notification_body": "Look"}, (NAME, "Look")),
        (
            STANDARD,
            Texts(title="Bank", challenge="Frage"),
            {"notification_title": "Shop"},
            (f"{NAME}: Shop", "Frage"),
        ),
        (
            STANDARD,
            Texts(title="Bank"),
            {"notification_title": "Shop", "notification_body": "Pay"},
            (f"{NAME}: Shop", "Pay"),
        ),
        (
            STANDARD,
            Texts(title="Bank", challenge="Frage"),
            {"notification_title": "", "notification_body": ""},
            ("Bank", "Frage"),
        ),
        (
            STRICT,
            Texts(title="Bank"),
            {"notification_title": "Shop", "notification_body": "Pay"},
            ("Bank", "A question is waiting for you."),
        ),
    ],
)
def test_the_texts_are_the_origins_or_the_app_spaces(service, policy, own, members, expected):
    service.bind("alice", addresses=(HERE,))
    service.administration.edit_app_space(service.app_space.guid, texts=attrs.asdict(own))
    service.ask("alice", "Pay?", **members)
    service.but(policy=policy).push()
    (push,) = service.outbox.pushes
    assert (push.message.title, push.message.body) == expected


def title_of_push(service, name, title, policy=STANDARD):
    """The title of the push of a question, of which the origin has chosen *title*."""
    service.bind("alice", addresses=(HERE,))
    service.administration.edit_app_space(service.app_space.guid, name=name)
    service.ask("alice", "Pay?", notification_title=title)
    service.but(policy=policy).push()
    return service.outbox.pushes[-1].message.title


@pytest.mark.parametrize(
    ("name", "title", "expected"),
    [
        ("Harbour Bank", "Harbour Bank", "Harbour Bank"),
        ("Harbour Bank", "Harbour Bank: a payment", "Harbour Bank: a payment"),
        # A part of a word, or a name without the colon, is not the name.
        ("A", "Android System", "A: Android System"),
        ("Harbour", "Harbour Bank", "Harbour: Harbour Bank"),
        ("Harbour Bank", "harbour bank", "Harbour Bank: harbour bank"),
        ("Harbour Bank", " ", "Harbour Bank:  "),
    ],
)
def test_a_title_that_begins_with_the_name_does_not_repeat_it(service, name, title, expected):
    assert title_of_push(service, name, title) == expected


@pytest.mark.parametrize(
    ("name", "visible_name"),
    [
        ("Bank\u202e", "Bank<U+202E>"),
        ("\u2067Bank", "<U+2067>Bank"),
        ("Bank\n\n\n", "Bank<U+000A><U+000A><U+000A>"),
        ("Bank\x00\u200b", "Bank<U+0000><U+200B>"),
    ],
)
def test_characters_of_a_name_that_hide_or_turn_a_text_are_written_out(service, name, visible_name):
    """An App Space may have such a name; what follows it is read all the same."""
    assert title_of_push(service, name, "Shop") == f"{visible_name}: Shop"


@pytest.mark.parametrize(
    ("title", "limit", "expected"),
    [
        ("Shop", 18, "Harbour Bank: Shop"),
        ("Shops", 18, "Harbour Bank: S…"),
        ("Zoë is waiting", 22, "Harbour Bank: Zoë …"),
        # A letter stays with its marks, and an emoji with what it is joined to.
        ("Zoe\u0308 is waiting", 20, "Harbour Bank: Zo…"),
        ("ab\U0001f469\u200d\U0001f467 wait", 25, "Harbour Bank: ab…"),
        ("a\U0001f44d\U0001f3fd wait", 23, "Harbour Bank: a…"),
        # The name is never cut.
        ("\U0001f469\u200d\U0001f467 wait", 20, "Harbour Bank"),
        ("Shop", 15, "Harbour Bank"),
        ("Shop", 1, "Harbour Bank"),
    ],
)
def test_where_name_and_title_are_too_long_the_title_is_cut(service, title, limit, expected):
    policy = attrs.evolve(STANDARD, title_bytes=limit)
    assert title_of_push(service, "Harbour Bank", title, policy) == expected


@given(name=NAMES, title=texts(), limit=st.integers(1, 200))
def test_a_title_is_the_name_and_the_beginning_of_the_origins_text(new_service, name, title, limit):
    policy = attrs.evolve(STANDARD, title_bytes=limit)
    pushed = title_of_push(new_service(), name, title, policy)
    full_title = title if title == name or title.startswith(f"{name}: ") else f"{name}: {title}"
    assert pushed == name or pushed.startswith(f"{name}: ")
    assert len(pushed.encode()) <= max(limit, len(name.encode()))
    if len(full_title.encode()) <= limit:
        assert pushed == full_title
    else:
        assert full_title.startswith(pushed.removesuffix("…"))


def test_a_notification_that_is_not_to_be_shown_is_not_sent(service, alice):
    service.ask("alice", "Pay?", notification_title="Shop", show_notification=False)
    assert notifications_of(service) == []
    assert service.push() == ()


def test_a_notification_lives_as_long_as_its_challenge(service, alice):
    service.ask("alice", "Pay?")
    service.clock.advance(30 * SECOND)
    service.push()
    (push,) = service.outbox.pushes
    assert push.message.life == STANDARD.challenge_life - 30 * SECOND


# Whom it reaches


def test_every_active_device_is_notified_and_no_other(service, alice):
    second = service.bind("alice", addresses=(THERE,))
    service.bind("bob", addresses=(PushAddress(kind=AddressKind.RELAY, value="bob"),))
    service.push()
    service.outbox.pushes.clear()
    service.ask("alice", "Pay?")
    service.push()
    service.devices.suspend(second.guid, by=OPERATOR)
    service.ask("alice", "Pay?")
    service.push()
    service.devices.resume(second.guid, by=OPERATOR)
    service.devices.revoke(alice.guid, by=OPERATOR)
    service.ask("alice", "Pay?")
    service.push()
    notified = [
        push.addresses
        for push in service.outbox.pushes
        if push.message.occasion is Occasion.CHALLENGE
    ]
    assert notified == [(HERE, THERE), (HERE,), (THERE,)]


def test_a_device_is_notified_at_the_addresses_that_it_has_by_then(service, alice):
    service.ask("alice", "Pay?")
    service.devices.update(
        alice.call("/device", b'{"addresses":[{"kind":"relay","value":"there"}]}')
    )
    service.push()
    assert [push.addresses for push in service.outbox.pushes] == [(THERE,)]


@pytest.mark.parametrize("ending", ["suspend", "revoke", "forget"])
def test_a_device_that_cannot_be_notified_any_more_is_not(service, alice, ending):
    service.ask("alice", "Pay?")
    if ending == "forget":
        service.devices.update(alice.call("/device", b'{"addresses":[]}'))
    else:
        getattr(service.devices, ending)(alice.guid, by=OPERATOR)
    service.push()
    assert service.outbox.pushes == []
    assert (only(service).state, only(service).skip_reason) == (
        NotificationState.OVER,
        SkipReason.NOBODY,
    )
    assert reasons(service) == ["nobody"]


def test_each_kind_has_a_notification_of_its_own(service):
    service.bind("alice", addresses=(HERE, WEB, THERE))
    service.ask("alice", "Pay?")
    assert [one.kind for one in notifications_of(service)] == [
        AddressKind.RELAY,
        AddressKind.WEBPUSH,
    ]
    service.push()
    assert {push.addresses for push in service.outbox.pushes} == {(HERE, THERE), (WEB,)}


def test_only_served_kinds_are_queued(service):
    web_only = service.but(notifier=OutboxNotifier(AddressKind.WEBPUSH))
    service.bind("alice", addresses=(HERE, WEB))
    web_only.ask("alice", "Pay?")
    assert only(service).kind is AddressKind.WEBPUSH


def test_a_device_without_an_address_is_not_notified_and_asks_for_itself(service):
    alice = service.bind("alice")
    challenge = service.ask("alice", "Pay?").challenge
    assert notifications_of(service) == []
    assert alice.pending() == (challenge,)


def test_s35_what_came_of_each_address_is_recorded(service):
    alice = service.bind("alice", addresses=(HERE, THERE))
    service.outbox.dead.add(HERE)
    challenge = service.ask("alice", "Pay?").challenge
    service.push()
    dead_event, delivered_event = service.happened("challenge.push")
    assert (dead_event.actor, dead_event.subject, dead_event.reason) == (
        "notifier",
        challenge.guid,
        "gone",
    )
    assert (delivered_event.subject, delivered_event.reason) == (challenge.guid, "")
    assert dict(delivered_event.attributes) == {
        "occasion": "challenge",
        "device": alice.guid,
        "kind": "relay",
    }


# That nothing depends on it


def test_e8_creating_a_challenge_never_asks_the_notifier_to_push(service, alice):
    class Hanging:
        def kinds(self):
            return service.outbox.kinds()

        def push(self, addresses, message):
            raise AssertionError("pushed before the commit")

    challenge = service.but(notifier=Hanging()).ask("alice", "Pay?").challenge
    assert alice.answer(challenge).approved


@pytest.mark.parametrize("skip", range(6))
@pytest.mark.parametrize("port", ["store", "notifier", "audit", "wake"])
def test_e8_whatever_fails_the_challenge_stands_and_is_notified_in_the_end(
    service, alice, port, skip
):
    challenge = service.ask("alice", "Pay?").challenge
    faults = Faults()
    faults.fail("", StoreUnavailable() if port == "store" else NotifierUnavailable(), skip=skip)
    broken = service.but(**{port: getattr(faulty_ports(service.ports, faults), port)})
    with contextlib.suppress(StoreUnavailable, NotifierUnavailable):
        broken.push()
    faults.clear()
    assert service.stored(challenge.guid) == challenge
    service.clock.advance(STANDARD.push_lease)
    service.push()
    assert len(service.outbox.pushes) >= 1
    assert only(service).state is NotificationState.DELIVERED
    assert alice.answer(challenge).approved


def test_there_is_no_push_without_a_commit(service, alice):
    faults = Faults()
    faults.fail("store.commit")
    with pytest.raises(StoreUnavailable):
        service.but(store=faulty(service.store, "store", faults)).ask("alice", "Pay?")
    assert notifications_of(service) == []


# Trying again


def test_a_push_that_fails_is_tried_again_until_it_is_taken(service, alice):
    service.ask("alice", "Pay?")
    service.outbox.failing = True
    service.push()
    assert (only(service).state, only(service).attempts) == (NotificationState.QUEUED, 1)
    assert service.push() == ()
    service.outbox.failing = False
    service.clock.advance(STANDARD.push_delays[0] * (1 + STANDARD.callback_jitter))
    service.push()
    assert (only(service).state, only(service).attempts) == (NotificationState.DELIVERED, 2)
    assert reasons(service) == ["later", ""]
    (push,) = service.outbox.pushes
    assert push.message.guid == only(service).guid


def test_a_failing_push_is_repeated_until_the_deadline(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    service.outbox.failing = True
    tried = 0
    while only(service).state is NotificationState.QUEUED:
        assert only(service).due_at < challenge.deadline
        service.clock.jump(only(service).due_at)
        service.push()
        tried += 1
    assert 4 <= tried <= 10
    assert only(service).skip_reason is SkipReason.LATE
    assert reasons(service)[-1] == "late"


def test_a_notification_is_dropped_from_its_deadline_on(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    service.clock.jump(challenge.deadline)
    service.push()
    assert service.outbox.pushes == []
    assert only(service).skip_reason is SkipReason.LATE


@pytest.mark.parametrize("ending", ["answer", "disown", "cancel", "expire", "erase"])
def test_nobody_is_notified_once_the_challenge_has_ended(service, alice, ending):
    challenge = service.ask("alice", "Pay?").challenge
    service.outbox.failing = True
    service.push()
    service.outbox.failing = False
    if ending == "answer":
        alice.answer(challenge)
    elif ending == "disown":
        alice.disown(challenge)
    elif ending == "cancel":
        service.challenges.cancel(service.origin, challenge.guid)
    elif ending == "expire":
        service.clock.jump(challenge.deadline)
        service.challenges.expire()
    else:
        service.accounts.erase(challenge.account, by=OPERATOR)
    service.clock.advance(10 * SECOND)
    service.push()
    # A cancelled one has another push, which says that it has ended.
    assert [push.message.occasion for push in service.outbox.pushes] == (
        [Occasion.CHALLENGE_ENDED] if ending == "cancel" else []
    )
    skip_reason = SkipReason.FORGOTTEN if ending == "erase" else SkipReason.ENDED
    (notification,) = (
        each for each in notifications_of(service) if each.occasion is Occasion.CHALLENGE
    )
    assert (notification.state, notification.skip_reason) == (NotificationState.OVER, skip_reason)


def test_a_challenge_answered_between_claim_and_push_is_not_pushed(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    faults = Faults()
    faults.meanwhile(lambda: alice.answer(challenge), after=True)
    service.but(store=faulty(service.store, "store", faults)).push()
    assert service.outbox.pushes == []
    assert only(service).skip_reason is SkipReason.ENDED


def test_e3_an_hour_to_wait_ends_it_for_that_device_and_for_no_other(service, alice):
    service.bind("alice", addresses=(THERE,))
    service.push()
    service.outbox.pushes.clear()
    service.outbox.outcomes[HERE] = PushOutcome(result=PushResult.LATER, after=timedelta(hours=1))
    service.outbox.outcomes[THERE] = LATER
    service.ask("alice", "Pay?")
    service.push()
    challenge = notifications_of(service)[-1]
    (remaining,) = challenge.devices
    assert remaining != alice.guid
    service.outbox.outcomes.clear()
    service.clock.jump(challenge.next_at)
    service.push()
    assert [push.addresses for push in service.outbox.pushes] == [(THERE,)]


def test_a_device_that_was_notified_is_not_notified_again(service, alice):
    service.bind("alice", addresses=(THERE,))
    service.push()
    service.outbox.pushes.clear()
    service.outbox.outcomes[THERE] = LATER
    service.ask("alice", "Pay?")
    service.push()
    service.outbox.outcomes.clear()
    service.clock.advance(10 * SECOND)
    service.push()
    assert [push.addresses for push in service.outbox.pushes] == [(HERE,), (THERE,)]


def test_the_delay_that_a_push_service_asks_for_is_respected(service, alice):
    service.outbox.outcomes[HERE] = PushOutcome(result=PushResult.LATER, after=60 * SECOND)
    service.ask("alice", "Pay?")
    service.push()
    assert only(service).next_at == service.clock.now() + 60 * SECOND


@pytest.mark.parametrize("outcome", [REJECTED, MISCONFIGURED])
def test_a_rejected_push_is_not_repeated(service, alice, outcome):
    service.outbox.outcomes[HERE] = outcome
    service.ask("alice", "Pay?")
    service.push()
    assert (only(service).state, only(service).skip_reason) == (
        NotificationState.OVER,
        SkipReason.UNDELIVERED,
    )
    assert service.stored(alice.guid).addresses == (HERE,)
    assert reasons(service) == [outcome.result.value, "undelivered"]


def test_a_failing_channel_does_not_stop_another(service):
    alice = service.bind("alice", addresses=(HERE, THERE, WEB))
    service.outbox.outcomes[WEB] = MISCONFIGURED
    service.outbox.dead.add(HERE)
    challenge = service.ask("alice", "Pay?").challenge
    service.push()
    relay, web = notifications_of(service)
    assert (relay.state, web.state) == (NotificationState.DELIVERED, NotificationState.OVER)
    assert service.stored(alice.guid).addresses == (THERE, WEB)
    assert alice.answer(challenge).approved


# Claims


def test_a_claim_lasts_as_long_as_its_lease(service, alice):
    service.ask("alice", "Pay?")
    guid = only(service).guid

    class Dying:
        def kinds(self):
            return service.outbox.kinds()

        def push(self, addresses, message):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.but(notifier=Dying()).notifications.attempt(guid)
    with pytest.raises(DeadlineAhead):
        service.notifications.attempt(guid)
    service.clock.advance(STANDARD.push_lease)
    assert service.notifications.attempt(guid).state is NotificationState.DELIVERED
    with pytest.raises(WrongState):
        service.notifications.attempt(guid)
    assert service.happened("notification.claim") == []


@pytest.mark.parametrize(
    ("outcome", "refusal", "state"),
    [
        (LATER, LeaseLost, NotificationState.QUEUED),
        (REJECTED, WrongState, NotificationState.OVER),
    ],
)
def test_an_outcome_under_a_lost_lease_is_not_recorded(service, alice, outcome, refusal, state):
    service.outbox.outcomes[HERE] = outcome
    service.ask("alice", "Pay?")
    guid = only(service).guid

    class Slow:
        def kinds(self):
            return service.outbox.kinds()

        def push(self, addresses, message):
            service.clock.advance(STANDARD.push_lease)
            service.notifications.attempt(guid)
            return (PushOutcome(result=PushResult.DELIVERED),)

    with pytest.raises(refusal):
        service.but(notifier=Slow()).notifications.attempt(guid)
    assert (only(service).state, only(service).attempts) == (state, 1)


def test_only_one_of_many_workers_pushes(service, alice, at_once):
    service.ask("alice", "Pay?")
    guid = only(service).guid
    ended = at_once(*[lambda: service.notifications.attempt(guid)] * 6)
    assert sum(isinstance(one, Notification) for one in ended) == 1
    assert len(service.outbox.pushes) == 1


def test_a_kind_whose_places_are_taken_is_looked_past(service):
    """However many of them are due before the others."""
    for number in range(30):
        name = f"user-{number}"
        service.bind(name, addresses=(HERE,))
        service.ask(name, "Pay?")
    service.clock.advance(SECOND)
    service.bind("alice", addresses=(WEB,))
    service.ask("alice", "Pay?")
    narrow = service.but(notifier=OutboxNotifier(AddressKind.RELAY, AddressKind.WEBPUSH))
    relay = narrow.notifications.due(30)
    under_way = {one.guid: one for one in relay[:2]}
    (web,) = narrow.notifications.find_next(under_way, 2)
    assert web.kind is AddressKind.WEBPUSH
    assert narrow.notifications.find_next(under_way, 2, read_further=False) == ()


def test_a_kind_with_any_number_due_keeps_no_other_waiting(service):
    """More than any look lists: one that hangs has as many within minutes."""
    service.bind("zoe", addresses=(HERE,))
    service.ask("zoe", "Pay?")
    (first,) = service.notifications.due()
    commit = service.ports.store.commit
    for number in range(LIST_LIMIT + 100):
        guid = mint(partition_of(first.guid), number.to_bytes(ENTROPY_BYTES, "big"))
        commit((Change(None, attrs.evolve(first, guid=guid)),), (), f"{number}")
    service.clock.advance(SECOND)
    service.bind("alice", addresses=(WEB,))
    service.ask("alice", "Pay?")
    narrow = service.but(notifier=OutboxNotifier(AddressKind.RELAY, AddressKind.WEBPUSH))
    assert {one.kind for one in narrow.notifications.due(LIST_LIMIT)} == {AddressKind.RELAY}

    relay = {one.guid: one for one in narrow.notifications.due(2)}
    (web,) = narrow.notifications.find_next(relay, 2)
    assert web.kind is AddressKind.WEBPUSH
    # Also when nothing runs yet: both channels begin at once.
    begun = narrow.notifications.find_next({}, 2)
    assert {one.kind for one in begun} == {AddressKind.RELAY, AddressKind.WEBPUSH}
    # With every place taken there is nothing to look for.
    full = relay | {web.guid: web, first.guid: attrs.evolve(web, guid=first.guid)}
    assert narrow.notifications.find_next(full, 2) == ()


# Addresses that are gone


def test_an_address_that_is_gone_is_taken_off_its_device(service):
    alice = service.bind("alice", addresses=(HERE, THERE))
    service.outbox.dead.add(HERE)
    service.ask("alice", "Pay?")
    service.push()
    assert service.stored(alice.guid).addresses == (THERE,)
    assert [line.addresses for line in service.account().devices] == [(THERE,)]
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == ("binding.address", "notifier", alice.guid)
    service.ask("alice", "Pay?")
    service.push()
    assert len(service.happened("binding.address")) == 1


def test_a_gone_address_is_removed_from_every_device(service, alice):
    second = service.bind("alice", addresses=(HERE, THERE))
    service.outbox.dead.add(HERE)
    service.ask("alice", "Pay?")
    service.push()
    assert service.stored(alice.guid).addresses == ()
    assert service.stored(second.guid).addresses == (THERE,)
    account = service.account()
    assert [line.addresses for line in account.devices] == [(), (THERE,)]


def test_an_address_that_was_replaced_meanwhile_stays(service, alice):
    other = service.bind("alice", addresses=(HERE, THERE))
    service.invitations.invite(service.origin, "alice")

    class Slow:
        def kinds(self):
            return service.outbox.kinds()

        def push(self, addresses, message):
            alice.devices.update(
                alice.call("/device", b'{"addresses":[{"kind":"relay","value":"there"}]}')
            )
            return service.outbox.push(addresses, message)

    service.outbox.dead.add(HERE)
    service.ask("alice", "Pay?")
    service.but(notifier=Slow()).push()
    assert service.stored(alice.guid).addresses == (THERE,)
    assert service.stored(other.guid).addresses == (THERE,)
    assert [event.subject for event in service.happened("binding.address")] == [other.guid]
    assert len(service.account().devices) == 3


def test_a_gone_address_is_removed_whatever_device_was_deleted_meanwhile(service, alice):
    second = service.bind("alice", addresses=(HERE, THERE))

    class Slow:
        def kinds(self):
            return service.outbox.kinds()

        def push(self, addresses, message):
            service.store._records.pop(alice.guid, None)
            return service.outbox.push(addresses, message)

    service.outbox.dead.add(HERE)
    service.ask("alice", "Pay?")
    service.but(notifier=Slow()).push()
    assert service.stored(second.guid).addresses == (THERE,)


# Trying a device


def test_an_operator_tries_whether_a_device_can_be_notified(service):
    alice = service.bind("alice", addresses=(HERE, THERE, WEB))
    service.outbox.dead.add(HERE)
    service.outbox.outcomes[WEB] = MISCONFIGURED
    outcomes = service.notifications.test(alice.guid, by=OPERATOR)
    assert [(at, one.result.value) for at, one in outcomes] == [
        (HERE, "gone"),
        (THERE, "delivered"),
        (WEB, "misconfigured"),
    ]
    (push,) = service.outbox.pushes
    message = push.message
    assert (message.occasion, message.subject) == (Occasion.TEST, alice.guid)
    assert message.account == service.account().guid
    assert partition_of(message.guid) == partition_of(alice.guid)
    assert (message.life, message.timeout) == (STANDARD.challenge_life, STANDARD.push_timeout)
    assert {event.actor for event in service.happened("binding.push")} == {OPERATOR.actor}
    assert service.stored(alice.guid).addresses == (THERE, WEB)
    assert reasons(service, "binding.push") == ["gone", "", "misconfigured"]
    assert service.notifications.test(service.bind("bob").guid, by=OPERATOR) == ()


def test_a_test_push_has_the_texts_of_its_app_space(service, alice):
    texts = {"title": "Bank", "challenge": "A question waits."}
    service.administration.edit_app_space(service.app_space.guid, texts=texts)
    service.notifications.test(alice.guid, by=OPERATOR)
    (push,) = service.outbox.pushes
    assert (push.message.title, push.message.body) == ("Bank", "A question waits.")


@pytest.mark.alone
def test_a_test_push_needs_an_active_device_within_reach(service, alice):
    with pytest.raises(NotFound):
        service.notifications.test(service.app_space.guid, by=OPERATOR)
    service.devices.suspend(alice.guid, by=OPERATOR)
    with pytest.raises(WrongState):
        service.notifications.test(alice.guid, by=OPERATOR)
    other = service.administration.create_company("Other")
    admin = service.credentials.create_admin("other", company=other.guid)
    stranger = service.stored(admin.guid)
    with pytest.raises(Foreign):
        service.notifications.test(alice.guid, by=stranger)
    assert service.outbox.pushes == []


@pytest.mark.alone
def test_a_notification_can_be_read(service, alice):
    service.ask("alice", "Pay?")
    stored = only(service)
    assert service.notifications.get(stored.guid, by=OPERATOR) == stored
    with pytest.raises(NotFound):
        service.notifications.get(alice.guid, by=OPERATOR)


def test_a_notification_is_stored_for_the_retention_time_after_its_challenge(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    assert only(service).keep_until == challenge.deadline + STANDARD.notification_retention
    assert attrs.evolve(only(service), state=NotificationState.DELIVERED).due_at is None


def test_a_test_is_recorded_under_a_guard(service, alice, monkeypatch):
    """Nothing is written where no address is gone, and an event is recorded in a commit only."""
    record = notifying.record_test

    def unguarded(*args):
        decision = record(*args)
        # One guard, of this record: else the plant would leave out more than is its point.
        assert [guard.guid for guard in decision.guards] == [alice.guid]
        return attrs.evolve(decision, guards=())

    monkeypatch.setattr(notifying, "record_test", unguarded)
    with pytest.raises(WrongRecord):
        service.notifications.test(alice.guid, by=OPERATOR)
