"""`counterseal-mcp`: an agent on the official client asks, and people answer."""

import json
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from counterseal import trusted_keys, verify_receipt, verify_use_receipt

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples" / "agents"))

import mcp_client

COMMAND = str(Path(sys.executable).with_name("counterseal-mcp"))
TOKEN = "a-token-of-the-operator-0123456789"
ARGUMENTS = {"path": "/srv/backups/2019", "recursive": True}
ACTION = {"resource": "delete_folder", "arguments": ARGUMENTS, "agent": "Housekeeper"}


@pytest.fixture
def jwks(service):
    """Return the service's public keys."""
    status, document = service.send("GET", "/.well-known/jwks.json", b"", {})
    assert status == 200
    return document


@pytest.fixture(scope="module")
def agent_origin(service):
    """Return an origin that only asks, as the page says."""
    return service.new_agent("Agents")


@pytest.fixture
def config(service, agent_origin, jwks, account_id, tmp_path):
    """Return the file of the settings."""
    (tmp_path / "jwks.json").write_text(json.dumps(jwks))
    (tmp_path / "origin.key").write_text(agent_origin.secret)
    members = {
        "service": service.url,
        "origin": agent_origin.guid,
        "key_file": "origin.key",
        "jwks": "jwks.json",
        "accounts": [account_id],
        "app_space": service.app_space,
        "state": "state",
    }
    path = tmp_path / "mcp.toml"
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in members.items()))
    return path


@asynccontextmanager
async def over_stdio(config):
    """Connect a client that starts the command, as the JSON of an MCP client says."""
    server = StdioServerParameters(command=COMMAND, args=["--config", str(config)])
    async with Client(server) as client:
        yield client


@asynccontextmanager
async def over_http(config):
    """Start the command, and connect a client that presents the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        serve_http(config, COUNTERSEAL_MCP_TOKEN=TOKEN) as url,
        create_mcp_http_client(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


@asynccontextmanager
async def serve_http(config, **variables):
    """Start the command on loopback; return its address."""
    command = [COMMAND, "--config", str(config), "--http", "127.0.0.1:0"]
    process = await anyio.open_process(command, env=os.environ | variables, stdout=None)
    try:
        yield await listening_url(process.stderr)
        process.terminate()
        assert await process.wait() == -signal.SIGTERM
    finally:
        if process.returncode is None:
            process.kill()
        await process.aclose()


async def listening_url(stderr):
    """Return the address that the command logs."""
    text = ""
    async for chunk in stderr:
        text += chunk.decode()
        if match := re.search(r"serves (http://\S+)\n", text):
            return match[1]
    raise AssertionError(text)


@pytest.fixture(params=[over_stdio, over_http], ids=["stdio", "http"])
def connect(request, config):
    """Return a context manager of a client, on each transport."""
    return partial(request.param, config)


async def call(client, tool, **arguments):
    """Return the members of a tool's result."""
    result = await client.call_tool(tool, arguments)
    assert ("error" in result.structured_content) is result.is_error
    return result.structured_content


async def refusal(client, tool, **arguments):
    """Return the code of a tool's refusal."""
    return (await call(client, tool, **arguments))["error"]["code"]


def test_a_person_approves_what_an_agent_does(connect, phone, jwks, account_id):
    async def main():
        async with connect() as client:
            guid = (await call(client, "ask", **ACTION))["id"]
            require = {"id": guid, "arguments": ARGUMENTS}
            assert await refusal(client, "require", **require, wait_seconds=0) == "pending"

            used = []
            async with anyio.create_task_group() as group:
                group.start_soon(_append, used, client, require)
                await run_sync(phone.await_request)
                display = await run_sync(phone.display, guid)
                await run_sync(phone.approve, guid)
            assert await refusal(client, "require", **require) == "action_used"
            await call(client, "report", id=guid, outcome="executed")
            return guid, display, used[0], await call(client, "status", id=guid)

    guid, display, used, status = anyio.run(main)
    assert {"key": "$.path", "value": '"/srv/backups/2019"'} in display["content"]["keys"]
    assert (used["state"], used["approved_by"]) == ("used", account_id)
    assert (status["state"], status["outcome"]) == ("used", "executed")
    keys = trusted_keys(jwks)
    approval = verify_receipt(used["receipt"], trusted=keys)
    use = verify_use_receipt(used["use_receipt"], trusted=keys)
    assert (approval.proven, approval.approved, approval.answer.challenge) == (True, True, guid)
    assert (use.proven, use.presented, use.challenge, use.action) == (
        *(True, True),
        guid,
        display["action"]["digest"],
    )


