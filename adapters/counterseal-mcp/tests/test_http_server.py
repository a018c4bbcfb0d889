"""The server on HTTP: who is served, and who is not."""

import json
import socket
from contextlib import ExitStack, contextmanager, suppress
from select import select
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from anyio.to_thread import run_sync
from mcp import Client as McpClient
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from counterseal.errors import InvalidField
from counterseal_mcp import http_connection
from counterseal_mcp.command import main
from counterseal_mcp.http_server import BODY_LIMIT, CONCURRENCY, HttpAddress, http_server

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


HEAD = (
    b"POST /mcp HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\n"
    b"Accept: application/json, text/event-stream\r\n"
)
BEGINNINGS = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 400\r\n\r\n{",
}
PATIENCE = 240
"""Seconds after which a test that waits for the server has failed."""


def serve(service, scenario, at="127.0.0.1:0", **settings):
    """Serve on loopback while *scenario* runs, which is given the URL."""
    settings = service.settings(**settings)

    async def main():
        listener, address = HttpAddress.read(at).listen()
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
        async with httpx2.AsyncClient(timeout=PATIENCE) as http:
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
        async with httpx2.AsyncClient(timeout=PATIENCE) as http:
            return (await http.post(url, json=INITIALIZE, headers=headers)).status_code

    assert serve(service, scenario, hosts=["agents.example.com"]) == 200
    assert serve(service, scenario) == 421


LOOPBACK_NAMES = {
    "127.0.0.1": {"127.0.0.1:{}", "localhost:{}"},
    "127.0.0.2": {"127.0.0.2:{}"},
    "[::1]": {"[::1]:{}", "localhost:{}"},
}
NAMES = (
    *("127.0.0.1:{}", "127.0.0.2:{}", "[::1]:{}", "localhost:{}"),
    *("localhost", "127.0.0.1", "localhost:1", "127.0.0.1:1", "[::1]:1"),
    *("localhost.:{}", "a.localhost:{}", "localhost.example:{}", "0.0.0.0:{}", "evil.example"),
)


@pytest.mark.parametrize("host", LOOPBACK_NAMES)
def test_only_the_names_of_its_loopback_address_are_accepted_in_host_and_origin(service, host):
    async def scenario(url):
        port = urlsplit(url).port

        async def post(**headers):
            headers = {"Accept": "application/json, text/event-stream", **headers}
            return (await http.post(url, json=INITIALIZE, headers=headers)).status_code

        async with httpx2.AsyncClient(timeout=PATIENCE) as http:
            hosts = {name: await post(Host=name.format(port)) for name in NAMES}
            origins = {name: await post(Origin=f"http://{name.format(port)}") for name in NAMES}
            odd = [await post(Origin=text) for text in ("null", f"https://localhost:{port}")]
        return hosts, origins, odd

    if host == "[::1]" and not has_ipv6_loopback():
        pytest.skip("this machine has no ::1")
    hosts, origins, odd = serve(service, scenario, at=f"{host}:0")
    accepted = LOOPBACK_NAMES[host]
    assert hosts == {name: 200 if name in accepted else 421 for name in NAMES}
    assert origins == {name: 200 if name in accepted else 403 for name in NAMES}
    assert odd == [403, 403]


def has_ipv6_loopback():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_a_named_host_is_no_origin(service):
    """A page of a name that the operator sets is no page of this machine."""

    async def scenario(url):
        headers = {
            "Host": "agents.example.com",
            "Origin": "http://agents.example.com",
            "Accept": "application/json, text/event-stream",
        }
        async with httpx2.AsyncClient(timeout=PATIENCE) as http:
            return (await http.post(url, json=INITIALIZE, headers=headers)).status_code

    assert serve(service, scenario, hosts=["agents.example.com"]) == 403


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


@contextmanager
def closing_all(connections):
    """Close the connections in the end."""
    with ExitStack() as stack:
        for connection in connections:
            stack.enter_context(connection)
        yield


def connect(url, beginning, connections):
    """Open connections that send *beginning*, and no more."""
    host, port = url.removeprefix("http://").removesuffix("/mcp").split(":")
    opened = []
    for _ in range(connections):
        opened.append(socket.create_connection((host, int(port)), timeout=PATIENCE))
        opened[-1].sendall(beginning.replace(b"%b", f"{host}:{port}".encode()))
    return opened


def request_of(url, body):
    """Return the octets of a whole request."""
    host = url.removeprefix("http://").removesuffix("/mcp")
    content = json.dumps(body).encode()
    return (
        HEAD.replace(b"%b", host.encode())
        + f"Content-Length: {len(content)}\r\n\r\n".encode()
        + content
    )


