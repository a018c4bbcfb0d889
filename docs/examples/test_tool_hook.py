"""The hook of a coding agent: it allows a call that a person has approved, and no other."""

import base64
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import tool_hook
from ask_from_your_site import service
from reserved_ports import reserve_port

from counterseal import jwks_document
from counterseal.models import OriginRole, Scheme
from counterseal_client import Client
from counterseal_testing.service import FakeService

CALL = {
    "session_id": "session-1",
    "hook_event_name": "PreToolUse",
    "tool_name": "Bash",
    "tool_input": {"command": "rm -r build", "timeout": 120_000},
}
BLOCKED = 2
OTHER_KEYS = FakeService(seed=7).ports.signer.jwks()


@pytest.fixture
def world(monkeypatch, tmp_path):
    """The service, and what the hook reads of it."""
    world, _, server, url = service()
    agent = world.new_origin(world.app_space, "Coding agent", role=OriginRole.ASKING).origin.guid
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(jwks_document(world.ports.signer.jwks())), "utf-8")
    settings = {
        "URL": url,
        "ORIGIN": agent,
        "KEY": world.credentials.issue(agent, Scheme.BASIC).secret,
        "ACCOUNT": "user-42",
        "JWKS": str(jwks),
    }
    for name, text in settings.items():
        monkeypatch.setenv(f"AGENT_{name}", text)
    with Client(url, agent, settings["KEY"]) as client:
        world.client = client
        yield world
    server.shutdown()
    server.server_close()


@pytest.fixture
def phone(world):
    return world.bind("user-42")


def decided(phone, button=0, call=CALL):
    """Answer what the hook asks about a call; return the question's GUID and the decision."""
    with ThreadPoolExecutor() as threads:
        deciding = threads.submit(tool_hook.decide, io.StringIO(json.dumps(call)))
        while not (requests := phone.pending()):
            with pytest.raises(TimeoutError):
                deciding.result(0.01)
        (request,) = requests
        phone.answer(phone.fetch(request.guid), button)
        return request.guid, deciding.result(60)


def test_a_program_allows_an_approved_call_and_uses_the_approval(world, phone):
    with subprocess.Popen(
        [sys.executable, tool_hook.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as hook:
        hook.stdin.write(json.dumps(CALL))
        hook.stdin.close()
        while not (requests := phone.pending()):
            with pytest.raises(subprocess.TimeoutExpired):
                hook.wait(0.05)
        guid = requests[0].guid
        challenge = phone.fetch(guid)
        rows = phone.device.read_display(challenge.display)["content"]["keys"]
        phone.answer(challenge)
        output = json.load(hook.stdout)["hookSpecificOutput"]

    shown = {row["key"]: row["value"] for row in rows}
    assert (shown["Tool"], shown["$.command"]) == ("Bash", '"rm -r build"')
    assert (output["hookEventName"], output["permissionDecision"]) == ("PreToolUse", "allow")
    use = world.client.action(guid).use
    assert (use.state.value, use.presented) == ("UNKNOWN", True)


def test_a_refused_call_is_denied(world, phone):
    guid, decision = decided(phone, 1)
    assert decision == ("deny", "Not approved: declined.")
    assert world.client.action(guid).use is None


def test_a_call_that_nobody_answers_is_denied_and_its_request_is_over(phone, monkeypatch):
    monkeypatch.setattr(tool_hook, "WAIT", timedelta(seconds=1))
    decision = tool_hook.decide(io.StringIO(json.dumps(CALL)))
    assert decision == ("deny", "Not approved: unanswered.")
    assert phone.pending() == ()


def test_what_other_keys_would_prove_is_denied(world, phone):
    Path(os.environ["AGENT_JWKS"]).write_text(json.dumps(jwks_document(OTHER_KEYS)), "utf-8")
    guid, decision = decided(phone)
    assert decision == ("deny", "Not approved: evidence_refused.")
    assert world.client.action(guid).use is None


@pytest.mark.parametrize(
    ("call", "variables", "reason"),
    [
        ("{", {}, "JSONDecodeError"),
        ("{}", {}, "KeyError"),
        (json.dumps(CALL | {"tool_input": "rm"}), {}, "invalid_field"),
        (json.dumps(CALL | {"tool_input": {"text": "x" * 5_000}}), {}, "request_refused"),
        (json.dumps(CALL), {"AGENT_URL": f"http://127.0.0.1:{reserve_port()}"}, "not_sent"),
        (json.dumps(CALL), {"AGENT_ACCOUNT": "nobody"}, "request_unreachable"),
        (
            json.dumps(CALL),
            {"AGENT_KEY": base64.b64encode(bytes(32)).decode()},
            "request_unauthorised",
        ),
    ],
)
def test_whatever_fails_is_denied(phone, monkeypatch, call, variables, reason):
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert tool_hook.decide(io.StringIO(call)) == ("deny", f"Not approved: {reason}.")
    assert phone.pending() == ()


def test_a_program_without_its_packages_denies_and_one_without_python_blocks():
    def run(program):
        return subprocess.run(  # noqa: S602 (as the agent does)
            f"{program} {tool_hook.__file__} || exit 2",
            shell=True,
            input="{}",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    denied = run(f"{sys.executable} -I -S")
    assert denied.returncode == 0
    assert json.loads(denied.stdout)["hookSpecificOutput"] == {
        "hookEventName": "PreToolUse",
        "permissionDecision": "deny",
        "permissionDecisionReason": "Not approved: ModuleNotFoundError.",
    }
    assert run("./no-such-python").returncode == BLOCKED
