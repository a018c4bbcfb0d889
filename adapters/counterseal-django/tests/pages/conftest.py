"""The site of an office, in this process: its database, a logged-in user, and their phone."""

import shutil
import sqlite3

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from office.models import Customer, Purchase
from office_person import HOST, Person

SQLITE = "django.db.backends.sqlite3"


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
