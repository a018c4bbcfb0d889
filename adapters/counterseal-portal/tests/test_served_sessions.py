"""Links and sessions of two browsers at `counterseal serve`: who may act, and until when."""

import pytest
from browser_person import BrowserPerson
from served_service import eventually, served

from counterseal import AdminLogins, Credentials, Devices, Sessions
from counterseal.models import OPERATOR, BindingState, SessionState

LISTEN = "() => {}"


class Operator:
    """
    An operator, in another process than the service, as a command would be.

    Args:
        url: The service's address.
        runtime: The service's runtime in this process.

    Attributes:
        devices, logins: The use cases.
    """

    def __init__(self, url, runtime):
        ports, policy = runtime.ports, runtime.policy
        self._url, self._sessions = url, Sessions(ports, policy)
        self._credentials = Credentials(ports, policy, by=OPERATOR)
        self.devices = Devices(ports, policy)
        self.logins = AdminLogins(ports, policy, domain=url.partition("://")[2])

    def create_person(self):
        """Return the GUID of a new administrator."""
        return self._credentials.create_person("Example person", all_companies=True).guid

    def create_link(self, admin):
        """Return a newer one-time link of an administrator."""
        token = self._sessions.create_link(admin, by=OPERATOR).token
        return f"{self._url}/portal/link#{token}"

    def list_sessions(self, admin):
        return self._sessions.list(admin, by=OPERATOR)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    pytest.importorskip("counterseal_server", reason="no counterseal serve")
    with served(tmp_path_factory.mktemp("served")) as (service, _):
        yield service


@pytest.fixture(scope="module")
def operator(service):
    with service.open_runtime() as runtime:
        yield Operator(service.url, runtime)


@pytest.fixture
def admin(operator):
    return operator.create_person()


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


def open_link(person, link):
    person.page.goto(link)
    person.press("Use the link")


def require_logged_out(person):
    for path in ("", "/own", "/companies"):
        person.open(path)
        person.see("Log in")


def test_a_newer_link_ends_one_that_a_stranger_has_opened(operator, admin, new_browser):
    """The stranger waits at the page of the passkey until the owner has a newer link."""
    link = operator.create_link(admin)
    stranger, owner = new_browser(), new_browser()
    open_link(stranger, link)
    stranger.see("Register a passkey")
    open_link(owner, link)
    owner.see("Your one-time link")
    assert "was used already" in owner.text()

    newer = operator.create_link(admin)
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
    (session,) = operator.list_sessions(admin)
    assert session.state is SessionState.ACTIVE


def test_a_passkey_that_is_revoked_or_suspended_ends_its_sessions(operator, admin, new_browser):
    """Another process does it, as a command would; the running service refuses the next page."""
    people = revoked, suspended, other = [new_browser() for _ in range(3)]
    for person in people:
        person.register(operator.create_link(admin))
    assert len(operator.list_sessions(admin)) == 3

    first, second, _ = operator.logins.list_keys(admin)
    operator.devices.revoke(first.guid, by=OPERATOR)
    operator.devices.suspend(second.guid, by=OPERATOR)
    operator.devices.resume(second.guid, by=OPERATOR)
    for person in (revoked, suspended):
        require_logged_out(person)
    other.open("/own")
    other.see("Your log-in")
    eventually(lambda: len(operator.list_sessions(admin)) == 1)
    states = [key.state for key in operator.logins.list_keys(admin)]
    assert states == [BindingState.REVOKED, BindingState.ACTIVE, BindingState.ACTIVE]

    # The one that was resumed logs in anew; the other does not.
    for person in (revoked, suspended):
        person.open("/login")
        person.press("Log in with a passkey")
    revoked.see("Log in")
    suspended.see("Overview")


def test_a_worker_ends_the_sessions_that_nobody_uses(operator, admin, new_browser):
    lost, other = new_browser(), new_browser()
    for person in (lost, other):
        person.register(operator.create_link(admin))
    first = operator.logins.list_keys(admin)[0]
    operator.devices.revoke(first.guid, by=OPERATOR)
    assert eventually(lambda: len(operator.list_sessions(admin)) == 1)
    require_logged_out(lost)
