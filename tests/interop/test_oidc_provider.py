"""oidc-provider of npm as host of CIBA, with a device of ours as its authentication device."""

import base64
import http.client
import json
import os
import secrets
import shutil
import subprocess
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from program import eventually
from reserved_ports import reserve_port

ROOT = Path(__file__).parents[2]
HOSTS = ROOT / "docs" / "examples" / "hosts"
PACKAGES = ROOT / "adapters" / "counterseal-js"
CIBA = "urn:openid:params:grant-type:ciba"
ARGUMENTS = {"path": "/srv/backups/2019"}
ACTION = {"type": "tool-call", "resource": "delete_folder", "arguments": ARGUMENTS}
WITHOUT_DEVICE = "user-without-device"
API = "https://api.example"
NOTIFICATION_TOKEN = "a-token-of-the-client"
NOTIFICATION_ENDPOINT = "https://desk.example/ping"
DELIVER = Path(__file__).with_name("deliver_pings.mjs")


def details(**members):
    return {"type": "urn:counterseal:action", "action": {**ACTION, **members}}


class Host:
    """
    The running example, oidc-provider and all.

    Attributes:
        alarms: What it printed for its operator.
    """

    def __init__(self, node, folder, receiver_url, settings):
        (folder / "settings.json").write_text(json.dumps(settings), "utf-8")
        self.issuer = settings["issuer"]
        self.public_key = ECKey.import_key(settings["jwks"]["keys"][0])
        self.secrets = {each["client_id"]: each["client_secret"] for each in settings["clients"]}
        self._log = folder / f"{secrets.token_hex(4)}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [node / "bin" / "node", "--import", DELIVER, "oidc_provider.mjs", "settings.json"],
                cwd=folder,
                env=os.environ | {"ENDPOINT": NOTIFICATION_ENDPOINT, "RECEIVER": receiver_url},
                stdout=log,
                stderr=log,
            )
        eventually(lambda: self._process.poll() is not None or "ready:" in self.printed())
        assert self._process.poll() is None, self.printed()

    def printed(self):
        return self._log.read_text("utf-8")

    @property
    def alarms(self):
        lines = self.printed().splitlines()
        return [line.removeprefix("alarm: ") for line in lines if line.startswith("alarm: ")]

    def post(self, path, members, *, client=None, token=None):
        """Send a form as *client*, or JSON with *token*; return the status and the reply."""
        if token is None:
            pair = f"{client}:{self.secrets[client]}".encode()
            authorization = f"Basic {base64.b64encode(pair).decode()}"
            body, kind = urlencode(members), "application/x-www-form-urlencoded"
        else:
            authorization, body, kind = f"Bearer {token}", json.dumps(members), "application/json"
        headers = {"Authorization": authorization, "Content-Type": kind}
        connection = http.client.HTTPConnection(self.issuer.removeprefix("http://"), timeout=60)
        with closing(connection):
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def stop(self):
        self._process.kill()
        self._process.wait()


class CibaClient:
    """
    A client of the host, over plain HTTP.

    Attributes:
        name: Its `client_id`.
    """

    def __init__(self, host, name, receiver=None):
        self.host, self.name, self._receiver = host, name, receiver

    def begin(self, account_id, **parameters):
        """Ask, and return the status and the reply."""
        form = {"scope": "openid", "login_hint": hint_of(account_id), **parameters}
        if self._receiver is not None:
            form["client_notification_token"] = NOTIFICATION_TOKEN
        return self.host.post("/backchannel", form, client=self.name)

    def redeem(self, begun):
        form = {"grant_type": CIBA, "auth_req_id": begun["auth_req_id"]}
        return self.host.post("/token", form, client=self.name)

    def result(self, begun):
        """Poll until the request has ended."""

        def ended():
            status, reply = self.redeem(begun)
            return reply.get("error") != "authorization_pending" and (status, reply)

        return eventually(ended)

    def await_ping(self, begun):
        """Wait for the ping of a client that is pinged, as CIBA Core 1.0, 10.2, has it."""
        if self._receiver is None:
            return
        ((headers, body),) = eventually(lambda: self._receiver.received)
        assert headers["authorization"] == f"Bearer {NOTIFICATION_TOKEN}"
        assert json.loads(body) == {"auth_req_id": begun["auth_req_id"]}


def hint_of(account_id):
    return f"{account_id}@example.org"


