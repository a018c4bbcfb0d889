"""Sending again all that is dead."""

import pytest

from counterseal.errors import NotFound
from counterseal.models import CallbackState
from counterseal.testing import World
from counterseal.testing.world import CALLBACK
from counterseal_server import outbox

NOBODY = "00000000-0000-8000-8000-000000000000"


@pytest.fixture
def world():
    world = World()
    world.sender.otherwise = 410
    return world


def dead(world, count, account="zoe"):
    phone = world.bind(account)
    guids = []
    for _ in range(count):
        asked = world.ask(account, "Lunch?", callback=CALLBACK).challenge
        phone.answer(asked)
        (guid,) = world.callbacks.due()
        assert world.callbacks.attempt(guid).state is CallbackState.DEAD
        guids.append(guid)
    return guids


def test_each_dead_one_is_queued(world, monkeypatch):
    monkeypatch.setattr(outbox, "PAGE", 2)
    guids = dead(world, 5)
    origin = world.origin.origin.guid
    assert outbox.requeue_all(world.callbacks, origin) == (5, 0)
    assert set(world.callbacks.due()) == set(guids)
    assert outbox.requeue_all(world.callbacks, origin) == (0, 0)


def test_those_that_cannot_be_queued_keep_no_other_back(world, monkeypatch):
    monkeypatch.setattr(outbox, "PAGE", 2)
    guids = dead(world, 5)
    gone = set(guids[:3])

    class Forgetful:
        def requeue(self, guid):
            if guid in gone:
                raise NotFound
            return world.callbacks.requeue(guid)

        def dead(self, origin, limit):
            return world.callbacks.dead(origin, limit)

    assert outbox.requeue_all(Forgetful(), world.origin.origin.guid) == (2, 3)
    assert set(world.callbacks.due()) == set(guids[3:])


def test_one_that_dies_again_is_queued_once(world):
    (guid,) = dead(world, 1)

    class Dying:
        def requeue(self, guid):
            world.callbacks.requeue(guid)
            world.callbacks.attempt(guid)

        def dead(self, origin, limit):
            return world.callbacks.dead(origin, limit)

    assert outbox.requeue_all(Dying(), world.origin.origin.guid) == (1, 0)
    assert world.callbacks.get(guid).state is CallbackState.DEAD


def test_one_that_somebody_else_queued_is_passed_over(world):
    guids = dead(world, 2)

    class Late:
        def requeue(self, guid):
            world.callbacks.requeue(guids[0])

        def dead(self, origin, limit):
            return world.callbacks.dead(origin, limit)

    assert outbox.requeue_all(Late(), world.origin.origin.guid) == (1, 0)


def test_an_origin_that_is_not_there(world):
    with pytest.raises(NotFound):
        outbox.requeue_all(world.callbacks, NOBODY)


@pytest.mark.parametrize("given", [(), (NOBODY, "--origin", NOBODY)])
def test_one_or_all(run, tmp_path, given):
    result = run("callbacks", "requeue", *given, "--data", tmp_path)
    assert (result.exit_code, result.stderr) == (2, "guid: give one callback's, or --origin\n")
