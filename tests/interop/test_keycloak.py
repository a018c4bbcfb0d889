"""Keycloak's authentication channel, end to end: a fake of Keycloak, `serve`, and a phone."""

import json
import sys
import time
from pathlib import Path

import pytest
from program import eventually

sys.path.insert(0, str(Path(__file__).parents[2] / "adapters" / "counterseal-keycloak" / "tests"))

from fake_keycloak import FakeKeycloak


@pytest.fixture(scope="module")
def keycloak(service):
    """Return a realm whose authentication channel the running service is."""
    keycloak = FakeKeycloak(time.time)
    origin = service.origin.guid
    jwks = service.folder / "realm.json"
    jwks.write_text(json.dumps(keycloak.jwks()), "utf-8")
    service.admin("allow", origin, keycloak.callback)
    realm = service.admin("keycloak", origin, "--issuer", keycloak.issuer, "--jwks", jwks)
    keycloak.channel = service.url + realm["path"]
    keycloak.clients["web-shop"] = None
    yield keycloak
    keycloak.close()


@pytest.fixture
def begin(keycloak, account_id):
    """Let the client ask the person of this test."""
    keycloak.users["zoe"] = account_id
    keycloak.callbacks.clear()

    def call(**form):
        status, reply = keycloak.authenticate(**form)
        assert (status, keycloak.statuses[-1]) == (200, 201)
        assert keycloak.poll(reply["auth_req_id"]) == "authorization_pending"
        return reply["auth_req_id"]

    return call


def called_back(keycloak):
    """Return the status of the one callback, once it came."""
    eventually(lambda: keycloak.callbacks)
    ((body, reply),) = keycloak.callbacks
    assert reply == 200
    return body["status"]


def test_a_person_approves(keycloak, phone, begin):
    auth_req_id = begin(binding_message="4711")
    guid = phone.await_request()
    rows = {row["value"] for row in phone.display(guid)["content"]["keys"]}
    assert rows >= {"web-shop", "4711"}

    phone.approve(guid)

    assert called_back(keycloak) == "SUCCEED"
    assert keycloak.poll(auth_req_id) is None


def test_a_person_declines(keycloak, phone, begin):
    auth_req_id = begin()

    phone.decline()

    assert called_back(keycloak) == "UNAUTHORIZED"
    assert keycloak.poll(auth_req_id) == "access_denied"


def test_nobody_answers_in_time(keycloak, phone, begin):
    """Six seconds until the bearer expires, of which the last five are for the callback."""
    auth_req_id = begin(requested_expiry="7")

    assert called_back(keycloak) == "CANCELLED"
    assert keycloak.poll(auth_req_id) == "access_denied"
