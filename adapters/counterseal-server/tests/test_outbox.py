"""Sending again all that is dead, and dropping what is queued."""

import json
from datetime import timedelta
from types import SimpleNamespace

import attrs
import pytest

from counterseal import (
    Administration,
    Answers,
    Callbacks,
    Challenges,
    Enrolments,
    Invitations,
    RequeuedCallbacks,
    read_question,
)
from counterseal.device import SoftwareDevice
from counterseal.errors import NotFound
from counterseal.models import OPERATOR, CallbackState, DeliveryOutcome
from counterseal_server import outbox
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_testing import FakeService
from counterseal_testing.service import CALLBACK

NOBODY = "00000000-0000-8000-8000-000000000000"
ONE_REQUEUED = "guid: give the GUID of a callback, --origin or --all"
ONE_DROPPED = "guid: give the GUID of a callback, --origin or --dead"
TIME_OF_QUEUED = "since: only with --dead"
NO_TIME_FOR_ONE = "since: only with --origin or --all"


@pytest.fixture
def world():
    world = FakeService()
    world.sender.otherwise = 410
    return world


def dead(world, count, account="zoe", origin=None):
    phone = world.bind(account)
    guids = []
    for _ in range(count):
        world.clock.advance(timedelta(seconds=1))
        question = world.ask(account, "Lunch?", origin=origin, callback=CALLBACK).challenge
        phone.answer(question)
        (guid,) = world.callbacks.due()
        assert world.callbacks.attempt(guid).state is CallbackState.DEAD
        guids.append(guid)
    return guids


def test_each_dead_one_is_queued_and_they_leave_one_after_the_other(world, monkeypatch):
    monkeypatch.setattr(outbox, "REQUEUED_AT_ONCE", 2)
    guids = dead(world, 5)
    origins = (world.origin.origin.guid,)
    requeued = outbox.requeue_all(world.callbacks, origins, by=OPERATOR)
    assert requeued == RequeuedCallbacks(5, 0, complete=True)
    due_guids = [set(world.callbacks.due())]
    for _ in range(4):
        world.clock.advance(timedelta(milliseconds=100))
        due_guids.append(set(world.callbacks.due()))
    assert [len(each) for each in due_guids] == [1, 2, 3, 4, 5]
    assert due_guids[-1] == set(guids)
    again = outbox.requeue_all(world.callbacks, origins, by=OPERATOR)
    assert again == RequeuedCallbacks(0, 0, complete=True)


def test_a_call_that_queues_none_is_the_last_one():
    results = [RequeuedCallbacks(count, 5_000, complete=False) for count in (3, 0)]
    callbacks = SimpleNamespace(
        requeue_time=Callbacks.requeue_time, requeue_all=lambda *_, **__: results.pop(0)
    )
    requeued = outbox.requeue_all(callbacks, (NOBODY,), by=OPERATOR)
    assert requeued == RequeuedCallbacks(3, 5_000, complete=False)


def test_an_origin_that_is_not_there(world):
    with pytest.raises(NotFound):
        outbox.requeue_all(world.callbacks, (NOBODY,), by=OPERATOR)


def queue(world, count, account="zoe", origin=None):
    phone = world.bind(account)
    for _ in range(count):
        phone.answer(world.ask(account, "Lunch?", origin=origin, callback=CALLBACK).challenge)
    party = world.origin if origin is None else origin
    return [one.guid for one in world.callbacks.list_queued(party.origin.guid, by=OPERATOR)]


def test_each_queued_one_of_an_origin_is_dropped(world, monkeypatch):
    monkeypatch.setattr(outbox, "PAGE", 2)
    other = world.new_origin(world.app_space, "Other")
    queue(world, 5)
    others = queue(world, 2, "bob", other)
    origin = world.origin.origin.guid
    assert outbox.drop_all(world.callbacks, origin, by=OPERATOR) == 5
    assert set(world.callbacks.due()) == set(others)
    assert outbox.drop_all(world.callbacks, origin, by=OPERATOR) == 0


def test_one_that_was_sent_meanwhile_is_not_counted(world):
    guids = queue(world, 2)

    class Late:
        def list_queued(self, origin, limit, *, by):
            page = world.callbacks.list_queued(origin, limit, by=by)
            if guids[0] in {one.guid for one in page}:
                world.sender.script(204)
                world.callbacks.attempt(guids[0])
            return page

        def drop(self, guid, *, by):
            return world.callbacks.drop(guid, by=by)

    assert outbox.drop_all(Late(), world.origin.origin.guid, by=OPERATOR) == 1


