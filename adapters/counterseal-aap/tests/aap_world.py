"""An agent that asks by AAP, in one process with the service: its credential, and its approver."""

import json
from urllib.parse import quote

import attrs
import httpx
from agentapprovalprotocol import Client, Gate

from counterseal import STANDARD
from counterseal.models import OriginRole, Scheme
from counterseal_aap import ApprovalProvider
from counterseal_testing.service import FakeService
from counterseal_web import Request, Service, Settings

URL = "https://auth.example.com"
USER = "user-1"
APPROVE, DECLINE = 0, 1
CALL = {
    "tool": "delete_folder",
    "arguments": {"path": "/srv/backups/2019", "depth": 2, "share": 0.5},
    "timeout": "5m",
}


@attrs.frozen
class Answer:
    """What the face answered."""

    status: int
    headers: dict
    body: dict

    @property
    def error(self):
        return self.body["error"]["type"], self.body["error"]["code"]

    @property
    def message(self):
        return self.body["error"]["message"]


class World:
    """A service with a user who has a phone, and the face."""

    def __init__(self, **policy):
        policy = attrs.evolve(STANDARD, **({"arguments_required": False} | policy))
        self.core = FakeService(policy=policy)
        self.service = Service(self.core.ports, policy, Settings(public_url=URL))
        self.face = ApprovalProvider(self.service)
        self.phone = self.core.bind(USER)

    def agent(self, name="Agent", scheme=Scheme.BASIC, role=OriginRole.ASKING):
        party = self.core.new_origin(self.core.app_space, name, role=role)
        secret = self.core.credentials.issue(party.origin.guid, scheme).secret
        return Agent(self, party, f"{party.origin.guid}.{secret}")

    def respond(self, request):
        """Answer an HTTP request of httpx, as a server would."""
        raw_path, _, query = request.url.raw_path.partition(b"?")
        content = request.read()
        path = httpx.URL(raw_path.decode()).path
        response = self.face.respond(
            Request(
                method=request.method,
                path=path,
                query=query,
                headers=dict(request.headers),
                read_body=lambda limit: content[:limit],
            )
        )
        return httpx.Response(response.status, headers=response.headers, content=response.body)

    def answer(self, request_id, button=APPROVE):
        """Answer on the phone."""
        return self.phone.answer(self.challenge(request_id), button)

    def challenge(self, request_id):
        (challenge,) = self.core.ports.store.get(request_id)
        return challenge


class Agent:
    """One origin that asks by AAP, about what the user's person approves."""

    def __init__(self, world, party, token):
        self.world, self.party, self.token = world, party, token
        self.base = f"{URL}/aap/{quote(USER, safe='')}"
        self.http = httpx.Client(transport=httpx.MockTransport(world.respond))

    def client(self, **options):
        return Client(self.base, self.token, http=self.http, **options)

    def gate(self, **options):
        return Gate(self.client(retry_budget=0.5), **options)

    def call(self, method, path, document=None, headers=None, *, body=None, base=None):
        own = {"authorization": f"Bearer {self.token}"}
        if document is not None:
            own["content-type"] = "application/json"
            body = json.dumps(document).encode()
        response = self.http.request(
            method, (base or self.base) + path, content=body, headers=own | (headers or {})
        )
        return Answer(
            response.status_code, dict(response.headers), response.json() if response.text else {}
        )

    def open(self, key="key-1", headers=None, **changes):
        """Submit the call, with *changes*; None leaves a member out."""
        submission = {name: value for name, value in (CALL | changes).items() if value is not None}
        return self.call(
            "POST", "/v1/requests", submission, {"idempotency-key": key} | (headers or {})
        )

    def opened(self, **changes):
        answer = self.open(**changes)
        assert answer.status == 201, answer
        return answer.body["id"]

    def get(self, request_id, query=""):
        return self.call("GET", f"/v1/requests/{request_id}{query}")

    def cancel(self, request_id):
        return self.call("DELETE", f"/v1/requests/{request_id}")

    def consume(self, request_id, key="use-1"):
        return self.call(
            "POST", f"/v1/requests/{request_id}/consume", headers={"idempotency-key": key}
        )

    def report(self, request_id, **members):
        return self.call("POST", f"/v1/requests/{request_id}/outcome", members)
