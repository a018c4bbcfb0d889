"""Reminders: devices are notified once more of an action that waits for long."""

import contextlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import STANDARD
from counterseal.challenges.rules.asked_actions import reminder_due_at
from counterseal.errors import NotifierUnavailable, StoreUnavailable, WrongCode
from counterseal.models import (
    OPERATOR,
    Action,
    AddressKind,
    Notification,
    NotificationState,
    Occasion,
    PushAddress,
    SkipReason,
    TextContent,
)
from counterseal.policy import TEN_MINUTES, Policy
from counterseal_testing.faults import Faults, faulty_ports

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
HERE, THERE = (PushAddress(kind=AddressKind.RELAY, value=value) for value in ("here", "there"))
WEB = PushAddress(kind=AddressKind.WEBPUSH, value="web")
ACTION = Action(type="tool-call", resource="delete_backup", arguments={"year": 2019})
POLICY = attrs.evolve(STANDARD, action_life_limit=DAY)


@pytest.fixture
def service(new_service):
    return new_service(policy=POLICY)


@pytest.fixture
def alice(service):
    return service.bind("alice", addresses=(HERE,))


def ask(service, duration=HOUR, **changes):
    return service.ask("alice", ACTION, duration=duration, **changes).challenge


def reminders_of(service):
    records = service.records().values()
    return [
        one
        for one in records
        if isinstance(one, Notification) and one.occasion is Occasion.CHALLENGE_REMINDER
    ]


def reminder_of(service):
    (reminder,) = reminders_of(service)
    return reminder


def reminded(service):
    """Return the addresses of each reminder that was sent."""
    return [
        push.addresses
        for push in service.outbox.pushes
        if push.message.occasion is Occasion.CHALLENGE_REMINDER
    ]


def push_in_the_middle(service, challenge):
    service.push()
    service.clock.jump(challenge.issued_at + (challenge.deadline - challenge.issued_at) / 2)
    service.push()


# When


def test_devices_are_reminded_once_in_the_middle_of_the_life(service, alice):
    challenge = ask(service)
    service.push()
    service.clock.jump(challenge.issued_at + HOUR / 2 - timedelta(microseconds=1))
    assert service.push() == ()
    service.clock.jump(challenge.issued_at + HOUR / 2)
    service.push()
    service.clock.jump(challenge.deadline)
    service.push()

    first, second = (push.message for push in service.outbox.pushes)
    assert (first.occasion, first.life) == (Occasion.CHALLENGE, HOUR)
    assert (second.occasion, second.life) == (Occasion.CHALLENGE_REMINDER, HOUR / 2)
    for name in ("subject", "account", "title", "body", "urgent", "collapse_key"):
        assert getattr(first, name) == getattr(second, name)
    assert first.guid != second.guid
    assert reminder_of(service).state is NotificationState.DELIVERED


def test_the_audit_log_says_that_it_was_a_reminder(service, alice):
    push_in_the_middle(service, ask(service))
    occasions = [dict(one.attributes)["occasion"] for one in service.happened("challenge.push")]
    assert occasions == ["challenge", "challenge_reminder"]


@pytest.mark.parametrize(
    ("policy", "content", "duration", "count"),
    [
        (POLICY, ACTION, TEN_MINUTES, 0),
        (POLICY, ACTION, TEN_MINUTES + SECOND, 1),
        (POLICY, ACTION, DAY, 1),
        (POLICY, TextContent(text="Pay?"), TEN_MINUTES, 0),
        (attrs.evolve(POLICY, action_reminder=DAY), ACTION, DAY, 0),
        (attrs.evolve(POLICY, action_reminder=SECOND), ACTION, 2 * SECOND, 1),
        (attrs.evolve(POLICY, action_reminder=SECOND), TextContent(text="Pay?"), TEN_MINUTES, 0),
    ],
)
def test_only_actions_with_a_long_life_have_a_reminder(
    new_service, policy, content, duration, count
):
    service = new_service(policy=policy)
    service.bind("alice", addresses=(HERE,))
    service.ask("alice", content, duration=duration)
    assert len(reminders_of(service)) == count


def test_the_end_of_the_approval_counts_if_it_is_earlier(service, alice):
    until = service.clock.now() + TEN_MINUTES
    action = attrs.evolve(ACTION, valid_until=until)
    service.ask("alice", action, duration=DAY)
    assert reminders_of(service) == []


@given(
    life=st.timedeltas(SECOND, DAY),
    longest=st.timedeltas(SECOND, DAY),
)
def test_a_reminder_comes_in_the_middle_of_a_life_that_is_longer_than_the_policy_says(
    life, longest
):
    issued_at = datetime(2030, 1, 1, tzinfo=UTC)
    challenge = SimpleNamespace(issued_at=issued_at, deadline=issued_at + life)
    due_at = reminder_due_at(challenge, Policy(action_reminder=longest))
    if life <= longest:
        assert due_at is None
        return
    before, after = due_at - challenge.issued_at, challenge.deadline - due_at
    assert abs(before - after) <= timedelta(microseconds=1)