def test_an_operator_lists_and_drops_what_is_queued(run, tmp_path):
    data = tmp_path / "data"
    names = ("--company", "A", "--app-space", "B", "--origin", "C", "--auth", "basic", "--cx")
    init_document = json.loads(run("init", "--data", data, *names, "--callback", CALLBACK).stdout)
    origin = init_document["requestOriginGuid"]
    with Runtime(settings({"data": data}, {})) as runtime:
        party = Administration(runtime.ports, runtime.policy, by=OPERATOR).relying_party(origin)
        guids = [_answered(runtime, party, name) for name in ("zoe", "bob", "eve")]
    listed = run("callbacks", "queued", "--origin", origin, "--data", data).stdout.splitlines()
    assert [json.loads(line)["deliveryGuid"] for line in listed] == guids
    one = run("callbacks", "drop", guids[0], "--yes", "--data", data)
    assert (one.exit_code, one.stdout) == (0, "DROPPED\n")
    again = run("callbacks", "drop", guids[0], "--yes", "--data", data)
    assert again.exit_code
    assert "wrong_state" in again.stderr
    everything = run("callbacks", "drop", "--origin", origin, "--yes", "--data", data)
    assert json.loads(everything.stdout) == {"dropped": 2}
    assert run("callbacks", "queued", "--origin", origin, "--data", data).stdout == ""


def _answered(runtime, party, name):
    """Bind a phone, ask, let it answer; return the callback that waits."""
    ports, policy = runtime.ports, runtime.policy
    invited = Invitations(ports, policy).invite(party, name)
    phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin="1379", cost=2)
    enrolment = phone.enrolment(invited.token, party.app_space.guid, pin="1379")
    phone.complete_binding(Enrolments(ports, policy).complete(enrolment))
    question = {"accountId": name, "content": "Lunch?", "callback": CALLBACK}
    challenge = Challenges(ports, policy).issue(party, read_question(question)).challenge
    token = phone.answer(challenge.display, 0, pin="1379").encode()
    Answers(ports, policy).answer(
        phone.signed_call("POST", "https://service.example/answer", token)
    )
    return Callbacks(ports, policy).list_queued(party.origin.guid, by=OPERATOR)[-1].guid


@pytest.mark.parametrize(
    ("verb", "selection", "line"),
    [
        ("requeue", (), ONE_REQUEUED),
        ("requeue", (NOBODY, "--origin", NOBODY), ONE_REQUEUED),
        ("requeue", (NOBODY, "--all"), ONE_REQUEUED),
        ("requeue", ("--origin", NOBODY, "--all"), ONE_REQUEUED),
        ("requeue", (NOBODY, "--since", "2030-01-31T09:00:00Z"), NO_TIME_FOR_ONE),
        ("drop", (), ONE_DROPPED),
        ("drop", (NOBODY, "--origin", NOBODY), ONE_DROPPED),
        ("drop", (NOBODY, "--dead"), ONE_DROPPED),
        (
            "drop",
            ("--origin", NOBODY, "--since", "2030-01-31T09:00:00Z"),
            "since: only with --dead",
        ),
    ],
)
def test_one_or_all(run, tmp_path, verb, selection, line):
    result = run("callbacks", verb, *selection, "--data", tmp_path)
    assert (result.exit_code, result.stderr) == (2, line + "\n")


# The dead of all origins


def test_the_dead_of_all_origins_are_found_without_a_look_at_those_that_have_none(world):
    other, healthy = (world.new_origin(world.app_space, name) for name in ("Other", "Healthy"))
    mine, others = dead(world, 3), dead(world, 2, "bob", other)
    queue(world, 1, "eve", healthy)
    origins = world.callbacks.origins_with_dead(by=OPERATOR)
    assert set(origins) == {world.origin.origin.guid, other.origin.guid}
    listed = world.callbacks.list_all_dead(by=OPERATOR)
    assert {each.guid for each in listed} == {*mine, *others}
    ages = [each.created_at for each in listed]
    assert ages == sorted(ages)
    few = world.callbacks.list_all_dead(2, by=OPERATOR)
    assert few == listed[:2]


