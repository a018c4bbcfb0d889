"""The portal: served at /portal where the settings say so, and nowhere else."""

import sys

import pytest

from counterseal.errors import InvalidField
from counterseal_server.configuration import settings
from counterseal_server.faces import require_faces


def test_it_is_served_where_the_setting_says_so(open_client):
    client = open_client(PORTAL="yes", PUBLIC_URL="http://localhost:8787")
    reply = client.get("/portal")
    assert (reply.status_code, reply.headers["Location"]) == (303, "/portal/login?next=%2Fportal")
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert client.get("/portal/static/style.css").mimetype == "text/css"
    assert client.get("/portals").mimetype == "application/problem+json"
    assert 'operation="portal",status="303"} 1.0' in client.get("/metrics").text


def test_otherwise_it_is_not(open_client):
    reply = open_client().get("/portal")
    assert (reply.status_code, reply.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize("package", ["counterseal_portal", "counterseal_webauthn"])
def test_without_the_extra_the_setting_is_refused(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InvalidField, match=r"counterseal-server\[(portal|webauthn)\]"):
        require_faces(settings({"data": tmp_path}, {"COUNTERSEAL_PORTAL": "yes"}))
    require_faces(settings({"data": tmp_path}, {}))


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8787", "http://auth.example"])
def test_where_browsers_have_no_passkeys_it_is_refused(tmp_path, url):
    variables = {"COUNTERSEAL_PORTAL": "yes"} | ({"COUNTERSEAL_PUBLIC_URL": url} if url else {})
    with pytest.raises(InvalidField, match="passkeys") as refusal:
        require_faces(settings({"data": tmp_path}, variables))
    assert refusal.value.field == "public_url"


def test_below_a_path_it_is_refused(tmp_path):
    """Its links would lead to the host's own /portal."""
    url = "https://auth.example/counterseal"
    variables = {"COUNTERSEAL_PORTAL": "yes", "COUNTERSEAL_PUBLIC_URL": url}
    with pytest.raises(InvalidField, match="without a path") as refusal:
        require_faces(settings({"data": tmp_path}, variables))
    assert refusal.value.field == "public_url"
