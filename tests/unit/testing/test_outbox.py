from datetime import timedelta

import pytest

from counterseal.errors import NotifierUnavailable
from counterseal.models import AddressKind, Bell, PushAddress
from counterseal.models.guid import mint
from counterseal.testing import OutboxNotifier, Push

ONE = PushAddress(kind=AddressKind.RELAY, value="one")
TWO = PushAddress(kind=AddressKind.RELAY, value="two")
BELL = Bell(
    challenge=mint(1, bytes(15)),
    account=mint(2, bytes(15)),
    title="",
    body="",
    life=timedelta(seconds=1),
)


def test_keeps_pushes():
    outbox = OutboxNotifier()

    assert outbox.push((ONE, TWO), BELL).dead == ()
    assert outbox.pushes == [Push((ONE, TWO), BELL)]


def test_finds_what_a_challenge_caused():
    outbox = OutboxNotifier()
    outbox.push((ONE,), BELL)

    assert outbox.rung_for(BELL.challenge) == (Push((ONE,), BELL),)
    assert outbox.rung_for(BELL.account) == ()


def test_fails_if_told_to():
    outbox = OutboxNotifier()
    outbox.failing = True

    with pytest.raises(NotifierUnavailable):
        outbox.push((ONE,), BELL)
    assert not outbox.pushes


def test_delivers_twice_if_told_to():
    outbox = OutboxNotifier()
    outbox.duplicating = True
    outbox.push((ONE,), BELL)

    assert len(outbox.pushes) == 2


def test_names_dead_addresses():
    outbox = OutboxNotifier()
    outbox.dead.add(ONE)

    assert outbox.push((ONE, TWO), BELL).dead == (ONE,)
    assert outbox.pushes == [Push((TWO,), BELL)]
