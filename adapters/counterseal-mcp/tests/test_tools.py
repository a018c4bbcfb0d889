"""The tools, called by the official client in memory, against the service that is shipped."""

from datetime import timedelta

import pytest
from anyio import Event, create_task_group, fail_after
from anyio.to_thread import run_sync
from jsonschema import Draft202012Validator
from mcp import MCPError

from counterseal import verify_use_receipt
from counterseal.errors import InvalidField
from counterseal.models import ChallengeState
from counterseal_client import (
    Client,
    Trust,
)
from counterseal_mcp import CODES, PendingRequests
from counterseal_mcp.tool_arguments import read_ask, read_report, read_require, read_status
from counterseal_mcp.tools import tools

ARGUMENTS = {"to": "zoe@example.com", "copies": 2}
ACTION = {"resource": "send_email", "arguments": ARGUMENTS, "agent": "assistant", "run": "run-7"}
NOBODY = "ddc9b0d6-8679-8d9a-9173-79d999674554"


def test_from_the_question_to_the_outcome(service, phone, run_by_each_protocol):
    async def scenario(agent):
        request = await agent.call("ask", **ACTION, purpose="The report is ready.")
        assert (request["state"], request["seconds_remaining"] > 0) == ("pending", True)
        guid = request["id"]
        require = {"id": guid, "arguments": ARGUMENTS}
        assert await agent.refusal("require", **require, wait_seconds=0) == "pending"

        service.answer(phone, guid)
        assert (await agent.call("status", id=guid))["state"] == "approved"
        used = await agent.call("require", **require)
        assert (used["state"], used["approved_by"]) == ("used", "user-1")
        receipt = verify_use_receipt(used["use_receipt"], trusted=service.world.ports.signer.jwks())
        assert (receipt.proven, receipt.challenge, receipt.action) == (True, guid, used["digest"])

        assert (await agent.call("status", id=guid))["outcome"] == "unknown"
        report = {"id": guid, "outcome": "executed", "detail": "message 12"}
        assert (await agent.call("report", **report))["outcome"] == "executed"
        await agent.call("report", **report)
        assert (await agent.call("status", id=guid))["outcome"] == "executed"
        return guid

    guid = run_by_each_protocol(service.server(), scenario)
    display = service.world.challenges.status(service.world.origin, guid).display
    assert "The report is ready." in display
    assert "assistant" in display


def test_ask_passes_on_what_the_service_warns_of(service, phone, run):
    """Also where the same key is used again; without warnings there is no such member."""
    url = "https://files.example.com/lease.txt"
    document = {"name": "Lease", "size": 1, "type": "text/plain", "sha256": "A" * 43, "url": url}
    action = {"type": "document", "resource": "Lease", "arguments": {"documents": [document]}}

    async def scenario(agent):
        calls = (action, action | {"idempotency_key": "1"}, action | {"idempotency_key": "1"})
        replies = [await agent.call("ask", **call) for call in calls]
        return [reply["warnings"] for reply in replies], await agent.call("ask", **ACTION)

    warnings, plain = run(service.server(), scenario)
    field = "action.arguments.documents[0].url"
    warning = {"code": "document_host", "field": field, "host": "files.example.com"}
    assert warnings == [[warning]] * 3
    assert "warnings" not in plain


def test_require_waits_for_the_answer(service, phone, run_by_each_protocol):
    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        results = []

        async def require():
            results.append(await agent.call("require", id=guid, arguments=ARGUMENTS))

        async with create_task_group() as group:
            group.start_soon(require)
            await run_sync(service.answer, phone, guid)
        return results

    assert [each["state"] for each in run_by_each_protocol(service.server(), scenario)] == ["used"]


def test_an_approval_is_used_once_and_for_its_arguments(service, phone, run):
    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid)
        for swapped in (ARGUMENTS | {"copies": 200}, ARGUMENTS | {"bcc": "x"}, {}):
            code = await agent.refusal("require", id=guid, arguments=swapped)
            assert code == "arguments_differ"
        await agent.call("require", id=guid, arguments=ARGUMENTS)
        assert await agent.refusal("require", id=guid, arguments=ARGUMENTS) == "action_used"

    run(service.server(), scenario)


