"""Dead callbacks are queued again many at a time, so that they do not all leave at once."""

from datetime import timedelta

import pytest

from counterseal import Callbacks
from counterseal.errors import Foreign, InvalidField, NotFound, StoreUnavailable, WrongState
from counterseal.models import OPERATOR, AdminRole, CallbackState, DeadReason
from counterseal.models.guid import mint
from counterseal.outbox.usecases import requeueing
from counterseal.outbox.usecases.requeueing import REQUEUE_PACE, RequeuedCallbacks
from counterseal_testing.service import CALLBACK

NOBODY = mint(0, bytes(15))


def dead(service, count, account="zoe", origin=None, status=410):
    """Return the GUIDs of callbacks that died two minutes after each other."""
    phone = service.bind(account, origin=origin)
    party = service.origin if origin is None else origin
    service.credentials.issue_webhook_key(party.origin.guid)
    guids = []
    for _ in range(count):
        service.clock.advance(timedelta(minutes=2))
        question = service.ask(account, "Lunch?", origin=origin, callback=CALLBACK).challenge
        phone.answer(question)
        service.sender.script(status)
        (guid,) = service.callbacks.due()
        assert service.callbacks.attempt(guid).state is CallbackState.DEAD
        guids.append(guid)
    return guids


def states(service, guids):
    return [service.stored(guid).state for guid in guids]


@pytest.mark.alone
def test_they_are_due_one_after_the_other_and_each_is_an_event(service):
    guids = dead(service, 12)
    origin, now = service.origin.origin.guid, service.clock.now()
    recorded_before = len(service.events)
    requeued = service.callbacks.requeue_all((origin,), by=OPERATOR)
    assert requeued == RequeuedCallbacks(12, 0, complete=True)
    moments = [service.stored(guid).next_at for guid in guids]
    assert moments == [now + number * REQUEUE_PACE for number in range(12)]
    # No second has more than ten.
    assert sum(moment < now + timedelta(seconds=1) for moment in moments) == 10
    assert moments[-1] == now + service.callbacks.requeue_time(12)
    assert service.callbacks.due() == (guids[0],)
    events = service.events[recorded_before:]
    assert [(each.event, each.subject) for each in events] == [
        ("callback.requeue", guid) for guid in guids
    ]
    # Again, there is nothing left to do.
    again = service.callbacks.requeue_all((origin,), by=OPERATOR)
    assert again == RequeuedCallbacks(0, 0, complete=True)


def test_only_those_of_an_origin_a_cause_or_a_time(service):
    other = service.new_origin(service.app_space, "Other")
    service.administration.allow_callback(other.origin.guid, CALLBACK)
    guids = dead(service, 2)
    (of_other,) = dead(service, 1, account="max", origin=service.renewed(other))
    origin, callbacks = service.origin.origin.guid, service.callbacks
    assert (
        callbacks.requeue_all((origin,), cause=DeadReason.FORBIDDEN, by=OPERATOR).queued_count == 0
    )
    since = service.stored(guids[1]).created_at
    assert callbacks.requeue_all((origin,), since=since, by=OPERATOR).queued_count == 1
    dead_state, queued_state = CallbackState.DEAD, CallbackState.QUEUED
    assert states(service, (*guids, of_other)) == [dead_state, queued_state, dead_state]
    assert callbacks.requeue_all((origin,), cause=DeadReason.GONE, by=OPERATOR).queued_count == 1
    origins = callbacks.origins_with_dead(by=OPERATOR)
    assert origins == (other.origin.guid,)
    assert callbacks.requeue_all(origins, by=OPERATOR).queued_count == 1


@pytest.mark.alone
def test_a_call_has_a_bound_and_the_next_one_goes_on(service):
    guids = dead(service, 5)
    origin = service.origin.origin.guid
    first = service.callbacks.requeue_all((origin,), limit=3, by=OPERATOR)
    assert first == RequeuedCallbacks(3, 0, complete=False)
    assert states(service, guids).count(CallbackState.QUEUED) == 3
    second = service.callbacks.requeue_all((origin,), limit=3, by=OPERATOR)
    assert second == RequeuedCallbacks(2, 0, complete=True)
    for limit in (0, 1_001):
        with pytest.raises(InvalidField):
            service.callbacks.requeue_all((origin,), limit=limit, by=OPERATOR)


class Forgetful(Callbacks):
    """Callbacks of which some are about something forgotten, and others were queued meanwhile."""

    forgotten: frozenset = frozenset()
    requeued: frozenset = frozenset()

    def _administer(self, event, guid, *arguments, **keywords):
        if guid in self.forgotten:
            raise NotFound
        if guid in self.requeued:
            raise WrongState
        return super()._administer(event, guid, *arguments, **keywords)


def forgetful(service, forgotten, requeued=()):
    callbacks = Forgetful(service.ports, service.policy)
    object.__setattr__(callbacks, "forgotten", frozenset(forgotten))
    object.__setattr__(callbacks, "requeued", frozenset(requeued))
    return callbacks


