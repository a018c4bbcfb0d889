from datetime import timedelta

import pytest

from counterseal.errors import NotifierUnavailable
from counterseal.models import (
    AddressKind,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.models.guid import mint
from counterseal_testing import OutboxNotifier, Push

ONE = PushAddress(kind=AddressKind.RELAY, value="one")
TWO = PushAddress(kind=AddressKind.RELAY, value="two")
MESSAGE = PushMessage(
    guid=mint(3, bytes(15)),
    occasion=Occasion.CHALLENGE,
    subject=mint(1, bytes(15)),
    account=mint(2, bytes(15)),
    title="Bank",
    body="A question.",
    life=timedelta(seconds=1),
    timeout=timedelta(seconds=1),
)
DELIVERED = PushOutcome(result=PushResult.DELIVERED)
GONE = PushOutcome(result=PushResult.GONE)
MISCONFIGURED = PushOutcome(result=PushResult.MISCONFIGURED)
LATER = PushOutcome(result=PushResult.LATER, after=timedelta(seconds=5))


def test_keeps_pushes():
    outbox = OutboxNotifier()

    assert outbox.push((ONE, TWO), MESSAGE) == (DELIVERED, DELIVERED)
    assert outbox.pushes == [Push((ONE, TWO), MESSAGE)]


def test_finds_the_pushes_about_a_subject():
    outbox = OutboxNotifier()
    outbox.push((ONE,), MESSAGE)

    assert outbox.pushes_for(MESSAGE.subject) == (Push((ONE,), MESSAGE),)
    assert outbox.pushes_for(MESSAGE.account) == ()


def test_fails_when_set_to():
    outbox = OutboxNotifier()
    outbox.failing = True

    with pytest.raises(NotifierUnavailable):
        outbox.push((ONE,), MESSAGE)
    assert not outbox.pushes


def test_delivers_twice_when_set_to():
    outbox = OutboxNotifier()
    outbox.duplicating = True
    outbox.push((ONE,), MESSAGE)

    assert len(outbox.pushes) == 2


def test_names_dead_addresses():
    outbox = OutboxNotifier()
    outbox.dead.add(ONE)

    assert outbox.push((ONE, TWO), MESSAGE) == (GONE, DELIVERED)
    assert outbox.pushes == [Push((TWO,), MESSAGE)]


def test_returns_the_outcome_that_is_set():
    outbox = OutboxNotifier()
    outbox.outcomes[ONE] = LATER

    assert outbox.push((ONE, TWO), MESSAGE) == (LATER, DELIVERED)
    assert outbox.push((ONE,), MESSAGE) == (LATER,)
    assert outbox.pushes == [Push((TWO,), MESSAGE)]


def test_pushes_to_the_kinds_that_it_is_made_with():
    outbox = OutboxNotifier(AddressKind.WEBPUSH)

    assert outbox.kinds() == {AddressKind.WEBPUSH}
    assert outbox.push((ONE,), MESSAGE) == (MISCONFIGURED,)
    assert OutboxNotifier().kinds() == frozenset(AddressKind)