@pytest.fixture(scope="module")
def folder(interop_modules, tmp_path_factory):
    """Return a folder with the example, and the packages that it imports."""
    folder = tmp_path_factory.mktemp("host")
    package = folder / "node_modules" / "@counterseal" / "origin"
    package.mkdir(parents=True)
    shutil.copy(PACKAGES / "origin" / "package.json", package)
    for name in ("origin", "wire"):
        (package / name).symlink_to(PACKAGES / name)
    (folder / "node_modules" / "oidc-provider").symlink_to(interop_modules / "oidc-provider")
    for file in HOSTS.glob("*.mjs"):
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def start(node, folder, service, _receiver):
    """Return a function that starts the host, with other settings of Counterseal if need be."""
    own_key = ECKey.generate_key("P-256", {"kid": "host-1", "alg": "ES256", "use": "sig"})
    client = {
        "grant_types": [CIBA],
        "redirect_uris": [],
        "response_types": [],
        "id_token_signed_response_alg": "ES256",
        "backchannel_token_delivery_mode": "poll",
        "authorization_details_types": ["urn:counterseal:action"],
    }
    ping = {
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": NOTIFICATION_ENDPOINT,
    }
    clients = [
        {**client, "client_id": "polling", "client_name": "Call centre"},
        {**client, "client_id": "pinged", "client_name": "Front desk", **ping},
    ]
    origin = service.new_origin("Host")
    hosts = []

    def start(**changes):
        settings = {
            "issuer": f"http://127.0.0.1:{reserve_port()}",
            "jwks": {"keys": [own_key.as_dict(private=True)]},
            "clients": [{**each, "client_secret": secrets.token_urlsafe()} for each in clients],
            "api": API,
            "accounts": {
                hint_of(each): each
                for each in (WITHOUT_DEVICE, *(f"user-{number}" for number in range(1, 100)))
            },
            "counterseal": {
                "url": service.url,
                "origin": origin.guid,
                "key": origin.secret,
                "jwks": service.call("GET", "/.well-known/jwks.json", plain=True)[1],
                **changes,
            },
        }
        host = Host(node, folder, _receiver.url, settings)
        hosts.append(host)
        return host

    yield start
    for host in hosts:
        host.stop()


@pytest.fixture(scope="module")
def host(start):
    return start()


@pytest.fixture
def polling(host):
    return CibaClient(host, "polling")


@pytest.fixture(params=["polling", "pinged"])
def client(host, receiver, request):
    """Return a client that polls, and one that is pinged."""
    return CibaClient(host, request.param, receiver if request.param == "pinged" else None)


def test_a_person_approves(client, phone, account_id):
    status, begun = client.begin(account_id, binding_message="Counter 7")
    assert status == 200, (begun, client.host.printed())
    assert begun["expires_in"] == 600
    assert client.redeem(begun)[1]["error"] == "authorization_pending"
    guid = phone.await_request()
    display = phone.display(guid)
    assert display["origin"]["name"] == "Host"
    assert display["action"]["type"] == "login"
    rows = {pair["key"]: pair["value"] for pair in display["content"]["keys"]}
    name = {"polling": "Call centre", "pinged": "Front desk"}[client.name]
    assert (rows["Where"], rows["Purpose"]) == (name, "Counter 7")
    phone.approve(guid)
    client.await_ping(begun)
    status, tokens = client.result(begun)
    assert status == 200, tokens
    host = client.host
    claims = jwt.decode(tokens["id_token"], host.public_key).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == (host.issuer, account_id, client.name)
    assert (claims["acr"], claims["amr"]) == ("urn:counterseal:acr:strong", ["pop"])
    assert claims["auth_time"] <= claims["iat"]
    assert client.redeem(begun)[1]["error"] == "invalid_grant"  # once only


@pytest.mark.parametrize("verb", ["decline", "disown"])
def test_a_person_does_not_approve(client, phone, account_id, verb):
    _, begun = client.begin(account_id)
    getattr(phone, verb)()
    client.await_ping(begun)
    status, reply = client.result(begun)
    assert (status, reply["error"]) == (400, "access_denied")
    assert "access_token" not in reply


def test_nobody_answers(client, phone, account_id):
    status, begun = client.begin(account_id, requested_expiry="5")
    assert (status, begun["expires_in"]) == (200, 5)
    display = phone.display(phone.await_request())
    issued, expires = (
        datetime.fromisoformat(display[f"{name}At"]) for name in ("issued", "expires")
    )
    assert expires - issued == timedelta(seconds=4)  # the host's deadline, and one before it
    status, reply = client.result(begun)
    assert (status, reply["error"]) == (400, "expired_token")