def test_a_person_declines(service, phone, run_by_each_protocol):
    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid, 1)
        error = (await agent.call("require", id=guid, arguments=ARGUMENTS))["error"]
        assert (error["code"], error["state"]) == ("not_approved", "declined")
        assert (await agent.call("status", id=guid))["state"] == "declined"

    run_by_each_protocol(service.server(), scenario)


def test_an_agent_does_not_learn_that_the_person_disowned_its_request(service, phone, run):
    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        phone.disown(phone.fetch(guid))
        stored = service.world.challenges.status(service.world.origin, guid)
        assert stored.state is ChallengeState.DISOWNED
        required = await agent.call("require", id=guid, arguments=ARGUMENTS)
        return required, await agent.call("status", id=guid)

    required, status = run(service.server(), scenario)
    assert (required["error"]["state"], status["state"]) == ("declined", "declined")
    assert "disown" not in str((required, status)).lower()


def test_nobody_answers_in_time(service, phone, run):
    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION, answer_within_seconds=60))["id"]
        service.world.clock.advance(timedelta(minutes=2))
        assert await agent.refusal("require", id=guid, arguments=ARGUMENTS) == "deadline_passed"
        status = await agent.call("status", id=guid)
        assert (status["state"], status["seconds_remaining"]) == ("expired", 0)

    run(service.server(), scenario)


def test_an_approval_is_too_old(service, phone, run):
    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid)
        service.world.clock.advance(timedelta(hours=1))
        return await agent.refusal("require", id=guid, arguments=ARGUMENTS)

    assert run(service.server(), scenario) == "deadline_passed"


def test_what_another_program_asked_is_unknown(service, phone, run):
    """The same origin's key does not let an agent use an approval that it did not ask for."""
    client = service.settings().client()
    pending_request = client.ask("user-1", "Log in?")

    async def scenario(agent):
        for guid in (pending_request.guid, NOBODY):
            calls = {"require": {"arguments": {}}, "status": {}, "report": {"outcome": "failed"}}
            for tool, more in calls.items():
                assert await agent.refusal(tool, id=guid, **more) == "unknown_request"

    run(service.server(), scenario)


def test_the_operator_says_who_may_be_asked(service, run):
    phones = {name: service.phone(name) for name in ("user-1", "user-2", "user-3")}
    settings = service.settings(accounts=["user-1", "user-2"])

    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION, account_id="user-2"))["id"]
        service.answer(phones["user-2"], guid)
        used = await agent.call("require", id=guid, arguments=ARGUMENTS)
        assert used["approved_by"] == "user-2"
        for members in ({"account_id": "user-3"}, {}):
            error = (await agent.call("ask", **ACTION, **members))["error"]
            assert (error["code"], error["field"]) == ("invalid_argument", "account_id")

    run(service.server(settings), scenario)


def test_with_one_account_an_agent_names_none(service, phone, run):
    async def scenario(agent):
        error = (await agent.call("ask", **ACTION, account_id="user-1"))["error"]
        return error["code"], error["field"]

    assert run(service.server(), scenario) == ("invalid_argument", "account_id")


def test_the_operator_names_the_agent(service, phone, run):
    settings = service.settings(agent="Billing robot")

    async def scenario(agent):
        error = (await agent.call("ask", **ACTION))["error"]
        assert (error["code"], error["field"]) == ("invalid_argument", "agent")
        return (await agent.call("ask", resource="send_email", arguments={"a": 1}))["id"]

    guid = run(service.server(settings), scenario)
    stored = service.world.challenges.status(service.world.origin, guid)
    assert "Billing robot" in stored.display