@pytest.fixture
def small_lists(monkeypatch):
    """Lists of two callbacks, and of six of one origin at most."""
    monkeypatch.setattr(requeueing, "LIST_LIMIT", 2)
    monkeypatch.setattr(requeueing, "REQUEUE_READ", 6)


@pytest.mark.usefixtures("small_lists")
def test_a_list_that_is_full_is_read_further(service):
    dead(service, 4)
    origin = service.origin.origin.guid
    requeued = service.callbacks.requeue_all((origin,), limit=4, by=OPERATOR)
    assert requeued == RequeuedCallbacks(4, 0, complete=True)


@pytest.mark.usefixtures("small_lists")
def test_those_that_can_never_be_queued_delay_no_newer_one_and_no_other_origin(service):
    other = service.new_origin(service.app_space, "Other")
    service.administration.allow_callback(other.origin.guid, CALLBACK)
    guids = dead(service, 5)
    (of_other,) = dead(service, 1, account="max", origin=service.renewed(other))
    callbacks = forgetful(service, guids[:4])
    origins = (service.origin.origin.guid, other.origin.guid)
    requeued = callbacks.requeue_all(origins, by=OPERATOR)
    assert requeued == RequeuedCallbacks(2, 4, complete=True)
    assert states(service, (guids[4], of_other)) == [CallbackState.QUEUED] * 2


@pytest.mark.usefixtures("small_lists")
def test_what_was_not_read_is_said_and_the_next_origin_is_not_delayed(service):
    other = service.new_origin(service.app_space, "Other")
    service.administration.allow_callback(other.origin.guid, CALLBACK)
    guids = dead(service, 7)
    (of_other,) = dead(service, 1, account="max", origin=service.renewed(other))
    callbacks = forgetful(service, guids[:6])
    origins = (service.origin.origin.guid, other.origin.guid)
    requeued = callbacks.requeue_all(origins, by=OPERATOR)
    assert requeued == RequeuedCallbacks(1, 6, complete=False)
    assert states(service, (guids[6], of_other)) == [CallbackState.DEAD, CallbackState.QUEUED]


def test_those_that_can_never_be_queued_keep_no_other_back(service):
    guids = dead(service, 4)
    callbacks = forgetful(service, guids[:1], requeued=guids[1:2])
    requeued = callbacks.requeue_all((service.origin.origin.guid,), by=OPERATOR)
    assert requeued == RequeuedCallbacks(2, 1, complete=True)


def test_a_failure_midway_has_queued_those_before_and_the_next_call_goes_on(service):
    guids = dead(service, 4)

    class Failing(Callbacks):
        def _administer(self, event, guid, *arguments, **keywords):
            if guid == guids[2]:
                raise StoreUnavailable
            return super()._administer(event, guid, *arguments, **keywords)

    origin = service.origin.origin.guid
    with pytest.raises(StoreUnavailable):
        Failing(service.ports, service.policy).requeue_all((origin,), by=OPERATOR)
    assert states(service, guids).count(CallbackState.QUEUED) == 2
    assert service.callbacks.requeue_all((origin,), by=OPERATOR).queued_count == 2


def test_what_is_out_of_reach_is_not_queued(service):
    guids = dead(service, 1)
    other = service.new_app_space("Other")
    person = service.stored(
        service.credentials.create_admin("x", role=AdminRole.APP_SPACE, app_space=other.guid).guid
    )
    with pytest.raises(Foreign):
        service.callbacks.requeue_all((service.origin.origin.guid,), by=person)
    with pytest.raises(NotFound):
        service.callbacks.requeue_all((NOBODY,), by=OPERATOR)
    assert states(service, guids) == [CallbackState.DEAD]


@pytest.mark.alone
def test_what_a_page_reads_has_one_bound_for_all_origins(service, monkeypatch):
    other = service.new_origin(service.app_space, "Other")
    service.administration.allow_callback(other.origin.guid, CALLBACK)
    of_other = dead(service, 1, account="max", origin=other)
    guids = dead(service, 5)
    (late,) = dead(service, 1, account="max", origin=service.renewed(other))
    origin, find = service.origin.origin.guid, service.callbacks.find_dead

    def find_guids(party=None, **keywords):
        return [each.guid for each in find(party, by=OPERATOR, **keywords)]

    assert find_guids() == [*of_other, *guids, late]
    assert find_guids(origin) == guids
    assert find_guids(cause=DeadReason.FORBIDDEN) == []
    assert find_guids(cause=DeadReason.GONE) == [*of_other, *guids, late]
    counts, dead_of = [], type(service.store).dead

    def count(store, origin, limit):
        counts.append(limit)
        return dead_of(store, origin, limit)

    monkeypatch.setattr(type(service.store), "dead", count)
    monkeypatch.setattr(requeueing, "LIST_LIMIT", 6)
    # The later one of the other origin is left out, since some before it may be.
    assert find_guids() == [*of_other, *guids[:3]]
    assert find_guids(cause=DeadReason.FORBIDDEN) == []
    assert find_guids(origin) == guids
    assert counts == [3, 3, 3, 3, 6]
    monkeypatch.setattr(requeueing, "LIST_LIMIT", 1)
    assert find_guids() == of_other
    with pytest.raises(NotFound):
        find_guids(NOBODY)
