"""The site of an office, in this process: its database, a logged-in user, and their phone."""

import html
import json
import re
import shutil
import sqlite3

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings

from counterseal.device import SoftwareDevice
from counterseal.memory import memory_ports
from counterseal_django import approvals
from counterseal_django.pending_posts import TOKEN
from counterseal_testing import Phone
from office.models import Customer, Purchase

HOST = "office.example"
PASSWORD = "correct horse"
PIN = "1379"
SQLITE = "django.db.backends.sqlite3"


class Page:
    """
    What the browser shows.

    Attributes:
        response: Django's.
        text: Of the page, without tags.
    """

    def __init__(self, response):
        self.response = response
        self.source = b"".join(response).decode()
        words = re.sub(r"<[^>]*>", " ", self.source)
        self.text = html.unescape(" ".join(words.split()))

    @property
    def status(self):
        return self.response.status_code

    @property
    def code(self):
        return re.search(r'id="counterseal-code">([^<]+)<', self.source)[1]


class Person:
    """
    A logged-in user with a browser and, once it is bound, a phone.

    Attributes:
        client: The browser.
        phone: None until it is bound.
    """

    def __init__(self, name, *, is_staff=True):
        self.user = User.objects.create_user(name, password=PASSWORD)
        self.user.is_staff = self.user.is_superuser = is_staff
        self.user.save()
        self.client = Client(headers={"host": HOST})
        self.client.force_login(self.user)
        self.phone = None

    def bind(self):
        """Bind a phone to the user."""
        current, ports = approvals(), memory_ports()
        service = current.service
        invitation = service.invitations.invite(current.party, current.account_id(self.user))
        device = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=2)
        self.phone = Phone(
            answers=service.answers,
            devices=service.devices,
            confirmations=service.confirmations,
            device=device,
            pin=PIN,
        )
        enrolment = device.enrolment(invitation.token, invitation.app_space.guid, pin=PIN)
        device.complete_binding(service.enrolments.complete(enrolment))

    def get(self, path, **headers):
        return Page(self.client.get(path, headers=headers))

    def post(self, path, **data):
        return Page(self.client.post(path, data))

    def ask(self, path, **data):
        """Send a form; return the waiting page."""
        page = self.post(path, **data)
        assert page.status == 302, page.text
        return Question(self, path, page.response.url)

    def pending(self):
        """Return the only question on the phone, as it is displayed."""
        (challenge,) = self.phone.pending()
        return challenge

    def displayed(self):
        """Return the rows that the phone displays, without when the approval ends."""
        challenge = self.phone.fetch(self.pending().guid)
        rows = json.loads(challenge.display)["content"]["keys"]
        return [(row["key"], row["value"]) for row in rows][:-1]


class Question:
    """
    What a person was asked because they sent a form to *path*.

    Attributes:
        waiting_path: Where the waiting page is.
    """

    def __init__(self, person, path, waiting_path):
        self._person, self._path, self.waiting_path = person, path, waiting_path
        self.guid = waiting_path.rstrip("/").rpartition("/")[2]

    def page(self):
        return self._person.get(self.waiting_path)

    def answer(self, button):
        phone = self._person.phone
        code = self.page().code if button == 0 else None
        phone.answer(phone.fetch(self.guid), button, code=code)

    def approve(self):
        self.answer(0)

    def decline(self):
        self.answer(1)

    def go_on(self):
        """Send the form of the waiting page."""
        return self._person.post(self._path, **{TOKEN: self.guid})

    def status(self):
        current = approvals()
        return current.service.actions.status(current.party, self.guid)


@pytest.fixture(scope="session")
def office_file(tmp_path_factory):
    """Return a SQLite file with all tables, and nothing in them."""
    return tmp_path_factory.mktemp("office") / "model.sqlite3"


@pytest.fixture
def office(office_file, set_databases, tmp_path):
    """Set up the site on a database of its own; return the folder."""
    file = tmp_path / "office.sqlite3"
    is_first = not office_file.exists()
    if not is_first:
        shutil.copy(office_file, file)
    default = {"ENGINE": SQLITE, "NAME": str(file)}
    set_databases(default=default, counterseal={**default, "TEST": {"MIRROR": "default"}})
    members = {
        "URL": f"https://{HOST}/auth",
        "KEYS": tmp_path / "keys",
        "TENANCY": "office.example/django",
        "COMPANY": "Example Office",
    }
    with override_settings(COUNTERSEAL=members):
        if is_first:
            call_command("migrate", run_syncdb=True, verbosity=0)
            call_command("counterseal_upgrade", verbosity=0, create_keys=True)
            shutil.copytree(tmp_path / "keys", office_file.with_name("keys"))
            office_file.write_bytes(read_whole(file))
        else:
            shutil.copytree(office_file.with_name("keys"), tmp_path / "keys")
        assert settings.COUNTERSEAL is members
        yield tmp_path


def read_whole(file):
    """Return the bytes of a SQLite file, with those of its write-ahead log."""
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return file.read_bytes()


@pytest.fixture
def settings_of_site(office):
    """Return what a process needs of the settings, to be one more of the site."""
    databases = {alias: {**connections.settings[alias]} for alias in connections}
    members = {**settings.COUNTERSEAL, "KEYS": str(settings.COUNTERSEAL["KEYS"])}
    return {"DATABASES": databases, "COUNTERSEAL": members}


@pytest.fixture
def zoe(office):
    """A member of the staff with a phone."""
    person = Person("zoe")
    person.bind()
    return person


@pytest.fixture
def customers(office):
    """Ada, who has bought a kite, and Bob."""
    ada, bob = (Customer.objects.create(name=name) for name in ("Ada", "Bob"))
    Purchase.objects.create(customer=ada, item="a kite")
    return ada, bob