def is_closed(connection):
    """Read until the server closes; fail after PATIENCE."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


async def post(url, body=INITIALIZE):
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(timeout=PATIENCE) as http:
        return (await http.post(url, json=body, headers=headers)).status_code


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_connections_without_a_request_do_not_stop_the_next_client(service, beginning):
    """Without a deadline: a silent connection gives way when all places are taken."""

    async def scenario(url):
        opened = await run_sync(connect, url, BEGINNINGS[beginning], CONCURRENCY + 10)
        with closing_all(opened):
            return [await post(url) for _ in range(3)]

    assert serve(service, scenario) == [200, 200, 200]


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_connection_without_a_request_is_closed(service, monkeypatch, beginning):
    monkeypatch.setattr(http_connection, "RECEIVE_SECONDS", 0.2)

    async def scenario(url):
        opened = await run_sync(connect, url, BEGINNINGS[beginning], 2)
        with closing_all(opened):
            return [await run_sync(is_closed, each) for each in opened]

    assert serve(service, scenario) == [True, True]


def test_octets_now_and_then_do_not_extend_the_deadline(service, monkeypatch):
    monkeypatch.setattr(http_connection, "RECEIVE_SECONDS", 0.2)

    def drip(connection):
        with suppress(ConnectionError):
            while not select([connection], [], [], 0.01)[0]:
                connection.sendall(b" ")
        return is_closed(connection)

    async def scenario(url):
        beginning = HEAD + b"Content-Length: 100000\r\n\r\n"
        opened = await run_sync(connect, url, beginning, 1)
        with closing_all(opened), anyio.fail_after(PATIENCE):
            return await run_sync(drip, opened[0], abandon_on_cancel=True)

    assert serve(service, scenario)


def test_a_connection_is_closed_that_sends_no_second_request(service, monkeypatch):
    # Longer than a busy machine takes to send and to read the two requests.
    monkeypatch.setattr(http_connection, "RECEIVE_SECONDS", 2)

    async def scenario(url):
        opened = await run_sync(connect, url, request_of(url, INITIALIZE) * 2, 1)
        with closing_all(opened):
            received = await run_sync(receive_all, opened[0])
        return received.count(b"HTTP/1.1 200"), received.count(b'"protocolVersion"')

    assert serve(service, scenario) == (2, 2)


def receive_all(connection):
    received = b""
    with suppress(ConnectionResetError):
        while octets := connection.recv(65_536):
            received += octets
    return received


def test_a_call_may_take_longer_than_its_request(service, phone, monkeypatch):
    # Longer than a busy machine takes to send and to read each request.
    monkeypatch.setattr(http_connection, "RECEIVE_SECONDS", 2)

    async def scenario(url):
        async with McpClient(streamable_http_client(url)) as client:
            guid = (await client.call_tool("ask", ACTION)).structured_content["id"]
            require = {"id": guid, "arguments": ACTION["arguments"], "wait_seconds": 3}
            return (await client.call_tool("require", require)).structured_content["error"]

    assert serve(service, scenario)["code"] == "pending"


def test_calls_that_run_are_not_ended_for_new_connections(service, phone, monkeypatch):
    monkeypatch.setattr("counterseal_mcp.http_server.CONCURRENCY", 4)

    async def scenario(url):
        async with (
            create_mcp_http_client() as http,
            McpClient(streamable_http_client(url, http_client=http)) as client,
        ):
            guid = (await client.call_tool("ask", ACTION)).structured_content["id"]
            require = {"id": guid, "arguments": ACTION["arguments"], "wait_seconds": 20}
            results = []

            async def wait():
                results.append((await client.call_tool("require", require)).structured_content)

            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                await run_sync(phone.fetch, guid)
                opened = await run_sync(connect, url, b"", 10)
                with closing_all(opened):
                    status = await post(url)
                    await run_sync(service.answer, phone, guid)
        return status, [each["state"] for each in results]

    assert serve(service, scenario) == (200, ["used"])


def test_a_stream_of_messages_is_refused(service):
    """No session is stored, so there is nothing that the server could send on one."""

    async def scenario(url):
        async with httpx2.AsyncClient(timeout=PATIENCE) as http:
            reply = await http.get(url, headers={"Accept": "text/event-stream"})
        return reply.status_code, reply.headers["allow"]

    assert serve(service, scenario) == (405, "POST")
