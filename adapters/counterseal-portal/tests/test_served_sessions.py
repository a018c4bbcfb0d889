"""Links and sessions of two browsers at `counterseal serve`: who may act, and until when."""

import json

import pytest
from browser_person import BrowserPerson
from served_service import eventually, served

from counterseal import AdminLogins, Devices
from counterseal.models import OPERATOR, BindingState

LISTEN = "() => {}"


@pytest.fixture
def service(tmp_path):
    pytest.importorskip("counterseal_server", reason="no counterseal serve")
    with served(tmp_path) as (service, _):
        yield service


@pytest.fixture
def new_browser(chromium, service):
    """Return a function that returns another browser, with an authenticator of its own."""
    people = []

    def new():
        people.append(BrowserPerson(chromium, service.url, LISTEN))
        return people[-1]

    yield new
    for person in people:
        person.context.close()


def create_link(service, admin):
    """Return a newer one-time link, which an operator makes beside the running service."""
    return json.loads(service.run("admin", "link", admin))["link"]


def sessions_of(service, admin):
    return json.loads(service.run("admin", "sessions", admin))["sessions"]


def open_link(person, link):
    person.page.goto(link)
    person.press("Use the link")


def require_logged_out(person):
    for path in ("", "/own", "/companies"):
        person.open(path)
        person.see("Log in")


def test_a_newer_link_ends_one_that_a_stranger_has_opened(service, new_browser):
    """The stranger waits at the page of the passkey until the owner has a newer link."""
    created = service.output
    link, admin = created["adminLink"], created["adminGuid"]
    stranger, owner = new_browser(), new_browser()
    open_link(stranger, link)
    stranger.see("Register a passkey")
    open_link(owner, link)
    owner.see("Your one-time link")
    assert "was used already" in owner.text()

    newer = create_link(service, admin)
    owner.page.goto("about:blank")
    owner.register(newer)
    stranger.press("Register a passkey")
    stranger.see("Your one-time link")
    assert "replaced by a newer one" in stranger.text()
    require_logged_out(stranger)
    # The stranger's authenticator has made a passkey, which nobody knows.
    stranger.open("/login")
    stranger.press("Log in with a passkey")
    stranger.see("Log in")
    require_logged_out(stranger)
    owner.open("/own")
    owner.see("Your log-in")
    (session,) = sessions_of(service, admin)
    assert session["state"] == "ACTIVE"


def test_a_passkey_that_is_revoked_or_suspended_ends_its_sessions(service, new_browser):
    """Another process does it, as a command would; the running service refuses the next page."""
    created = service.output
    admin = created["adminGuid"]
    revoked, suspended, other = (new_browser() for _ in range(3))
    revoked.register(created["adminLink"])
    for person in (suspended, other):
        person.register(create_link(service, admin))
    assert len(sessions_of(service, admin)) == 3

    with service.open_runtime() as runtime:
        domain = service.url.partition("://")[2]
        logins = AdminLogins(runtime.ports, runtime.policy, domain=domain)
        devices = Devices(runtime.ports, runtime.policy)
        first, second, _ = logins.list_keys(admin)
        devices.revoke(first.guid, by=OPERATOR)
        devices.suspend(second.guid, by=OPERATOR)
        devices.resume(second.guid, by=OPERATOR)
        for person in (revoked, suspended):
            require_logged_out(person)
        other.open("/own")
        other.see("Your log-in")
        eventually(lambda: len(sessions_of(service, admin)) == 1)
        states = [key.state for key in logins.list_keys(admin)]
        assert states == [BindingState.REVOKED, BindingState.ACTIVE, BindingState.ACTIVE]

    # The one that was resumed logs in anew; the other does not.
    for person in (revoked, suspended):
        person.open("/login")
        person.press("Log in with a passkey")
    revoked.see("Log in")
    suspended.see("Overview")


def test_a_worker_ends_the_sessions_that_nobody_uses(service, new_browser):
    created = service.output
    admin = created["adminGuid"]
    lost, other = new_browser(), new_browser()
    lost.register(created["adminLink"])
    other.register(create_link(service, admin))
    with service.open_runtime() as runtime:
        domain = service.url.partition("://")[2]
        logins = AdminLogins(runtime.ports, runtime.policy, domain=domain)
        first = logins.list_keys(admin)[0]
        Devices(runtime.ports, runtime.policy).revoke(first.guid, by=OPERATOR)
    assert eventually(lambda: len(sessions_of(service, admin)) == 1)
    require_logged_out(lost)