async def _append(results, client, require):
    results.append(await call(client, "require", **require))


def test_swapped_arguments_are_refused(connect, phone):
    async def main():
        async with connect() as client:
            guid = (await call(client, "ask", **ACTION))["id"]
            await run_sync(phone.approve, guid)
            for swapped in (ARGUMENTS | {"path": "/"}, ARGUMENTS | {"force": True}, {}):
                code = await refusal(client, "require", id=guid, arguments=swapped)
                assert code == "arguments_differ"
            return (await call(client, "require", id=guid, arguments=ARGUMENTS))["state"]

    assert anyio.run(main) == "used"


@pytest.mark.parametrize("verb", ["decline", "disown"])
def test_a_person_declines(config, phone, verb):
    async def main():
        async with over_stdio(config) as client:
            guid = (await call(client, "ask", **ACTION))["id"]
            await run_sync(getattr(phone, verb), guid)
            return (await call(client, "require", id=guid, arguments=ARGUMENTS))["error"]

    error = anyio.run(main)
    assert (error["code"], error["state"]) == ("not_approved", "declined")


def test_nobody_answers(config, phone):
    async def main():
        async with over_stdio(config) as client:
            guid = (await call(client, "ask", **ACTION, answer_within_seconds=2))["id"]
            return await refusal(client, "require", id=guid, arguments=ARGUMENTS)

    assert anyio.run(main) == "deadline_passed"


def test_an_approval_outlives_the_process(config, phone):
    async def ask():
        async with over_stdio(config) as client:
            return (await call(client, "ask", **ACTION))["id"]

    async def require(guid):
        async with over_stdio(config) as client:
            return (await call(client, "require", id=guid, arguments=ARGUMENTS))["state"]

    guid = anyio.run(ask)
    phone.approve(guid)
    assert anyio.run(require, guid) == "used"


@pytest.mark.parametrize(
    ("verb", "outcome"),
    [
        ("approve", "{} has approved: /srv/backups/2019 is deleted."),
        ("decline", "Not executed: not_approved."),
    ],
)
def test_the_example_acts_on_an_approval_only(config, phone, account_id, verb, outcome):
    async def main():
        result = []

        async def ask(client):
            result.append(await mcp_client.delete_if_approved(client))

        async with over_stdio(config) as client, anyio.create_task_group() as group:
            group.start_soon(ask, client)
            guid = await run_sync(phone.await_request)
            await run_sync(getattr(phone, verb), guid)
        return result[0]

    assert anyio.run(main) == outcome.format(account_id)


CONFORMANCE = ("server-initialize", "ping", "tools-list", "dns-rebinding-protection")
"""
The scenarios of the conformance suite that apply.

The others call tools, prompts and resources of the suite's own example server.
"""


@pytest.fixture
def suite(node, interop_modules):
    """Return the command of the conformance suite."""
    package = interop_modules / "@modelcontextprotocol" / "conformance"
    return node / "bin" / "node", package / "dist" / "index.js"


@pytest.mark.parametrize("scenario", CONFORMANCE)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_conformance_suite_passes(config, suite, scenario, name):
    results = config.parent / "results"

    async def main():
        async with serve_http(config) as url:
            options = ["--url", url.replace("127.0.0.1", name), "--scenario", scenario]
            command = [*suite, "server", *options, "--output-dir", results]
            return await anyio.run_process(command, check=False)

    ended = anyio.run(main)
    assert ended.returncode == 0, ended.stdout.decode()
    (checks,) = results.rglob("checks.json")
    statuses = [check["status"] for check in json.loads(checks.read_text())]
    assert statuses
    assert set(statuses) <= {"SUCCESS", "INFO"}
