"""Rules of the chain: what is counted by the hour, and which heads say nothing of an event."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from counterseal.audit.rules import ChainCheck, KnownHead, counts_of, extend
from counterseal.models.audit_log import ChainHead, CountKey, StoredEvent, UnchainedEvents
from counterseal_testing.contracts.record_factory import event

HOUR = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOURS = timedelta(hours=1)


@pytest.mark.parametrize("since", [timedelta(), HOURS - timedelta.resolution])
def test_events_are_counted_by_the_hour(since):
    counted = counts_of([event("x", at=HOUR + since), event("x", at=HOUR), event("y", at=HOUR)])
    key = CountKey(app_space=None, hour=HOUR, event=event().event, reason="x")
    assert counted == Counter({key: 2, attrs.evolve(key, reason="y"): 1})
    assert counts_of([event("x", at=HOUR + HOURS)]) == {attrs.evolve(key, hour=HOUR + HOURS): 1}


@pytest.fixture
def chained():
    """Return four events in their chain."""
    stored = tuple(StoredEvent(body=bytes([n]), event=None) for n in range(4))
    return extend(UnchainedEvents(head=ChainHead(partition=0), events=stored)).events


def signs(chained, base=0, known_heads=(), first=None, last=None):
    base_hash = chained[base - 1].hash if base else ChainHead(partition=0).hash
    check = ChainCheck(0, base, base_hash, known_heads)
    tampering = [sign for item in chained[base:] for sign in check.add(item)]
    last = last or head_at(chained[-1])
    return [*tampering, *check.end(first or last, last)]


def head_at(event_):
    return ChainHead(partition=0, position=event_.position, hash=event_.hash)


def known_head_of(event_):
    return KnownHead(source="a head", position=event_.position, hash=event_.hash)


def test_a_head_from_before_the_last_event_is_no_sign_of_a_change(chained):
    assert signs(chained, first=head_at(chained[1])) == []


def test_a_known_head_from_before_the_base_is_no_sign_of_a_change(chained):
    assert signs(chained, base=2, known_heads=[known_head_of(chained[0])]) == []


def test_a_known_head_with_another_hash_is_one(chained):
    other = attrs.evolve(known_head_of(chained[2]), hash=bytes(32))
    (tampering,) = signs(chained, known_heads=[other])
    assert tampering.position == 3
