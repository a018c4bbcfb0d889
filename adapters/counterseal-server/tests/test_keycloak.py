"""Keycloak: served where the setting says so; `admin keycloak` gives an origin its realm."""

import json
import sys

import pytest

from counterseal.errors import InvalidField
from counterseal.keys import generate, jwks_document
from counterseal.models import Algorithm
from counterseal_server.configuration import settings
from counterseal_server.faces import require_faces

ISSUER = "https://keycloak.example/realms/shop"
CALLBACK = f"{ISSUER}/protocol/openid-connect/ext/ciba/auth/callback"
NOBODY = "00000000-0000-8000-8000-000000000000"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def guid(create_data, data):
    return create_data(data)["requestOriginGuid"]


def test_it_is_served_where_the_setting_says_so(open_client):
    client = open_client(KEYCLOAK="yes")

    reply = client.post(f"/keycloak/{NOBODY}/authentication", json={})

    assert (reply.status_code, reply.json["code"]) == (401, "unauthorized")
    assert 'operation="keycloakAuthentication",status="401"} 1.0' in client.get("/metrics").text


def test_otherwise_it_is_not(open_client):
    assert open_client().post(f"/keycloak/{NOBODY}/authentication", json={}).status_code == 404


def test_without_the_extra_the_setting_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_keycloak", None)
    with pytest.raises(InvalidField, match=r"counterseal-server\[keycloak\]"):
        require_faces(settings({"data": tmp_path}, {"COUNTERSEAL_KEYCLOAK": "yes"}))
    require_faces(settings({"data": tmp_path}, {}))


def test_an_origin_has_a_realm_and_has_none_any_more(run, data, guid, tmp_path):
    keys = tmp_path / "jwks.json"
    jwks = jwks_document([generate(Algorithm.ES256, kid="key-1").public])
    keys.write_text(json.dumps(jwks))

    def command(*args, **more):
        return run("admin", *args, "--data", data, **more)

    refused = command("keycloak", guid, "--issuer", ISSUER, "--jwks", keys)
    assert (refused.exit_code, "callback" in refused.stderr) == (1, True)
    assert command("allow", guid, CALLBACK).exit_code == 0
    registered = command("keycloak", guid, "--issuer", ISSUER, "--jwks", keys, "--registered-only")
    assert json.loads(registered.stdout) == {
        "requestOriginGuid": guid,
        "issuer": ISSUER,
        "callbackUrl": CALLBACK,
        "path": f"/keycloak/{guid}/authentication",
        "jwks": jwks,
        "registeredOnly": True,
    }
    assert json.loads(command("keycloak", guid).stdout)["issuer"] is None
    for options in (
        ("--issuer", "https://keycloak.example", "--jwks", keys),
        ("--issuer", ISSUER),
        ("--jwks", keys),
        ("--registered-only",),
    ):
        result = command("keycloak", guid, *options)
        assert (result.exit_code, result.stdout) == (2, ""), options
    result = command("keycloak", guid, "--issuer", ISSUER, "--jwks", "-", stdin="[]")
    assert (result.exit_code, "jwks" in result.stderr) == (2, True)
