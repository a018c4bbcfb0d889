"""What tests of administrators' log-ins share: a person with a browser, a passkey, and a device."""

import pytest

from counterseal import AdminLogins
from counterseal.ceremonies.records import user_handle
from counterseal.models import OPERATOR
from counterseal_testing import FakeModel, FakePasskey

DOMAIN = "auth.example"


class Person:
    """An administrator with a browser, a passkey, and perhaps a device."""

    def __init__(self, service, name="Example", **reach):
        self.service = service
        self.logins = AdminLogins(service.ports, service.policy, domain=DOMAIN)
        self.sessions = self.logins.sessions
        reach = reach or {"all_companies": True}
        self._admin = service.credentials.create_person(name, **reach).guid
        self.passkey = self.new_passkey()
        self.account = None
        self.cookie = ""

    @property
    def admin(self):
        """The administrator, as stored."""
        return self.service.stored(self._admin)

    def new_passkey(self):
        return FakePasskey(rp_id=DOMAIN, origin=f"https://{DOMAIN}")

    def use_link(self):
        """Open a new link, register the passkey, and be logged in."""
        link = self.sessions.create_link(self.admin.guid, by=OPERATOR).token
        cookie = self.sessions.redeem(link, browser="Example browser").token
        issued = self.register(cookie)
        self.cookie = issued.token
        return issued

    def register(self, cookie, passkey=None):
        started = self.logins.start_registration(cookie)
        self.account = started.account
        response = FakeModel(attestation="none").create(passkey or self.passkey, started.challenge)
        return self.logins.register(cookie, response)

    def assertion(self, started, passkey=None):
        """Return what the browser brings back, as arguments of a log-in."""
        passkey = passkey or self.passkey
        return (
            started.ticket,
            passkey.public.passkey.credential_id,
            passkey.get(started.challenge),
        )

    def log_in(self, started=None, passkey=None, **changes):
        started = started or self.logins.start_passkey()
        arguments = {"user_handle": user_handle(self.account), "browser": "Example browser"}
        return self.logins.log_in(*self.assertion(started, passkey), **arguments | changes)

    def bind_phone(self):
        invitation = self.logins.invite_device(self.cookie)
        return self.service.complete(invitation, self.service.phone())


@pytest.fixture(scope="session")
def new_person():
    """The class, for tests with another service, or several persons."""
    return Person


@pytest.fixture
def person(service):
    return Person(service)


@pytest.fixture
def enrolled(person):
    """One who has used a link, and has a passkey."""
    person.use_link()
    return person