def test_the_dead_since_a_time_are_queued_or_dropped_and_no_others(world):
    before = dead(world, 2)
    since = world.clock.advance(timedelta(hours=1))
    after = dead(world, 3, "bob")
    origin = world.origin.origin.guid
    requeued = outbox.requeue_all(world.callbacks, (origin,), since=since, by=OPERATOR)
    assert requeued == RequeuedCallbacks(3, 0, complete=True)
    world.clock.advance(timedelta(seconds=1))
    assert set(world.callbacks.due()) == set(after)
    for guid in after:
        world.callbacks.attempt(guid)
    assert outbox.drop_dead(world.callbacks, origin, since=since, by=OPERATOR) == 3
    listed = world.callbacks.list_dead(origin, by=OPERATOR)
    assert {each.guid for each in listed} == set(before)
    assert outbox.drop_dead(world.callbacks, origin, by=OPERATOR) == 2
    assert world.callbacks.origins_with_dead(by=OPERATOR) == ()


@pytest.mark.parametrize("drop_page", [outbox.drop_dead, outbox.drop_all])
def test_one_that_was_forgotten_meanwhile_keeps_no_other_back(world, drop_page):
    origin = world.origin.origin.guid
    if drop_page is outbox.drop_dead:
        dead(world, 3)
    else:
        queue(world, 3)

    class Forgetful:
        def __init__(self):
            self.drops = 0

        def drop(self, guid, *, by):
            self.drops += 1
            world.callbacks.drop(guid, by=by)
            if self.drops == 1:
                raise NotFound

        def __getattr__(self, name):
            return getattr(world.callbacks, name)

    assert drop_page(Forgetful(), origin, by=OPERATOR) == 2
    assert world.callbacks.list_dead(origin, by=OPERATOR) == ()
    assert world.callbacks.list_queued(origin, by=OPERATOR) == ()


def test_an_operator_lists_queues_and_drops_the_dead_of_all_origins(run, tmp_path):
    data = tmp_path / "data"
    names = ("--company", "A", "--app-space", "B", "--origin", "C", "--auth", "basic", "--cx")
    init_document = json.loads(run("init", "--data", data, *names, "--callback", CALLBACK).stdout)
    with Runtime(settings({"data": data}, {})) as runtime:
        policy = runtime.policy
        administration = Administration(runtime.ports, policy, by=OPERATOR)
        first = administration.relying_party(init_document["requestOriginGuid"])
        second_origin = administration.create_origin(first.app_space.guid, "D")
        administration.allow_callback(second_origin.guid, CALLBACK)
        parties = [first, administration.relying_party(second_origin.guid)]
        guids = [
            _answered(runtime, party, name)
            for party, name in zip(parties, ("zoe", "bob"), strict=True)
        ]
        refusing_ports = attrs.evolve(runtime.ports, sender=Refusing())
        for each in guids:
            assert Callbacks(refusing_ports, policy).attempt(each).state is CallbackState.DEAD
    tail = ("--data", data)
    listed = [json.loads(line) for line in run("callbacks", "dead", *tail).stdout.splitlines()]
    assert [each["deliveryGuid"] for each in listed] == guids
    assert {each["requestOriginGuid"] for each in listed} == {
        party.origin.guid for party in parties
    }
    assert {(each["cause"], each["lastStatus"]) for each in listed} == {("gone", 410)}
    assert run("callbacks", "dead", "--since", "2999-01-01T00:00:00Z", *tail).stdout == ""
    one = run("callbacks", "dead", "--origin", second_origin.guid, *tail)
    assert json.loads(one.stdout)["deliveryGuid"] == guids[1]
    dropped = run("callbacks", "drop", "--dead", "--origin", second_origin.guid, "--yes", *tail)
    assert json.loads(dropped.stdout) == {"dropped": 1}
    late = run("callbacks", "requeue", "--all", "--since", "2999-01-01T00:00:00Z", *tail)
    assert json.loads(late.stdout) == {"queued": 0, "left": 0}
    everything = run("callbacks", "requeue", "--all", *tail)
    assert json.loads(everything.stdout) == {"queued": 1, "left": 0}
    assert run("callbacks", "dead", *tail).stdout == ""


class Refusing:
    """A sender to whom each receiver says 410."""

    def send(self, _):
        return DeliveryOutcome(status=410)