def test_an_action_is_shown_and_used_once(polling, phone, account_id):
    parameters = {"authorization_details": json.dumps([details()]), "binding_message": "Monday"}
    status, begun = polling.begin(account_id, **parameters)
    assert status == 200, begun
    guid = phone.await_request()
    display = phone.display(guid)
    assert display["action"]["type"] == "tool-call"
    rows = {pair["key"]: pair["value"] for pair in display["content"]["keys"]}
    assert rows["Tool"] == "delete_folder"
    assert rows["$.path"] == '"/srv/backups/2019"'
    assert (rows["Agent"], rows["Purpose"]) == ("Call centre", "Monday")
    phone.approve(guid)
    status, tokens = polling.result(begun)
    assert status == 200, tokens
    (granted,) = tokens["authorization_details"]
    assert granted["action"] == {**ACTION, "agent": "Call centre", "purpose": "Monday"}
    assert (granted["request"], granted["digest"]) == (guid, display["action"]["digest"])
    token = tokens["access_token"]
    _, introspection = polling.host.post("/token/introspection", {"token": token}, client="polling")
    assert (introspection["active"], introspection["authorization_details"]) == (True, [granted])

    other = {"path": "/srv/backups"}
    assert polling.host.post("/consume", {"arguments": other}, token=token) == (
        409,
        {"error": "request_arguments_differ"},
    )
    status, action = polling.host.post("/consume", {"arguments": ARGUMENTS}, token=token)
    assert (status, action["state"]) == (200, "USED")
    assert polling.host.post("/consume", {"arguments": ARGUMENTS}, token=token) == (
        409,
        {"error": "request_action_used"},
    )


def test_a_token_of_a_log_in_is_for_no_action(polling, phone, account_id):
    _, begun = polling.begin(account_id)
    phone.approve()
    _, tokens = polling.result(begun)
    token = tokens["access_token"]
    refused = (401, {"error": "invalid_token"})
    assert polling.host.post("/consume", {"arguments": {}}, token=token) == refused
    assert polling.host.post("/consume", {"arguments": {}}, token="unknown") == refused


def test_the_host_reads_no_long_body(polling):
    """An endless one does not fill its memory: it reads to its limit, and answers."""
    connection = http.client.HTTPConnection(polling.host.issuer.removeprefix("http://"), timeout=60)
    with closing(connection):
        connection.putrequest("POST", "/consume")
        connection.putheader("Authorization", "Bearer unknown")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(b"10001\r\n" + b" " * 65_537)  # and no end of it
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (413, {"error": "body_too_large"})
        assert response.getheader("Connection") == "close"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([details(), details()], "more than one"),
        ([details(agent="Your bank")], "the host names the client"),
        ([{**details(), "digest": "x"}], "other members"),
        ([details(digest="x")], "action.digest"),
        ([details(type="unheard-of")], "action_type_unknown"),
        ([details(language="xx")], "action.language"),
        ([details(arguments=[])], "action.arguments"),
        ([{**details(), "action": None}], "not an object"),
        ([{"type": "payment_initiation"}], "unsupported"),
    ],
)
def test_details_that_are_refused(polling, phone, account_id, value, problem):
    status, reply = polling.begin(account_id, authorization_details=json.dumps(value))
    assert (status, reply["error"]) == (400, "invalid_authorization_details")
    assert problem in reply["error_description"]
    assert "auth_req_id" not in reply


def test_a_purpose_beside_a_binding_message_is_refused(polling, phone, account_id):
    text = json.dumps([details(purpose="Because")])
    parameters = {"authorization_details": text, "binding_message": "Counter 7"}
    status, reply = polling.begin(account_id, **parameters)
    assert (status, reply["error"]) == (400, "invalid_authorization_details")


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"binding_message": "x" * 101}, "invalid_binding_message"),
        ({"binding_message": "Pay\u202e7"}, "invalid_binding_message"),
        ({"requested_expiry": "1"}, "invalid_request"),
        ({"user_code": "1379"}, "invalid_request"),
        ({"request_context": "{}"}, "invalid_request"),
        ({"login_hint": "", "login_hint_token": "a.b.c"}, "invalid_request"),
        ({"login_hint": "nobody@example.org"}, "unknown_user_id"),
        ({}, "unknown_user_id"),  # the host knows this person, who has no device
    ],
)
def test_a_request_that_is_refused(polling, parameters, error):
    status, reply = polling.begin(WITHOUT_DEVICE, **parameters)
    assert (status, reply["error"]) == (400, error)
    assert "auth_req_id" not in reply


