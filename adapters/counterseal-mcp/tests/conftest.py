"""What the tests share: the service on loopback with real signatures, and MCP clients in memory."""

import json
import socket
import threading
from functools import partial

import anyio
import attrs
import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from mcp import Client as McpClient
from werkzeug.serving import make_server

from counterseal import jwks_document
from counterseal.models import Scheme
from counterseal_client import Trust
from counterseal_flask import Settings as WebSettings
from counterseal_flask import create_blueprints
from counterseal_mcp import Approvals, PendingRequests, Settings, create_server
from counterseal_testing import FakeService

ACCOUNT = "user-1"
APP = "https://auth.example.com/app"
"""Where bind links open."""


class Service:
    """The service that agents ask through, with one origin."""

    def __init__(self):
        self.world = FakeService()
        issued = self.world.credentials.issue(self.world.origin.origin.guid, Scheme.BASIC)
        self.key = issued.secret
        app = Flask("auth")
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._app, self._failures = app.wsgi_app, {}
        app.wsgi_app = self._serve
        settings = WebSettings(public_url=self.url, app_url=APP, app_origins=())
        for blueprint in create_blueprints(self.world.ports, self.world.policy, settings):
            app.register_blueprint(blueprint)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fail(self, path, failure, *, executed):
        """
        Fail the calls of *path*, before or after they were executed.

        *failure* is the status of a proxy, or None for a connection that is lost.
        """
        self._failures[path] = (failure, executed)

    def _serve(self, environ, start_response):
        if environ["PATH_INFO"] not in self._failures:
            return self._app(environ, start_response)
        failure, executed = self._failures[environ["PATH_INFO"]]
        if executed:
            statuses = []
            close = getattr(
                self._app(environ, lambda status, *_: statuses.append(status)), "close", None
            )
            assert statuses[0].startswith("200"), statuses
            if close is not None:
                close()
        if failure is None:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        start_response(failure, [("Content-Length", "0")])
        return []

    @property
    def jwks(self):
        return jwks_document(self.world.ports.signer.jwks())

    def settings(self, **more):
        defaults = {
            "service": self.url,
            "origin": self.world.origin.origin.guid,
            "key": self.key,
            "trust": Trust(keys=self.world.ports.signer.jwks()),
            "accounts": [ACCOUNT],
            "app_space": self.world.app_space.guid,
            "longest_wait": 20,
        }
        return Settings(**(defaults | more))

    def phone(self, account_id=ACCOUNT):
        return self.world.bind(account_id)

    def answer(self, phone, guid, button=0):
        phone.answer(phone.fetch(guid), button)

    def server(self, settings=None, *, pending_requests=None):
        settings = settings or self.settings()
        approvals = Approvals(
            client=settings.client(clock=self.world.clock),
            trust=settings.trust,
            pending_requests=pending_requests or PendingRequests(settings.state),
            clock=self.world.clock,
        )
        return create_server(settings, approvals)


@attrs.frozen
class Agent:
    """An agent, connected by the official client."""

    client: McpClient
    schemas: dict

    async def call(self, tool, **arguments):
        """Call a tool, and return its result, which has the form that the tool declares."""
        result = await self.client.call_tool(tool, arguments)
        members = result.structured_content
        Draft202012Validator(self.schemas[tool]).validate(members)
        assert [json.loads(content.text) for content in result.content] == [members]
        assert ("error" in members) is result.is_error
        return members

    async def refusal(self, tool, **arguments):
        """Call a tool, and return the code with which it refuses."""
        return (await self.call(tool, **arguments))["error"]["code"]


@pytest.fixture
def service():
    service = Service()
    yield service
    service.close()


@pytest.fixture
def phone(service):
    return service.phone()


MODES = ("2026-07-28", "legacy")
"""The two protocols: by discovery, and by the handshake of 2025."""


@pytest.fixture
def run():
    """Return a function that runs a coroutine function with an agent."""

    def run(server, scenario, *, mode=MODES[0], **options):
        async def main():
            async with McpClient(server, mode=mode, **options) as client:
                listed = await client.list_tools()
                schemas = {tool.name: tool.output_schema for tool in listed.tools}
                return await scenario(Agent(client, schemas))

        return anyio.run(main)

    return run


@pytest.fixture(params=MODES)
def run_by_each_protocol(run, request):
    """Return that function, once for each protocol."""
    return partial(run, mode=request.param)


CONFIG = {
    "service": "https://auth.example.com",
    "origin": "ddc9b0d6-8679-8d9a-9173-79d999674554",
    "jwks": "jwks.json",
    "accounts": ["user-1"],
}
"""The file of the settings, as an operator writes it."""


@pytest.fixture
def write_config(service, tmp_path):
    """Return a function that writes the file with other members, and returns its path."""
    (tmp_path / "jwks.json").write_text(json.dumps(service.jwks))
    (tmp_path / "key").write_text("key-of-the-origin\n")
    (tmp_path / "token").write_text("t" * 32)

    def write(**members):
        path = tmp_path / "counterseal-mcp.toml"
        document = {name: value for name, value in (CONFIG | members).items() if value is not None}
        # JSON of texts, numbers, flags and lists of texts is TOML, too.
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in document.items())
        path.write_text("".join(lines))
        return path

    return write
