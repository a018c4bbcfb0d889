"""Repeated calls, and calls whose reply is lost: what an agent reads, and what is not undone."""

from datetime import timedelta

import pytest

from counterseal_client import (
    ActionUsed,
    Client,
    EvidenceRefused,
    NotSent,
    Overloaded,
    ReplyLost,
)

ARGUMENTS = {"to": "zoe@example.com", "copies": 2}
ACTION = {"resource": "send_email", "arguments": ARGUMENTS}


def test_a_repeated_question_asks_once(service, phone, run):
    async def scenario(agent):
        first = await agent.call("ask", **ACTION, idempotency_key="step-4")
        again = await agent.call("ask", **ACTION, idempotency_key="step-4")
        other = await agent.call("ask", **ACTION)
        return first["id"], again["id"], other["id"]

    first, again, other = run(service.server(), scenario)
    assert (first == again, first == other) == (True, False)


ENDINGS = {
    "declined": lambda service, phone, guid: service.answer(phone, guid, 1),
    "disowned": lambda service, phone, guid: phone.disown(phone.fetch(guid)),
    "approved": lambda service, phone, guid: service.answer(phone, guid),
    "expired": lambda service, phone, guid: service.world.clock.advance(timedelta(minutes=20)),
}
"""How a request ends, or is approved."""


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_repeated_question_says_what_came_of_it(service, phone, run, ending):
    """A person who declined has declined, however often the agent repeats the question."""

    async def scenario(agent):
        first = await agent.call("ask", **ACTION, idempotency_key="step-4")
        ENDINGS[ending](service, phone, first["id"])
        again = await agent.call("ask", **ACTION, idempotency_key="step-4")
        assert again == await agent.call("status", id=first["id"])
        return again["state"]

    state = run(service.server(), scenario)
    assert state == ("declined" if ending == "disowned" else ending)
    assert phone.pending() == ()


def test_a_repeated_question_says_that_its_approval_was_used(service, phone, run):
    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION, idempotency_key="step-4"))["id"]
        service.answer(phone, guid)
        await agent.call("require", id=guid, arguments=ARGUMENTS)
        again = await agent.call("ask", **ACTION, idempotency_key="step-4")
        return again["id"] == guid, again["state"], again["outcome"]

    assert run(service.server(), scenario) == (True, "used", "unknown")


def test_what_cannot_be_stored_is_asked_no_longer(service, phone, run, tmp_path):
    """Nobody could use the approval, so the person is not left with the question."""
    settings = service.settings(state=tmp_path / "state")
    server = service.server(settings)
    settings.state.rmdir()
    settings.state.write_text("no folder")

    async def scenario(agent):
        return await agent.refusal("ask", **ACTION)

    assert run(server, scenario) == "unavailable"
    assert phone.pending() == ()


def test_a_repeat_that_cannot_be_stored_ends_nothing(service, phone, run, tmp_path):
    """The first request may be stored elsewhere, and its approval be used there."""
    settings = service.settings(state=tmp_path / "state")
    server = service.server(settings)

    async def ask(agent):
        return (await agent.call("ask", **ACTION, idempotency_key="step-4"))["id"]

    async def repeat(agent):
        return await agent.refusal("ask", **ACTION, idempotency_key="step-4")

    guid = run(server, ask)
    stored = settings.state.rename(tmp_path / "stored")
    settings.state.write_text("no folder")
    assert run(server, repeat) == "unavailable"
    assert [each.guid for each in phone.pending()] == [guid]

    settings.state.unlink()
    stored.rename(settings.state)
    service.answer(phone, guid)

    async def require(agent):
        return (await agent.call("require", id=guid, arguments=ARGUMENTS))["state"]

    assert run(server, require) == "used"


def test_a_request_with_a_key_that_could_not_be_stored_is_repeated(service, phone, run, tmp_path):
    settings = service.settings(state=tmp_path / "state")
    server = service.server(settings)
    settings.state.rmdir()
    settings.state.write_text("no folder")

    async def ask(agent):
        return await agent.call("ask", **ACTION, idempotency_key="step-4")

    assert run(server, ask)["error"]["code"] == "unavailable"
    settings.state.unlink()
    settings.state.mkdir()
    request = run(server, ask)
    assert [each.guid for each in phone.pending()] == [request["id"]]
    assert request["state"] == "pending"


FAILURES = [
    (Overloaded("status 503"), "use_unknown"),
    (RuntimeError("the key is k-123"), "internal_error"),
    (EvidenceRefused("state"), "evidence_refused"),
    (ActionUsed("action_used", 409), "action_used"),
    (ReplyLost(), "use_unknown"),
]


def test_a_use_that_fails_is_no_use(service, phone, run, monkeypatch, caplog):
    failures = iter([error for error, _ in FAILURES])

    def fail(*_):
        raise next(failures)

    monkeypatch.setattr(Client, "consume", fail)

    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid)
        return [await agent.call("require", id=guid, arguments=ARGUMENTS) for _ in FAILURES]

    results = run(service.server(), scenario)
    assert [each["error"]["code"] for each in results] == [code for _, code in FAILURES]
    assert "k-123" not in str(results) + caplog.text


CONSUME, ACTION_STATUS = "/api/action/consume", "/api/action/{}"

LOST = {
    "by a proxy, after the use": ("502 Bad Gateway", True, "used"),
    "by a proxy, before the use": ("503 Service Unavailable", False, "approved"),
    "with the connection, after the use": (None, True, "used"),
    "with the connection, before the use": (None, False, "approved"),
}
"""What the agent's server receives for a use, whether it was one, and the state afterwards."""


@pytest.mark.parametrize("case", LOST)
def test_a_use_whose_reply_is_lost_is_unknown(service, phone, run, case):
    """Nobody knows whether the approval was used, so no code may say that it was not."""
    failure, executed, state = LOST[case]
    service.fail(CONSUME, failure, executed=executed)

    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid)
        return (await agent.call("require", id=guid, arguments=ARGUMENTS))["error"]

    error = run(service.server(), scenario)
    assert (error["code"], error["state"]) == ("use_unknown", state)


def test_a_use_whose_state_cannot_be_read_is_unknown(service, phone, run):
    service.fail(CONSUME, "502 Bad Gateway", executed=True)

    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid)
        service.fail(ACTION_STATUS.format(guid), "502 Bad Gateway", executed=False)
        return (await agent.call("require", id=guid, arguments=ARGUMENTS))["error"]

    error = run(service.server(), scenario)
    assert (error["code"], "state" in error) == ("use_unknown", False)


def test_a_use_that_was_not_sent_is_unavailable(service, phone, run, monkeypatch):
    """Without a connection to the service, nothing was used."""

    def fail(*_):
        raise NotSent

    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid)
        monkeypatch.setattr(Client, "consume", fail)
        return await agent.refusal("require", id=guid, arguments=ARGUMENTS)

    assert run(service.server(), scenario) == "unavailable"