def test_an_answer_that_proves_nothing_is_denied(start, phone, account_id):
    """The host has pinned another key: this is the reply of a service that is not the real one."""
    other = ECKey.generate_key("P-256", {"kid": "other", "alg": "ES256"})
    polling = CibaClient(start(jwks={"keys": [other.as_dict(private=False)]}), "polling")
    _, begun = polling.begin(account_id)
    phone.approve()
    status, reply = polling.result(begun)
    assert (status, reply["error"]) == (400, "access_denied")
    assert polling.host.alarms == ["evidence_refused"]


def test_nobody_is_asked_while_the_service_is_away(start, account_id):
    polling = CibaClient(start(url=f"http://127.0.0.1:{reserve_port()}"), "polling")
    status, reply = polling.begin(account_id)
    assert (status, reply["error"]) == (400, "temporarily_unavailable")
    assert "auth_req_id" not in reply


SETTLEMENTS = """
import { PendingRequest } from "@counterseal/origin";
import { AuthenticationDevice } from "./authentication_device.mjs";

const [results, alarms, found] = [[], [], []];
const provider = {
  BackchannelAuthenticationRequest: { find: async (id) => (found.push(id), { isExpired: false }) },
  backchannelResult: async (_request, { error }) => {
    results.push(error);
    throw new Error("the ping failed");
  },
};
const guid = "97536725-7d24-8347-8a65-2c7634d21950";
const pending = new Map([[guid, { pending: process.argv[1], request: "an-id" }]]);
const client = { wait: async () => { throw new Error("the service said no"); } };
const alarm = ({ message }) => alarms.push(message);
const device = new AuthenticationDevice({ client, pending, alarm });
const settled = await Promise.allSettled([1, 2, 3].map(() => device.settle(provider, guid)));
const failures = settled.flatMap(({ reason }) => reason?.message ?? []);
console.log(JSON.stringify({ results, alarms, found, failures, left: pending.size }));
"""
PENDING = {
    "guid": "97536725-7d24-8347-8a65-2c7634d21950",
    "account": "9776d5e6-7b6c-881b-86bd-89e71800ca35",
    "appSpace": "072474e9-82a3-8ce6-891d-30696cf80f68",
    "origin": "0714f396-3a94-880b-a13b-9d08e89cca43",
    "codeAsked": False,
    "issuedAt": "2026-03-01T12:00:00.000Z",
    "expiresAt": "2026-03-01T12:02:00.000Z",
    "sent": json.dumps(
        {
            "accountId": "user-7",
            "content": {"text": "Pay?"},
            "showCode": False,
            "showNotification": True,
        }
    ),
}


def evaluate(node, folder, program, *arguments):
    """Run a module in the folder of the example, and return the JSON that it prints."""
    ended = subprocess.run(
        [node / "bin" / "node", "--input-type=module", "-e", program, *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_result_is_sent_once_and_never_again_after_a_failure(node, folder):
    assert evaluate(node, folder, SETTLEMENTS, json.dumps(PENDING)) == {
        "results": ["access_denied"],
        "alarms": ["the service said no"] * 3,
        "found": ["an-id"],
        "failures": ["the ping failed"],
        "left": 0,
    }


ROUTES = """
import { ACTION_TYPE, AuthenticationDevice } from "./authentication_device.mjs";

const { types } = new AuthenticationDevice({}).features.richAuthorizationRequests;
const { validate } = types[ACTION_TYPE];
const details = { type: ACTION_TYPE, action: { type: "login", resource: "x", arguments: {} } };
const params = { authorization_details: JSON.stringify([details]) };
const refusals = {};
for (const route of process.argv.slice(1)) {
  try {
    refusals[route] = validate({ oidc: { route, params } }, details) ?? null;
  } catch (error) {
    refusals[route] = error.error;
  }
}
console.log(JSON.stringify(refusals));
"""


def test_an_action_is_asked_about_by_ciba_only(node, folder):
    others = ["authorization", "pushed_authorization_request", "device_authorization"]
    assert evaluate(node, folder, ROUTES, "backchannel_authentication", *others) == {
        "backchannel_authentication": None,
        **dict.fromkeys(others, "invalid_authorization_details"),
    }
