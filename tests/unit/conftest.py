"""What the tests of use cases share: `counterseal_testing.FakeService`, through its records."""

import copy
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import pytest

from counterseal import keys
from counterseal.accounts.usecases import Accounts
from counterseal.approvals.usecases import Actions
from counterseal.bindings.usecases.devices import Confirmations, Devices, KeySets, Telemetry
from counterseal.bindings.usecases.invitations import Enrolments, Invitations
from counterseal.challenges.usecases import Answers, Challenges
from counterseal.credentials.usecases import Authentication, Credentials
from counterseal.device import SoftwareDevice
from counterseal.device.pin import wrap
from counterseal.errors import CountersealError
from counterseal.events.usecases import Events
from counterseal.identity.usecases.logins import Logins, LoginTests
from counterseal.keys import PrivateKey, generate
from counterseal.models import Administrator, Algorithm, AuditEvent, Callback, Guid, Record
from counterseal.operators.usecases.sessions import Sessions
from counterseal.outbox.usecases.callbacks import Callbacks
from counterseal.outbox.usecases.notifications import Notifications
from counterseal.tenancy.usecases.administration import Administration
from counterseal_testing.faults import Faults, faulty
from counterseal_testing.phone import Phone
from counterseal_testing.service import PIN, SCRYPT_COST, FakeService

sys.path.insert(0, str(Path(__file__).parent))  # readers, sandbox

USE_CASES = {
    "authentication": Authentication,
    "accounts": Accounts,
    "invitations": Invitations,
    "enrolments": Enrolments,
    "logins": Logins,
    "login_tests": LoginTests,
    "devices": Devices,
    "confirmations": Confirmations,
    "challenges": Challenges,
    "answers": Answers,
    "actions": Actions,
    "callbacks": Callbacks,
    "account_events": Events,
    "notifications": Notifications,
    "sessions": Sessions,
    "keysets": KeySets,
    "telemetry": Telemetry,
}


class Service(FakeService):
    """
    One service with one company, one `simple` App Space and one origin.

    `but(store=…)` is the same service, on the same records, with another adapter or policy;
    `meanwhile(act)` is the same service, to which something happens between reading and commit.
    """

    def but(self, *, policy=None, **adapters) -> "Service":
        other = copy.copy(self)
        other.ports = attrs.evolve(self.ports, **adapters)
        other.policy = policy or self.policy
        for name, kind in USE_CASES.items():
            setattr(other, name, kind(other.ports, other.policy))
        return other.by(self.administration.by)

    def by(self, administrator: Administrator) -> "Service":
        """The same service, with the use cases of *administrator*."""
        other = copy.copy(self)
        other.administration = Administration(other.ports, other.policy, by=administrator)
        other.credentials = Credentials(other.ports, other.policy, by=administrator)
        return other

    def meanwhile(self, *calls) -> "Service":
        """What *calls* do happens before the first commit, the second, and so on."""
        faults = Faults()
        for call in calls:
            faults.meanwhile(call)
        return self.but(store=faulty(self.ports.store, "store", faults))

    # What devices do; `phone` does the same for the service that it was bound with

    def signed(self, phone, challenge, button=0, *, weak=False, code=None) -> str:
        """An answer, by the strong key unless it is to be *weak*."""
        pin = None if weak else phone.pin
        return phone.device.answer(challenge.display, button, pin=pin, code=code)

    def send(self, phone, token):
        return self.answers.answer(phone.call("/answers", token.encode()))

    def answer(self, phone, challenge, button=0, *, weak=False, code=None):
        return self.send(phone, self.signed(phone, challenge, button, weak=weak, code=code))

    def disown(self, phone, challenge, *, strong=False):
        token = phone.device.disown(challenge.display, pin=phone.pin if strong else None)
        return self.answers.disown(phone.call("/disowns", token.encode()))

    # What lies in the store

    @property
    def store(self):
        return self.ports.store

    def stored(self, guid: Guid) -> Record | None:
        (record,) = self.store.get(guid)
        return record

    def account(self, account_id="alice"):
        return self.store.account(self.app_space.guid, account_id)

    def records(self) -> dict[Guid, Record]:
        """Every record there is."""
        return dict(self.ports.store._records)

    def callback_records(self) -> list[Callback]:
        """Every callback there is, whatever its state."""
        return [record for record in self.records().values() if isinstance(record, Callback)]

    @property
    def events(self) -> tuple[AuditEvent, ...]:
        return self.ports.audit.events

    def happened(self, name) -> list[AuditEvent]:
        return [event for event in self.events if event.event == name]

    def last_event(self):
        return self.events[-1].event, self.events[-1].reason


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture(scope="session")
def new_service() -> Callable[..., Service]:
    """A factory, for tests that want another policy, or a service for each example."""
    return Service


@pytest.fixture(scope="session")
def rsa_keys() -> tuple[PrivateKey, PrivateKey]:
    """RSA keys are dear, and made once."""
    return (
        generate(Algorithm.PS256, kid="rsa-device"),
        generate(Algorithm.PS256, kid="rsa-strong"),
    )


@pytest.fixture
def rsa_phone(service, rsa_keys) -> Phone:
    """A phone with RSA keys, not bound yet."""
    own, strong = rsa_keys
    device = SoftwareDevice(
        clock=service.clock,
        entropy=service.entropy,
        device_key=own,
        strong_key=wrap(strong, PIN, service.entropy, cost=SCRYPT_COST),
    )
    return Phone(
        answers=service.answers,
        devices=service.devices,
        confirmations=service.confirmations,
        device=device,
        pin=PIN,
    )


class Meeting:
    """A store at which so many threads wait for each other, once, before they commit."""

    def __init__(self, store, threads):
        self._store = store
        self._barrier = threading.Barrier(threads)
        self._came = threading.local()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, changes, audit, operation):
        if not hasattr(self._came, "yes"):
            self._came.yes = True
            self._barrier.wait(240)
        self._store.commit(changes, audit, operation)


@pytest.fixture(scope="session")
def meeting() -> type[Meeting]:
    return Meeting


@pytest.fixture
def at_once() -> Iterator[Callable[..., list[Any]]]:
    """Run calls in threads that start together; return each one's result or error, in order."""

    def run(*calls):
        barrier = threading.Barrier(len(calls))

        def one(call):
            barrier.wait(240)
            try:
                return call()
            except CountersealError as error:
                return error

        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(one, calls))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield run
    sys.setswitchinterval(interval)


@pytest.fixture(scope="session")
def malleated() -> Callable[[str], str]:
    """Write the other ECDSA signature of the same words by the same key: (r, n - s)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def change(token):
        signed, _, signature = token.rpartition(".")
        raw = keys.unb64url(signature)
        s = order - int.from_bytes(raw[32:])
        return f"{signed}.{keys.b64url(raw[:32] + s.to_bytes(32))}"

    return change


@pytest.fixture(scope="session", autouse=True)
def sandbox(request):
    """Run every decision where it can have no effect; what decided is added up at the end."""
    module = import_module("sandbox")
    with module.isolated_decisions():
        yield
    request.config.decision_names |= module.decision_names
