"""AAP's own client and gate, release 0.3.3, as a stranger's: nothing but an approval allows."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from aap_world import DECLINE
from agentapprovalprotocol import Allow, Call, Deny, Pending

CALL = Call(
    key="run-7:call-1",
    tool="transfer",
    arguments={"to": "ann", "amount": 4900, "rate": 0.1, "note": None, "tags": ["a", True]},
    server="bank",
    reasoning="It is due.",
    context={"session": {"id": 7}},
    resume={"framework": "test", "thread": "t-1"},
)


@pytest.fixture(autouse=True)
def present_time(world):
    """Let it be now in the service too: the gate has no clock but the machine's."""
    world.core.clock.jump(datetime.now(UTC))


def opened(gate, call=CALL):
    pending = gate.check(call)
    assert isinstance(pending, Pending)
    return pending.request_id


def test_an_approved_call_is_allowed_once_and_its_outcome_is_reported(world, agent):
    gate = agent.gate(mode="async")
    request_id = opened(gate)
    world.answer(request_id)

    verdict = gate.check(CALL)

    assert isinstance(verdict, Allow)
    assert verdict.report("succeeded", "Transferred.")
    request = agent.client().get(request_id)
    assert (request.consumption.outcome.status, request.consumption.outcome.note) == (
        "succeeded",
        "Transferred.",
    )
    again = gate.check(CALL)
    assert isinstance(again, Deny)
    assert again.status == "consumed"


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("denied", "denied"),
        ("cancelled", "cancelled"),
        ("expired", "expired"),
        ("lapsed", "expired"),
    ],
)
def test_any_other_ending_denies(world, agent, ending, status):
    gate = agent.gate(mode="async")
    request_id = opened(gate)
    if ending == "denied":
        world.answer(request_id, DECLINE)
    elif ending == "cancelled":
        agent.client().cancel(request_id)
    else:
        if ending == "lapsed":
            world.answer(request_id)
        world.core.clock.advance(timedelta(hours=1))

    verdict = gate.check(CALL)

    assert isinstance(verdict, Deny)
    assert verdict.status == status
    assert agent.client().get(request_id).consumption is None


def test_changed_arguments_ask_again(world, agent):
    gate = agent.gate(mode="async")
    world.answer(opened(gate))
    changed = Call(key=CALL.key, tool=CALL.tool, arguments={"to": "eve", "amount": 4900})

    assert isinstance(gate.check(changed), Pending)


def test_a_use_whose_reply_was_lost_is_denied(world, agent, monkeypatch):
    gate = agent.gate(mode="async")
    request_id = opened(gate)
    world.answer(request_id)
    respond = world.face.respond
    lost = []

    def lose(request):
        response = respond(request)
        if request.path.endswith("/consume") and not lost:
            lost.append(response.status)
            raise ConnectionResetError
        return response

    def send(request):
        try:
            return world.respond(request)
        except ConnectionResetError:
            raise httpx.ReadError("lost") from None

    monkeypatch.setattr(world.face, "respond", lose)
    agent.http = httpx.Client(transport=httpx.MockTransport(send))
    gate = agent.gate(mode="async")

    verdict = gate.check(CALL)

    assert lost == [200]
    assert isinstance(verdict, Deny)
    assert verdict.status == "consumed"


def test_a_service_that_fails_denies(world, agent, monkeypatch):
    monkeypatch.setattr(type(world.service.challenges), "issue", None)

    verdict = agent.gate(mode="async").check(CALL)

    assert isinstance(verdict, Deny)
    assert verdict.status == "error"


def test_a_wrong_credential_denies(world, agent):
    agent.token += "x"

    verdict = agent.gate().check(CALL)

    assert isinstance(verdict, Deny)
    assert "credential" in verdict.reason
