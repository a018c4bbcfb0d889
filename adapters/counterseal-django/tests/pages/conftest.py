"""The site of an office, in this process: its database, a logged-in user, and their phone."""

import itertools
import os
import shutil

import pytest
from django.core.management import call_command
from django.test import override_settings
from office.models import Customer, Purchase
from office_person import HOST, Person

SQLITE = "django.db.backends.sqlite3"
DATABASES = ["sqlite", "postgresql"] if "EVERY_SERVER" in os.environ else ["sqlite"]


class SqliteSites:
    """Files: one has all tables, and the others are its copies."""

    def __init__(self, folder):
        self._folder, self._numbers = folder, itertools.count()
        self.model = self._members("model")

    def copy(self):
        members = self._members(next(self._numbers))
        shutil.copy(self.model["NAME"], members["NAME"])
        return members

    def _members(self, name):
        return {"ENGINE": SQLITE, "NAME": str(self._folder / f"{name}.sqlite3")}


class PostgresqlSites:
    """The same, in one server."""

    def __init__(self, databases):
        self._databases = databases
        self.model = databases.bare()

    def copy(self):
        return self._databases.bare(f"TEMPLATE {self.model['NAME']}")


@pytest.fixture(scope="session", params=DATABASES)
def sites(request, tmp_path_factory):
    """Return what makes databases for the site, and the folder of its keys."""
    folder = tmp_path_factory.mktemp("office")
    if request.param == "sqlite":
        return SqliteSites(folder), folder / "keys"
    return PostgresqlSites(request.getfixturevalue("postgresql_databases")), folder / "keys"


@pytest.fixture
def office(sites, set_databases):
    """Set up the site on a database of its own."""

    def use(members):
        set_databases(default=members, counterseal={**members, "TEST": {"MIRROR": "default"}})

    databases, keys = sites
    members = {
        "URL": f"https://{HOST}/auth",
        "KEYS": keys,
        "TENANCY": "office.example/django",
        "COMPANY": "Example Office",
    }
    with override_settings(COUNTERSEAL=members):
        if not keys.exists():
            use(databases.model)
            call_command("migrate", run_syncdb=True, verbosity=0)
            call_command("counterseal_upgrade", verbosity=0, create_keys=True)
            set_databases()
        use(databases.copy())
        yield


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
