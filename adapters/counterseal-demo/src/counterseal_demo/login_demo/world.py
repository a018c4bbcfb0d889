"""The environment of the demo: a service, a provider, and a shop."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import attrs
from werkzeug.serving import WSGIRequestHandler, make_server

from counterseal import OPERATOR, STANDARD, Administration, Credentials, Policy, Ports
from counterseal.credentials.documents import write_basic
from counterseal.memory import MemoryAudit, memory_ports
from counterseal.models import AppSpace, ClientAuth, Company, IdpSettings, Origin, Scheme
from counterseal_demo.trial import TrialProvider
from counterseal_http import Guard, GuardedClient, HttpCallbackSender, guarded_client
from counterseal_http.devices import DeviceCalls
from counterseal_oidc import OidcIdentityProvider
from counterseal_web import Service, Settings
from counterseal_web.wsgi import WsgiApplication

CLIENT = "counterseal"
APP_RETURN = "com.example.app:/login"
PIN_COST = 2**10
"""For keys that live for a minute; a real device uses a much higher cost."""

LOOPBACK = Guard(allow_http=True, allow_private=True, ports=None)


@attrs.frozen(kw_only=True)
class World:
    """
    The service, the provider and the shop.

    Attributes:
        url: The URL of the service.
        calls: The calls of apps to it.
        client: An HTTP client for browsers, shops and providers.
        shop: The credential of the origin.
        receiver: Receives the callbacks of the origin.
    """

    ports: Ports
    policy: Policy
    url: str
    calls: DeviceCalls
    client: GuardedClient
    provider: TrialProvider
    company: Company
    app_space: AppSpace
    origin: Origin
    shop: dict[str, str]
    receiver: Receiver

    @property
    def come_back(self) -> str:
        """The URI to which the provider redirects users."""
        return f"{self.url}/device/login/return"

    def ask(self, method: str, path: str, document: dict[str, Any] | None = None) -> Any:
        """Make a call of the shop; return the reply."""
        headers, body = dict(self.shop), None
        if document is not None:
            headers["Content-Type"], body = "application/json", json.dumps(document).encode()
        return self.client.request(method, self.url + path, headers=headers, content=body).json()

    def log_out(self, token: str) -> int:
        """Send a logout token; return the status."""
        path = f"/device/login/logout/{self.app_space.guid}"
        return self.client.request(
            "POST", self.url + path, data={"logout_token": token}
        ).status_code

    def reason(self) -> str:
        """Return the code of the newest refusal in the audit log."""
        assert isinstance(self.ports.audit, MemoryAudit)  # noqa: S101 (for the type checker)
        return next((event.reason for event in self.ports.audit.events[::-1] if event.reason), "")


class Receiver(HTTPServer):
    """Receives the callbacks of the shop."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Callback)
        self.url = f"http://127.0.0.1:{self.server_port}/answered"
        self.received: list[tuple[bool, dict[str, Any]]] = []


class _Callback(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(("webhook-signature" in self.headers, json.loads(body)))
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base's)
        """Say nothing."""


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Log nothing: the report prints the results."""


@contextmanager
def open_world() -> Iterator[World]:
    """
    Create everything, and close it at the end.

    Raises:
        NodeMissing: Node is not installed.
        RegistryUnreachable: The provider must be installed, and npm's registry did not reply.
        TrialBroken: The provider could not be installed, or did not start.
        OSError: No port is free, or the cache folder cannot be written.
    """
    with ExitStack() as after:
        server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=_Quiet)
        after.callback(server.server_close)
        url = f"http://127.0.0.1:{server.server_port}"
        ports = memory_ports()
        identity = OidcIdentityProvider(ports.sealer, ports.clock, ports.entropy, guard=LOOPBACK)
        after.callback(identity.close)
        sender = HttpCallbackSender(LOOPBACK, ports.clock)
        after.callback(sender.close)
        ports = attrs.evolve(ports, identity=identity, sender=sender)
        # The provider is asked at every call of a device; a real service asks every few minutes.
        policy = attrs.evolve(STANDARD, revalidation_life=timedelta())
        server.app = WsgiApplication(Service(ports, policy, Settings(public_url=url)))
        receiver = Receiver()
        after.callback(receiver.server_close)
        for serving in (server, receiver):
            threading.Thread(target=serving.serve_forever, daemon=True).start()
            after.callback(serving.shutdown)
        secret = ports.entropy.token(32).hex()
        provider = after.enter_context(TrialProvider([_client(url, secret)]))
        calls, client = DeviceCalls(url), guarded_client(LOOPBACK)
        after.callback(calls.close)
        after.callback(client.close)
        yield World(
            ports=ports,
            policy=policy,
            url=url,
            calls=calls,
            client=client,
            provider=provider,
            receiver=receiver,
            **_tenant(ports, policy, _settings(url, provider.url), secret, receiver.url),
        )


def _client(url: str, secret: str) -> dict[str, Any]:
    return {
        "client_id": CLIENT,
        "client_secret": secret,
        "token_endpoint_auth_method": ClientAuth.BASIC.value,
        "redirect_uris": [f"{url}/device/login/return"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "backchannel_logout_uri": "here",
        "backchannel_logout_session_required": True,
    }


def _settings(url: str, issuer: str) -> IdpSettings:
    return IdpSettings(
        issuer=issuer,
        client_id=CLIENT,
        client_auth=ClientAuth.BASIC,
        redirect_uri=f"{url}/device/login/return",
        returns=(APP_RETURN,),
        scopes=("openid", "offline_access", "profile"),
        account_claim="employee_id",
    )


def _tenant(
    ports: Ports, policy: Policy, idp: IdpSettings, secret: str, callback: str
) -> dict[str, Any]:
    administration, credentials = (
        Administration(ports, policy, by=OPERATOR),
        Credentials(ports, policy, by=OPERATOR),
    )
    company = administration.create_company("Example Company")
    app_space = administration.create_app_space(
        company.guid, "Example App", idp=idp, idp_secret=secret
    )
    origin = administration.create_origin(app_space.guid, "Example Shop")
    administration.allow_callback(origin.guid, callback)
    credentials.issue_webhook_key(origin.guid)
    basic = credentials.issue(origin.guid, Scheme.BASIC).secret
    return {
        "company": company,
        "app_space": app_space,
        "origin": origin,
        "shop": {"Authorization": write_basic(basic, guid=origin.guid)},
    }
