"""CIBA by openid-client of npm, which stands on oauth4webapi: poll, ping, and the use after it."""

import json
import subprocess
from pathlib import Path

import pytest

from counterseal import trusted_keys, verify_receipt

PROGRAM = Path(__file__).with_name("ciba_client.mjs")
RECEIPT = "urn:counterseal:receipt"
ARGUMENTS = {"path": "/srv/backups/2019"}
DETAILS = [
    {
        "type": "urn:counterseal:action",
        "action": {"type": "tool-call", "resource": "delete_folder", "arguments": ARGUMENTS},
    }
]


class OpenidClientError(Exception):
    """The program's error, with the members that openid-client gives it."""

    def __init__(self, members):
        super().__init__(members)
        self.error, self.status = members.get("error"), members.get("status")


class OpenidClient:
    """
    The running program.

    Attributes:
        responses: The status and the path of each response of the service that it got.
    """

    def __init__(self, node):
        self.responses = []
        self._process = subprocess.Popen(
            [node / "bin" / "node", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def send(self, verb, **members):
        self._process.stdin.write(json.dumps({"do": verb, **members}) + "\n")
        self._process.stdin.flush()

    def read(self):
        """Return the next result, or the next status of a response of the service."""
        line = self._process.stdout.readline()
        assert line, "the program has ended"
        return json.loads(line)

    def __call__(self, verb, **members):
        """Run a command, and return its result."""
        self.send(verb, **members)
        return self.result()

    def result(self):
        while True:
            message = self.read()
            if "status" in message:
                self.responses.append((message["status"], message["path"]))
                continue
            if "error" in message:
                raise OpenidClientError(message["error"])
            return message["result"]

    def close(self):
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def openid_client(node, interop_modules):
    client = OpenidClient(node)
    yield client
    client.close()


@pytest.fixture
def by_secret(openid_client, service):
    """Return the program as a client that polls, and authenticates by its secret."""
    client = service.new_client("Call centre")
    openid_client("discover", issuer=service.url, clientId=client.guid, secret=client.secret)
    return openid_client


@pytest.fixture
def by_key(openid_client, service):
    """Return a function that makes the program a client that authenticates by a key."""

    def make(algorithm, endpoint=None):
        jwks = openid_client("generate", algorithm=algorithm)
        client = service.new_client("Agent", notification_endpoint=endpoint, jwks=jwks)
        openid_client("discover", issuer=service.url, clientId=client.guid)
        return openid_client

    return make


def about_an_action(account_id, **parameters):
    details = {"authorization_details": json.dumps(DETAILS)}
    return {"scope": "openid", "login_hint": account_id, **details, **parameters}


def test_it_polls_until_the_person_has_approved(by_secret, service, phone, account_id):
    parameters = {"scope": "openid", "login_hint": account_id, "binding_message": "Counter 7"}
    begun = by_secret("begin", parameters=parameters)
    assert (begun["interval"], begun["expires_in"]) == (5, 600)
    by_secret.send("poll")
    assert by_secret.read() == {"status": 400, "path": "/ciba/token"}  # nobody has answered

    request = phone.await_request()
    assert "Counter 7" in json.dumps(phone.display(request))
    receipt = phone.approve(request).receipt

    claims = by_secret.result()["claims"]
    assert (claims["sub"], claims["iss"]) == (account_id, service.url)
    assert (claims["acr"], "mfa" in claims["amr"]) == ("urn:counterseal:acr:strong", True)
    assert claims[RECEIPT] == receipt
    assert claims["urn:openid:params:jwt:claim:auth_req_id"] == begun["auth_req_id"]
    _, keys = service.call("GET", "/.well-known/jwks.json", plain=True)
    assert verify_receipt(claims[RECEIPT], trusted=trusted_keys(keys)).approved
    with pytest.raises(OpenidClientError) as refusal:
        by_secret("poll", interval=0)
    assert refusal.value.error == "invalid_grant"


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "PS256", "RS256"])
def test_it_is_pinged_and_uses_the_approval_once(
    openid_client, by_key, phone, account_id, algorithm
):
    endpoint = openid_client("listen")
    by_key(algorithm, endpoint)
    parameters = about_an_action(account_id, binding_message="Backups of 2019")
    begun = openid_client("begin", parameters=parameters, ping=True)

    request = phone.await_request()
    display = phone.display(request)
    phone.approve(request)

    ping = openid_client("awaitPing")
    assert ping == {"authentic": True, "auth_req_id": begun["auth_req_id"]}
    tokens = openid_client("poll", interval=0)
    (details,) = tokens["authorization_details"]
    assert details["action"]["digest"] == display["action"]["digest"]
    swapped = openid_client("consume", arguments={"path": "/srv/backups"})
    assert (swapped["status"], swapped["body"]["code"]) == (409, "arguments_differ")
    used = openid_client("consume", arguments=ARGUMENTS)
    assert (used["status"], used["body"]["digest"]) == (200, details["action"]["digest"])
    again = openid_client("consume", arguments=ARGUMENTS)
    assert (again["status"], again["body"]["code"]) == (409, "action_used")


def test_it_signs_its_request(by_key, phone, account_id):
    client = by_key("ES256")
    client("begin", parameters=about_an_action(account_id), signed=True)
    phone.approve()
    assert client("poll", interval=0)["claims"]["sub"] == account_id


@pytest.mark.parametrize("verb", ["decline", "disown"])
def test_it_learns_that_the_person_declined(by_secret, phone, account_id, verb):
    by_secret("begin", parameters=about_an_action(account_id))
    getattr(phone, verb)()
    with pytest.raises(OpenidClientError) as refusal:
        by_secret("poll", interval=0)
    assert (refusal.value.error, refusal.value.status) == ("access_denied", 400)


def test_it_learns_that_nobody_answered_in_time(by_secret, phone, account_id):
    by_secret("begin", parameters=about_an_action(account_id, requested_expiry="1"))
    with pytest.raises(OpenidClientError) as refusal:
        by_secret("poll", interval=1)
    assert (refusal.value.error, refusal.value.status) == ("expired_token", 400)


def test_it_learns_that_nobody_is_there_to_be_asked(by_secret, account_id):
    with pytest.raises(OpenidClientError) as refusal:
        by_secret("begin", parameters=about_an_action(account_id))
    assert (refusal.value.error, refusal.value.status) == ("unknown_user_id", 400)