# For whom


def test_a_request_without_a_notification_has_no_reminder(service, alice):
    ask(service, show_notification=False)
    assert reminders_of(service) == []


def test_only_the_chosen_device_is_reminded(service, alice):
    service.bind("alice", addresses=(THERE,))
    push_in_the_middle(service, ask(service, device=alice.guid))
    assert reminded(service) == [(HERE,)]


def test_a_device_that_was_revoked_is_not_reminded(service, alice):
    tablet = service.bind("alice", addresses=(THERE,))
    challenge = ask(service)
    service.push()
    service.devices.revoke(tablet.guid, by=OPERATOR)
    push_in_the_middle(service, challenge)
    assert reminded(service) == [(HERE,)]


def test_nobody_is_reminded_once_the_only_device_was_revoked(service, alice):
    challenge = ask(service)
    service.push()
    service.devices.revoke(alice.guid, by=OPERATOR)
    push_in_the_middle(service, challenge)
    assert reminded(service) == []
    assert reminder_of(service).skip_reason is SkipReason.NOBODY


def test_a_device_that_has_read_the_request_is_reminded(service, alice):
    challenge = ask(service)
    alice.fetch(challenge.guid)
    push_in_the_middle(service, challenge)
    assert reminded(service) == [(HERE,)]


def test_each_kind_of_address_is_reminded_once(new_service):
    service = new_service(policy=POLICY)
    service.bind("alice", addresses=(HERE, WEB, THERE))
    push_in_the_middle(service, ask(service))
    assert sorted(reminded(service), key=len) == [(WEB,), (HERE, THERE)]


# That it ends with the challenge


def test_a_reminders_title_begins_with_the_app_spaces_name_too(service, alice):
    ask(service, notification_title="Android System")
    service.push()
    service.clock.advance(HOUR / 2)
    service.push()
    assert [(push.message.occasion, push.message.title) for push in service.outbox.pushes] == [
        (Occasion.CHALLENGE, "Example app: Android System"),
        (Occasion.CHALLENGE_REMINDER, "Example app: Android System"),
    ]


@pytest.mark.parametrize(
    "ending", ["answer", "decline", "disown", "cancel", "code", "expire", "erase"]
)
def test_nobody_is_reminded_of_what_has_ended(service, alice, ending):
    challenge = ask(service, show_code=ending == "code")
    service.push()
    if ending in {"answer", "decline"}:
        alice.answer(challenge, 0 if ending == "answer" else 1)
    elif ending == "disown":
        alice.disown(challenge)
    elif ending == "cancel":
        service.challenges.cancel(service.origin, challenge.guid)
    elif ending == "code":
        for _ in range(service.policy.code_limit):
            with contextlib.suppress(WrongCode):
                alice.answer(challenge, code="------")
    elif ending == "expire":
        service.clock.jump(challenge.deadline)
        service.challenges.expire()
    else:
        service.accounts.erase(challenge.account, by=OPERATOR)
    service.clock.jump(max(service.clock.now(), challenge.issued_at + HOUR / 2))
    service.push()

    assert reminded(service) == []
    reason = SkipReason.FORGOTTEN if ending == "erase" else SkipReason.ENDED
    assert reminder_of(service).skip_reason is reason


def test_a_reminder_that_comes_too_late_is_dropped(service, alice):
    challenge = ask(service)
    service.clock.jump(challenge.deadline)
    service.push()
    assert service.outbox.pushes == []
    assert reminder_of(service).skip_reason is SkipReason.LATE


# Whatever fails


@pytest.mark.parametrize("skip", range(6))
@pytest.mark.parametrize("port", ["store", "notifier", "audit", "wake"])
def test_whatever_fails_a_device_is_reminded_in_the_end(service, alice, port, skip):
    challenge = ask(service)
    service.push()
    service.clock.jump(challenge.issued_at + HOUR / 2)
    faults = Faults()
    faults.fail("", StoreUnavailable() if port == "store" else NotifierUnavailable(), skip=skip)
    broken = service.but(**{port: getattr(faulty_ports(service.ports, faults), port)})
    with contextlib.suppress(StoreUnavailable, NotifierUnavailable):
        broken.push()
    faults.clear()
    service.clock.advance(STANDARD.push_lease)
    service.push()
    assert service.push() == ()
    # A crash after the push and before its record may send the same message again.
    guids = {
        push.message.guid
        for push in service.outbox.pushes
        if push.message.occasion is Occasion.CHALLENGE_REMINDER
    }
    assert guids == {reminder_of(service).guid}
    assert reminder_of(service).state is NotificationState.DELIVERED


def test_a_reminder_costs_no_trip_to_the_store(service, alice):
    counts = []
    for duration in (TEN_MINUTES, HOUR):
        faults = Faults()
        counted = service.but(store=faulty_ports(service.ports, faults).store)
        ask(counted, duration)
        counts.append(len(faults.calls))
    assert counts[0] == counts[1]
    assert len(reminders_of(service)) == 1
