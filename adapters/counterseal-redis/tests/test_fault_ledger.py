"""The ledger of `nox -s "heavy(faults)"` agrees with a sound store, and finds faults of others."""

import sys
from pathlib import Path

import pytest
from attrs import evolve

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from clients import POLICY, Clients, Receiver, Service
from environment import Scenario
from ledger import Ledger, compare, record_unclaimed
from redis_servers import PATIENCE
from scenarios import SCENARIOS, select

from counterseal.models import ChallengeState, Change
from counterseal_testing import FakeService

ENDED = "ANSWERED 0"
KINDS = {"called", "issued", "requested", "result", "sent"}


@pytest.fixture
def world():
    return FakeService(policy=POLICY)


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def answered(world, ledger):
    """A challenge that was approved and delivered, with all entries in the ledger."""
    zoe = world.bind("zoe")
    challenge = world.ask(
        "zoe", "Pay 10 EUR to Adam?", callback="https://shop.example/done"
    ).challenge
    ledger.record("issued", challenge.guid)
    ledger.record("requested", challenge.guid, ENDED)
    zoe.answer(challenge)
    ledger.record("result", challenge.guid, ENDED)
    (message,) = world.callbacks.due()
    ledger.record("sent", challenge.guid, ENDED, message)
    return challenge.guid


def verdict(world, ledger):
    return compare(ledger, world.ports.store, world.ports.audit.events)


def test_clients_of_a_sound_store_get_its_results(world, ledger):
    phones = [world.bind(f"user {number}") for number in range(24)]
    service = Service(world, phones, evolve(world.ports, sender=Receiver(ledger)))
    clients = Clients(service, ledger).start()
    assert ledger.wait_until(
        lambda: {entry[0] for entry in ledger.entries} >= KINDS and len(ledger.entries) > 500,
        within=PATIENCE,
    )
    clients.stop()
    service.drain(ledger)

    result = verdict(world, ledger)

    assert result.sound
    assert not result.wrong
    assert result.operations > 50
    assert {entry[0] for entry in ledger.entries} - {"unknown"} == KINDS
    # Nothing fails there, but a call may lose more races than it has attempts.
    assert {entry[1] for entry in ledger.entries if entry[0] == "unknown"} <= {"contended"}


def test_equal_results_are_sound(world, ledger, answered):
    assert verdict(world, ledger).sound


def test_a_missing_record_is_lost(world, ledger, answered):
    del world.ports.store._records[answered]

    assert verdict(world, ledger).lost == 1


def test_another_end_is_lost(world, ledger, answered):
    (stored,) = world.ports.store.get(answered)
    other = evolve(stored, version=stored.version + 1, state=ChallengeState.EXPIRED)
    world.ports.store.commit((Change(stored, other),), (), "planted")

    assert verdict(world, ledger).lost == 1


def test_two_ends_are_doubled(world, ledger, answered):
    ledger.record("requested", answered, "CANCELLED")
    ledger.record("result", answered, "CANCELLED")

    assert verdict(world, ledger).doubled == 1


def test_a_callback_that_was_sent_has_been_claimed(world, ledger, answered):
    record_unclaimed(ledger, world.ports.store)
    assert verdict(world, ledger).unexpected == {"sent before its claim was durable": 1}

    world.deliver()
    ledger.entries.pop()
    record_unclaimed(ledger, world.ports.store)
    assert not verdict(world, ledger).unexpected


def test_two_callbacks_are_doubled(world, ledger, answered):
    ledger.record("sent", answered, ENDED, "message 2")

    assert verdict(world, ledger).doubled == 1


def test_an_approval_that_no_client_requested_is_wrong(world, ledger, answered):
    ledger.entries.remove(("requested", answered, ENDED))

    assert verdict(world, ledger).wrong


@pytest.mark.parametrize("error", [KeyError("x")])
def test_another_error_is_wrong(world, ledger, error):
    def call():
        raise error

    assert ledger.attempt(call) == (None, False)
    assert verdict(world, ledger).wrong == {"KeyError": 1}


def test_a_partial_commit_is_found(world, ledger, answered):
    result = compare(ledger, world.ports.store, ())

    assert result.unexpected == {"an ending in the log": 1}


@pytest.mark.parametrize("promised", [True, False])
def test_a_scenario_that_loses_has_to_promise_nothing(world, ledger, answered, promised):
    scenario = Scenario("fault", "none", None, None, promised=promised)
    assert scenario.assess(verdict(world, ledger))[1] is promised

    del world.ports.store._records[answered]

    assert scenario.assess(verdict(world, ledger))[1] is not promised


def test_another_error_breaks_every_scenario(world, ledger):
    ledger.record("wrong", "KeyError")
    for scenario in SCENARIOS:
        assert scenario.assess(verdict(world, ledger)) == ("BROKEN: {'KeyError': 1}", False)


def test_words_select_scenarios():
    assert select([]) == SCENARIOS
    assert {one.level for one in select(["killed", "fsync"])} == {"fsync"}
    assert select(["killed", "nothing"]) == []