MALFORMED = [
    ("ask", {"answer": "Approve"}, "answer"),
    ("ask", {"button": 0}, "button"),
    ("ask", {"resource": ""}, "resource"),
    ("ask", {"resource": None}, "resource"),
    ("ask", {"arguments": "rm"}, "arguments"),
    ("ask", {"arguments": {"share": 2**60}}, "arguments.share"),
    ("ask", {"arguments": {"text": "x" * 70_000}}, "arguments"),
    ("ask", {"arguments": {str(row): row for row in range(60)}}, "arguments"),
    ("ask", {"answer_within_seconds": 0}, "answer_within_seconds"),
    ("ask", {"answer_within_seconds": True}, "answer_within_seconds"),
    ("ask", {"answer_within_seconds": 86_401}, "answer_within_seconds"),
    ("ask", {"idempotency_key": "a b"}, "idempotency_key"),
    ("ask", {"language": "?"}, "language"),
    ("ask", {"valid_until": "2030-01-01T00:00:00.000Z"}, "valid_until"),
    ("status", {"id": "../../etc/passwd"}, "id"),
    ("status", {"id": NOBODY, "wait": 3}, "wait"),
    ("require", {"id": NOBODY}, "arguments"),
    ("require", {"id": NOBODY, "arguments": []}, "arguments"),
    ("require", {"id": NOBODY, "arguments": {}, "wait_seconds": 21}, "wait_seconds"),
    ("require", {"id": NOBODY, "arguments": {}, "digest": "x"}, "digest"),
    ("report", {"id": NOBODY, "outcome": "approved"}, "outcome"),
    ("report", {"id": NOBODY, "outcome": "failed", "detail": "x" * 501}, "detail"),
]
"""The tool, what is other than in a good call, and the argument that the refusal names."""


def test_malformed_arguments_are_refused_by_name(service, phone, run):
    async def scenario(agent):
        for tool, changed, field in MALFORMED:
            members = (ACTION if tool == "ask" else {}) | changed
            error = (await agent.call(tool, **members))["error"]
            assert (error["code"], error["field"]) == ("invalid_argument", field)

    run(service.server(), scenario)


def test_a_type_that_the_service_does_not_know_is_refused(service, phone, run):
    async def scenario(agent):
        return (await agent.call("ask", **ACTION, type="refund"))["error"]

    assert run(service.server(), scenario)["service_code"] == "action_type_unknown"


def test_a_person_without_a_device_cannot_be_asked(service, run):
    async def scenario(agent):
        return await agent.refusal("ask", **ACTION)

    assert run(service.server(), scenario) == "unreachable"


def test_a_flood_of_questions_meets_the_policy(service, phone, run):
    async def scenario(agent):
        codes = []
        while "too_often" not in codes:
            result = await agent.call("ask", **ACTION)
            codes.append(result.get("error", {}).get("code"))
        return codes

    codes = run(service.server(), scenario)
    assert set(codes) == {None, "too_often"}
    assert len(codes) <= service.world.policy.pending_limit + 1


def test_an_approval_outlives_the_process_where_a_folder_is_set(service, phone, run, tmp_path):
    settings = service.settings(state=tmp_path / "state")

    async def ask(agent):
        return (await agent.call("ask", **ACTION))["id"]

    guid = run(service.server(settings), ask)
    service.answer(phone, guid)

    async def require(agent):
        return (await agent.call("require", id=guid, arguments=ARGUMENTS))["state"]

    assert run(service.server(settings), require) == "used"
    files = list(settings.state.iterdir())
    assert [path.stem for path in files] == [guid]
    assert [path.stat().st_mode & 0o777 for path in (settings.state, *files)] == [0o700, 0o600]


def test_more_waits_than_there_are_threads_end_at_once(service, phone, run, monkeypatch):
    monkeypatch.setattr("counterseal_mcp.server.WAITS", 1)
    monkeypatch.setattr("counterseal_mcp.server.WAIT_STEP", 240)

    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        results, three_ended = [], Event()

        async def require():
            result = await agent.call("require", id=guid, arguments=ARGUMENTS)
            results.append(result.get("state") or result["error"]["code"])
            if len(results) == 3:
                three_ended.set()

        with fail_after(120):
            async with create_task_group() as group:
                for _ in range(4):
                    group.start_soon(require)
                await three_ended.wait()
                await run_sync(service.answer, phone, guid)
        return results

    server = service.server(service.settings(longest_wait=240))
    assert run(server, scenario) == ["pending", "pending", "pending", "used"]


