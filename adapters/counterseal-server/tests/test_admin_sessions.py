"""`admin link`, `admin sessions` and what ends them: people who log in to the portal."""

import json

import pytest

from counterseal import AdminLogins, Sessions
from counterseal.errors import WrongState, WrongToken
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_testing import FakeModel, FakePasskey

URL = "http://localhost:8787"


@pytest.fixture
def portal(monkeypatch):
    monkeypatch.setenv("COUNTERSEAL_PORTAL", "yes")
    monkeypatch.setenv("COUNTERSEAL_PUBLIC_URL", URL)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def admin(run, data):
    def command(*args):
        result = run("admin", *args, "--data", data)
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    return command


def secret_of(link):
    """Return what the page of a link sends."""
    address, _, secret = link.partition("#")
    assert address == f"{URL}/portal/link"
    return secret


def redeem(data, link):
    with Runtime(settings({"data": data}, {})) as runtime:
        return Sessions(runtime.ports, runtime.policy).redeem(secret_of(link), browser="Example")


def test_the_first_administrator_gets_a_link(portal, run, data, admin):
    names = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop")
    result = run("init", "--data", data, *names, "--auth", "basic")
    assert result.exit_code == 0, result.stderr
    created = json.loads(result.stdout)
    redeemed = redeem(data, created["adminLink"])
    assert redeemed.admin.guid == created["adminGuid"]
    with pytest.raises(WrongToken):
        redeem(data, created["adminLink"])
    (session,) = admin("sessions", created["adminGuid"])["sessions"]
    assert (session["state"], session["browser"]) == ("ENROLLING", "Example")
    assert session["sessionGuid"] == redeemed.session.guid
    ended = admin("revoke-session", session["sessionGuid"], "--yes")
    assert ended == {"sessionGuid": session["sessionGuid"]}
    assert admin("sessions", created["adminGuid"]) == {"sessions": []}
    with (
        Runtime(settings({"data": data}, {})) as runtime,
        pytest.raises(WrongState),
    ):
        Sessions(runtime.ports, runtime.policy).enrol(redeemed.token, created["adminGuid"])


def register(data, link, browser):
    """Be a browser that opens a link, and registers a passkey by it."""
    with Runtime(settings({"data": data}, {})) as runtime:
        domain = URL.partition("://")[2]
        logins = AdminLogins(runtime.ports, runtime.policy, domain=domain)
        cookie = logins.sessions.redeem(secret_of(link), browser=browser).token
        started = logins.start_registration(cookie)
        passkey = FakePasskey(rp_id=started.rp_id, origin=URL)
        logins.register(cookie, FakeModel(attestation="none").create(passkey, started.challenge))


def test_a_new_link_says_with_what_the_administrator_logs_in_already(
    portal, create_data, data, admin, run
):
    """A stranger who was faster is seen by who makes the link, and removed by a command."""
    guid = create_data(data)["adminGuid"]
    first = admin("link", guid)
    assert first["devices"] == []
    register(data, first["link"], "Stranger")
    second = admin("link", guid)
    (device,) = second["devices"]
    assert (device["name"], device["status"], device["answers"]) == ("Stranger", "ACTIVE", False)
    assert device["boundAt"] is not None
    revoked = run("binding", "revoke", device["guid"], "--yes", "--data", data)
    assert revoked.exit_code == 0, revoked.stderr
    register(data, second["link"], "Owner")
    assert [device["name"] for device in admin("link", guid)["devices"]] == ["Owner"]


def test_without_the_portal_there_is_no_link(create_data, data, run):
    created = create_data(data)
    assert "adminLink" not in created
    result = run("admin", "link", created["adminGuid"], "--data", data)
    assert result.exit_code == 2
    assert "portal: not set" in result.stderr


def test_a_person_has_no_key_and_logs_in_by_a_link(portal, create_data, data, admin, run):
    space = create_data(data)["appSpaceGuid"]
    desk = ("--role", "user_support", "--app-space", space)
    created = admin("administrator", "Support desk", *desk, "--person")
    assert created.keys() == {"adminGuid"}
    assert admin("show", created["adminGuid"])["keys"] == []
    first, second = (admin("link", created["adminGuid"]) for _ in range(2))
    assert first.keys() == {"adminGuid", "link", "validUntil", "devices"}
    with pytest.raises(WrongState):
        redeem(data, first["link"])
    assert redeem(data, second["link"]).admin.guid == created["adminGuid"]
    admin("revoke-administrator", created["adminGuid"], "--yes")
    result = run("admin", "link", created["adminGuid"], "--data", data)
    assert result.exit_code == 2
    assert "revoked" in result.stderr
