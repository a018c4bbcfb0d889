"""After a restore no open action is left: one that was used after the backup is used only once."""

from datetime import timedelta

import pytest
from attrs import evolve

from counterseal import OPERATOR, STANDARD, Actions, Backchannel, BackchannelClients
from counterseal.errors import ActionUsed, NotApproved, TokenSpent
from counterseal.memory import SystemClock
from counterseal.models import (
    Action,
    ActionState,
    ChallengeState,
    DeliveryMode,
    Question,
    Scheme,
)
from counterseal.ports import Due
from counterseal_server import restored_actions, serving
from counterseal_server.after_restore import note_restore
from counterseal_server.configuration import settings
from counterseal_server.restored_actions import end_open_actions
from counterseal_testing import FakeService

ARGUMENTS = {"to": "zoe@example.com"}
POLICY = evolve(STANDARD, pending_limit=20, ask_limit=100, ask_limit_origin=100)


def action():
    return Action(type="tool-call", resource="send_email", arguments=ARGUMENTS)


@pytest.fixture
def world():
    return FakeService(policy=POLICY)


def approve(world, phone):
    challenge = world.ask("zoe", action()).challenge
    phone.answer(phone.fetch(challenge.guid))
    return challenge.guid


@pytest.mark.parametrize("page", [1, 200])
def test_what_was_open_in_the_backup_is_ended(world, monkeypatch, page):
    monkeypatch.setattr(restored_actions, "PAGE", page)
    phone = world.bind("zoe")
    used, unused = approve(world, phone), approve(world, phone)
    actions = Actions(world.ports, world.policy)
    actions.consume(world.origin, used, ARGUMENTS)
    plain = world.ask("zoe", "Lunch?").challenge.guid
    opened = world.ask("zoe", action()).challenge.guid
    world.clock.advance(restored_actions.FAR / 1_000_000)
    restored_at = world.ports.clock.now()
    later, approved_later = world.ask("zoe", action()).challenge.guid, approve(world, phone)

    assert end_open_actions(world.ports, world.policy, restored_at) == 2
    assert end_open_actions(world.ports, world.policy, restored_at) == 0

    with pytest.raises(NotApproved):
        actions.consume(world.origin, unused, ARGUMENTS)
    (cancelled,) = world.ports.store.get(opened)
    assert cancelled.state is ChallengeState.CANCELLED
    status = actions.status(world.origin, used)
    assert status.action.state is ActionState.USED
    pending = {plain, later}
    assert all(each.state is ChallengeState.PENDING for each in world.ports.store.get(*pending))
    assert actions.consume(world.origin, approved_later, ARGUMENTS)


@pytest.fixture
def approved_request(world):
    """Return a function that redeems a CIBA client's request, which the person has approved."""
    origin = world.origin.origin.guid
    clients = BackchannelClients(world.ports, world.policy, by=OPERATOR)
    clients.register(origin, mode=DeliveryMode.POLL)
    world.credentials.issue(origin, Scheme.BASIC)
    party = world.renewed(world.origin)
    backchannel = Backchannel(world.ports, world.policy)
    phone = world.bind("zoe")
    request = backchannel.begin(party, Question(account_id="zoe", content=action()))
    phone.answer(phone.fetch(request.challenge.guid))

    def redeem():
        claims = {"iss": "https://auth.example", "sub": "zoe"}
        return backchannel.redeem(party, request.auth_req_id, claims, life=timedelta(minutes=5))

    return redeem


def test_no_tokens_are_issued_for_an_approval_from_before(world, approved_request):
    world.clock.advance(timedelta(seconds=1))

    assert end_open_actions(world.ports, world.policy, world.ports.clock.now()) == 1

    with pytest.raises(NotApproved):
        approved_request()


def test_an_approval_that_was_used_before_the_backup_stays_redeemable_once(world, approved_request):
    """The page about the decision says why; the approval itself stays used."""
    (record,) = world.ports.store.due(Due.ACTION, world.ports.clock.now() + restored_actions.FAR, 1)
    Actions(world.ports, world.policy).consume(world.origin, record.challenge, ARGUMENTS)
    world.clock.advance(timedelta(seconds=1))

    assert end_open_actions(world.ports, world.policy, world.ports.clock.now()) == 0

    assert approved_request().id_token
    with pytest.raises(TokenSpent):
        approved_request()
    with pytest.raises(ActionUsed):
        Actions(world.ports, world.policy).consume(world.origin, record.challenge, ARGUMENTS)


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("command", [serving.serve, serving.deliver])
def test_they_are_ended_before_anything_is_served(create_data, tmp_path, monkeypatch, command):
    create_data(tmp_path / "data")
    calls = []

    def end(ports, policy, before):
        calls.append(before)
        raise StoppedError

    monkeypatch.setattr(serving, "end_open_actions", end)
    note_restore(tmp_path / "data", STANDARD, SystemClock())

    with pytest.raises(StoppedError):
        command(settings({"data": tmp_path / "data"}, {}))

    assert len(calls) == 1
