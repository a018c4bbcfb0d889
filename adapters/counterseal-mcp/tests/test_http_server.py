"""The server on HTTP: who is served, and who is not."""

import anyio
import httpx2
import pytest
from anyio.to_thread import run_sync
from mcp import Client as McpClient
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from counterseal.errors import InvalidField
from counterseal_mcp.command import main
from counterseal_mcp.http_server import BODY_LIMIT, HttpAddress, http_server

TOKEN = "a-token-of-the-operator-0123456789"
ACTION = {"resource": "send_email", "arguments": {"to": "zoe@example.com"}}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "agent", "version": "1"},
    },
}


def serve(service, scenario, **settings):
    """Serve on loopback while *scenario* runs, which is given the URL."""
    settings = service.settings(**settings)

    async def main():
        listener, address = HttpAddress.read("127.0.0.1:0").listen()
        server = http_server(service.server(settings), settings, address)
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            try:
                return await scenario(f"http://{address.text}/mcp")
            finally:
                server.should_exit = True

    return anyio.run(main)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_with_the_token_is_served(service, phone, mode):
    async def scenario(url):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            create_mcp_http_client(headers=headers) as http,
            McpClient(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            guid = (await client.call_tool("ask", ACTION)).structured_content["id"]
            await run_sync(service.answer, phone, guid)
            require = {"id": guid, "arguments": ACTION["arguments"]}
            first = await client.call_tool("require", require)
            again = await client.call_tool("require", require)
            return first.structured_content["state"], again.structured_content["error"]["code"]

    assert serve(service, scenario, token=TOKEN) == ("used", "action_used")


STRANGERS = {
    "no token": ({"Authorization": None}, 401),
    "another token": ({"Authorization": f"Bearer {TOKEN[:-1]}x"}, 401),
    "half a token": ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
    "another scheme": ({"Authorization": f"Basic {TOKEN}"}, 401),
    "another name of this machine": ({"Host": "attacker.example"}, 421),
    "a page of a browser": ({"Origin": "https://attacker.example"}, 403),
    "a local page of a browser": ({"Origin": "http://localhost:3000"}, 403),
    "too long a body": ({}, 413),
}


def test_strangers_are_not_served(service):
    async def scenario(url):
        statuses = {}
        async with httpx2.AsyncClient() as http:
            for name, (changed, _) in STRANGERS.items():
                headers = {
                    "Authorization": f"Bearer {TOKEN}",
                    "Accept": "application/json, text/event-stream",
                } | changed
                fields = {key: value for key, value in headers.items() if value is not None}
                body = INITIALIZE
                if name == "too long a body":
                    body = INITIALIZE | {"padding": "x" * BODY_LIMIT}
                statuses[name] = (await http.post(url, json=body, headers=fields)).status_code
            good = await http.post(
                url,
                json=INITIALIZE,
                headers={
                    "authorization": f"bearer {TOKEN}",
                    "Accept": "application/json, text/event-stream",
                },
            )
        return statuses, good.status_code, good.headers

    statuses, good, headers = serve(service, scenario, token=TOKEN)
    assert statuses == {name: status for name, (_, status) in STRANGERS.items()}
    assert good == 200
    assert "server" not in headers
    assert "mcp-session-id" not in headers


def test_the_operator_names_hosts(service):
    async def scenario(url):
        headers = {
            "Host": "agents.example.com",
            "Accept": "application/json, text/event-stream",
        }
        async with httpx2.AsyncClient() as http:
            return (await http.post(url, json=INITIALIZE, headers=headers)).status_code

    assert serve(service, scenario, hosts=["agents.example.com"]) == 200
    assert serve(service, scenario) == 421


@pytest.mark.parametrize(
    ("address", "settings", "field"),
    [
        ("192.0.2.1:8791", {}, "token_file"),
        ("0.0.0.0:8791", {"token": TOKEN}, "hosts"),
        ("[::]:8791", {"token": TOKEN}, "hosts"),
        ("127.0.0.1:8791", {"invite": True}, "invite"),
    ],
)
def test_nothing_is_open_by_default(service, address, settings, field):
    with pytest.raises(InvalidField) as refusal:
        HttpAddress.read(address).require_protected(service.settings(**settings))
    assert refusal.value.field == field


def test_what_is_protected_may_listen(service):
    for address, settings in [
        ("127.0.0.1:8791", {}),
        ("[::1]:8791", {}),
        ("192.0.2.1:8791", {"token": TOKEN}),
        ("0.0.0.0:8791", {"token": TOKEN, "hosts": ["agents.example.com"]}),
    ]:
        HttpAddress.read(address).require_protected(service.settings(**settings))


@pytest.mark.parametrize(
    "text", ["8791", ":8791", "localhost:8791", "127.0.0.1", "127.0.0.1:70000", "1.2.3:1"]
)
def test_other_addresses_are_refused(text):
    with pytest.raises(InvalidField) as refusal:
        HttpAddress.read(text)
    assert refusal.value.field == "http"


def test_the_command_refuses_to_serve_strangers(write_config, capsys, monkeypatch):
    monkeypatch.setenv("COUNTERSEAL_MCP_KEY", "key-of-the-origin")

    assert main(["--config", str(write_config()), "--http", "192.0.2.1:8791"]) == 2
    assert "token_file" in capsys.readouterr().err
    assert main(["--config", str(write_config()), "--http", "127.0.0.1:8791", "--check"]) == 0