def test_a_service_that_lets_other_arguments_pass_is_not_believed(service, phone, run, monkeypatch):
    """The receipt of a use must be of the arguments that were presented here."""
    consume = Client.consume
    monkeypatch.setattr(
        Client, "consume", lambda client, request, _: consume(client, request, ARGUMENTS)
    )

    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid)
        swapped = ARGUMENTS | {"to": "mallory@example.com"}
        return await agent.refusal("require", id=guid, arguments=swapped)

    assert run(service.server(), scenario) == "evidence_refused"


def test_only_trusted_keys_prove_an_approval(service, phone, run):
    settings = service.settings(trust=Trust(thumbprint="A" * 43))

    async def scenario(agent):
        guid = (await agent.call("ask", **ACTION))["id"]
        service.answer(phone, guid)
        code = await agent.refusal("require", id=guid, arguments=ARGUMENTS)
        return code, (await agent.call("status", id=guid))["state"]

    assert run(service.server(settings), scenario) == ("evidence_refused", "approved")


def test_the_tools_are_these_and_none_answers(service, run_by_each_protocol):
    async def scenario(agent):
        with pytest.raises(MCPError):
            await agent.client.call_tool("answer", {"id": NOBODY})
        return (await agent.client.list_tools()).tools, agent.client.server_capabilities

    listed, capabilities = run_by_each_protocol(service.server(), scenario)
    assert {
        tool.name: (
            tool.annotations.read_only_hint,
            tool.annotations.destructive_hint,
            tool.annotations.idempotent_hint,
        )
        for tool in listed
    } == {
        "ask": (False, False, False),
        "status": (True, None, None),
        "require": (False, True, False),
        "report": (False, False, True),
    }
    for tool in listed:
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema)
        assert tool.input_schema["additionalProperties"] is False
    assert capabilities.prompts is None
    assert capabilities.resources is None


def test_the_schemas_name_what_the_readers_read(service):
    several = service.settings(accounts=["user-1", "user-2"])
    one = service.settings(agent="Billing robot")
    names = [set(tools(settings)[0].input_schema["properties"]) for settings in (several, one)]
    assert names[0] - names[1] == {"account_id", "agent"}
    assert names[1] < names[0]
    assert set(CODES) == set(
        tools(one)[0].output_schema["oneOf"][1]["properties"]["error"]["properties"]["code"]["enum"]
    )


FULL = {
    "ask": ACTION
    | {"type": "tool-call", "purpose": "Why", "language": "de", "account_id": "user-2"}
    | {"answer_within_seconds": 60, "idempotency_key": "step-4"},
    "status": {"id": NOBODY},
    "require": {"id": NOBODY, "arguments": {}, "wait_seconds": 0},
    "report": {"id": NOBODY, "outcome": "failed", "detail": "timeout"},
}
"""A call of each tool with every argument."""


def test_what_the_schemas_allow_is_read(service):
    settings = service.settings(accounts=["user-1", "user-2"])
    readers = {
        "ask": lambda members: read_ask(members, settings),
        "status": read_status,
        "require": lambda members: read_require(members, settings),
        "report": read_report,
    }
    for tool in tools(settings):
        members = FULL[tool.name]
        assert set(members) == set(tool.input_schema["properties"])
        Draft202012Validator(tool.input_schema).validate(members)
        readers[tool.name](members)
        for name in tool.input_schema["required"]:
            with pytest.raises(InvalidField) as refusal:
                readers[tool.name]({key: value for key, value in members.items() if key != name})
            assert refusal.value.field.removeprefix("action.") == name


def test_requests_in_memory_are_limited_and_end_with_their_approval(service, phone):
    client = service.settings().client(clock=service.world.clock)
    now = service.world.clock.now()
    requests = [client.ask("user-1", f"Question {number}?") for number in range(3)]
    stored = PendingRequests(limit=2)
    for request in requests:
        stored.add(request, now)
    assert [stored.load(each.guid) for each in requests] == [None, *requests[1:]]
    stored.add(requests[0], now + timedelta(days=2))
    assert [stored.load(each.guid) for each in requests] == [requests[0], None, None]
