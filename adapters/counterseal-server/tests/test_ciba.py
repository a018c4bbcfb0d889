"""CIBA: served where the setting says so; `admin ciba` makes an origin its client."""

import base64
import json
import sys

import pytest
from werkzeug.test import Client

from counterseal.errors import InvalidField
from counterseal.keys import generate, jwks_document
from counterseal.models import Algorithm
from counterseal_server import web
from counterseal_server.configuration import settings
from counterseal_server.faces import require_faces
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime

ENDPOINT = "https://desk.example/ping"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def founded(create_data, data):
    return create_data(data)


@pytest.fixture
def admin(run, data, founded):
    def command(*args):
        result = run("admin", *args, "--data", data)
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    return command


def test_it_is_served_where_the_setting_says_so(open_client):
    client = open_client(CIBA="yes", PUBLIC_URL="http://localhost:8787")

    document = client.get("/.well-known/openid-configuration").json

    assert document["issuer"] == "http://localhost:8787"
    keys = client.get("/ciba/jwks").json["keys"]
    assert document["id_token_signing_alg_values_supported"] == [keys[0]["alg"]]
    reply = client.post("/ciba/token", data={"auth_req_id": "x"})
    assert (reply.status_code, reply.json) == (401, {"error": "invalid_client"})
    assert 'operation="cibaToken",status="401"} 1.0' in client.get("/metrics").text


def test_otherwise_it_is_not(open_client):
    client = open_client()

    assert client.get("/.well-known/openid-configuration").status_code == 404
    assert client.post("/ciba/token").status_code == 404


def test_without_the_extra_the_setting_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_ciba", None)
    with pytest.raises(InvalidField, match=r"counterseal-server\[ciba\]"):
        require_faces(settings({"data": tmp_path}, {"COUNTERSEAL_CIBA": "yes"}))
    require_faces(settings({"data": tmp_path}, {}))


def test_an_origin_becomes_a_client_and_is_none_any_more(admin, run, data, founded, tmp_path):
    guid, keys = founded["requestOriginGuid"], tmp_path / "jwks.json"
    jwks = jwks_document([generate(Algorithm.ES256, kid="key-1").public])
    keys.write_text(json.dumps(jwks))
    admin("allow", guid, ENDPOINT)

    client = admin(
        "ciba", guid, "--mode", "ping", "--notification-endpoint", ENDPOINT, "--jwks", keys
    )

    assert client == {
        "requestOriginGuid": guid,
        "mode": "ping",
        "notificationEndpoint": ENDPOINT,
        "jwks": jwks,
        "endpointAudiences": False,
    }
    allowing = ("ciba", guid, "--mode", "poll", "--endpoint-audiences")
    assert admin(*allowing)["endpointAudiences"]
    client = admin("ciba", guid, "--mode", "poll")
    assert (client["jwks"], client["endpointAudiences"]) == (jwks, True)
    demanding = ("ciba", guid, "--mode", "poll", "--no-endpoint-audiences")
    assert not admin(*demanding)["endpointAudiences"]
    assert admin("ciba", guid, "--mode", "none")["mode"] is None
    result = run("admin", "ciba", guid, "--mode", "ping", "--data", data)
    assert result.exit_code == 2
    assert result.stderr.startswith("notification-endpoint: ")
    result = run("admin", "ciba", guid, "--mode", "poll", "--jwks", "-", "--data", data, stdin="[]")
    assert (result.exit_code, "jwks" in result.stderr) == (2, True)


def test_an_address_that_cannot_be_pinged_names_the_settings(
    admin, run, data, founded, monkeypatch
):
    guid, url = founded["requestOriginGuid"], "http://127.0.0.1:9000/ping"
    assert run("admin", "allow", guid, url, "--data", data).exit_code == 0
    ping = ("admin", "ciba", guid, "--mode", "ping", "--notification-endpoint", url)

    refusal = run(*ping, "--data", data)

    assert refusal.exit_code == 1
    assert refusal.stderr == (
        "refused: callback_uncallable: not https"
        " (see callback_networks, callback_ports and callback_plain_http,"
        " or for a trial allow_private_callbacks; this command needs the service's settings)\n"
    )
    monkeypatch.setenv("COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS", "1")
    assert run(*ping, "--data", data).exit_code == 0


def test_a_client_authenticates_at_the_served_endpoint(admin, data, founded):
    guid = founded["requestOriginGuid"]
    secret = admin("rotate", guid, "--auth", "basic")["key"]
    admin("ciba", guid, "--mode", "poll")
    pair = base64.b64encode(f"{guid}:{secret}".encode()).decode()

    with Runtime(settings({"data": data}, {"COUNTERSEAL_CIBA": "yes"})) as runtime:
        client = Client(web.ServerApplication(runtime, web.use_cases(runtime), Metrics()))
        reply = client.post(
            "/ciba/authentication",
            data={"scope": "openid", "login_hint": "user-1"},
            headers={"Authorization": f"Basic {pair}"},
        )

    assert (reply.status_code, reply.json) == (400, {"error": "unknown_user_id"})
