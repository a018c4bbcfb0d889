"""What the tests share: receivers on loopback, name servers that are told what to say."""

import re
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime

import attrs
import pytest
import trustme

from counterseal.models import Delivery

NAME = "shop.example"


@attrs.frozen
class Asked:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name]


def answer(status=204, *headers, body=b""):
    """Answer, and keep the connection."""
    length = [] if status in {204, 304} else [f"Content-Length: {len(body)}"]
    head = "\r\n".join([f"HTTP/1.1 {status} Whatever", *length, *headers, "", ""])

    def act(connection, receiver):
        connection.sendall(head.encode("latin-1") + body)
        return True

    return act


def raw(data):
    """Send these bytes and close."""

    def act(connection, receiver):
        connection.sendall(data)
        return False

    return act


def hang(connection, receiver):
    """Say nothing, for as long as the test runs."""
    receiver.over.wait()
    return False


def drip(data):
    """Send *data*, then an octet now and then, for as long as the test runs."""

    def act(connection, receiver):
        connection.sendall(data)
        while not receiver.over.wait(0.02):
            connection.sendall(b"x")
        return False

    return act


def reset(connection, receiver):
    """Break off by RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


class Receiver:
    """An HTTP server that does what the test says."""

    answer = staticmethod(answer)
    raw = staticmethod(raw)
    hang = staticmethod(hang)
    drip = staticmethod(drip)
    reset = staticmethod(reset)

    def __init__(self, tls=None, address="127.0.0.1", port=0):
        self.asked = []
        self.connections = 0
        self.names = []
        self.over = threading.Event()
        self.act = answer()
        self.accepted = None  # instead of TLS and HTTP
        self._tls = tls
        self._held = []
        self._listener = socket.create_server((address, port))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self):
        return self._listener.getsockname()[1]

    def url(self, path="/done", name=NAME):
        return f"{'https' if self._tls else 'http'}://{name}:{self.port}{path}"

    def close(self):
        self.over.set()
        # `close` alone does not wake a thread that waits in `accept`.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._held:
            with suppress(OSError):
                # Not TLS's own, which would take the reader's object away.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self):
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection, suppress(OSError):
            connection.settimeout(60)
            if self.accepted:
                self.accepted(connection, self)
                return
            if self._tls:
                self._tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._talk(secured)
            else:
                self._talk(connection)

    def _talk(self, connection):
        self._held.append(connection)
        with connection.makefile("rb") as lines:
            while request := self._read(lines):
                self.asked.append(request)
                act, self.act = self.act, getattr(self, "after", self.act)
                if not act(connection, self):
                    return

    def _read(self, lines):
        # The other side closes an idle connection when it likes.
        line = lines.readline().decode("latin-1")
        if not line:
            return None
        method, path, _ = line.split(" ")
        headers = []
        while (line := lines.readline().decode("latin-1").rstrip("\r\n")) != "":
            headers.append(tuple(re.split(r":\s*", line, maxsplit=1)))
        length = next((value for name, value in headers if name.lower() == "content-length"), "0")
        return Asked(method, path, headers, lines.read(int(length)))


class Names:
    """A name server that answers as it is told: each time the same, or in turn."""

    def __init__(self, **answers):
        self.asked = []
        self._answers = {name.replace("_", "."): list(said) for name, said in answers.items()}

    def resolve(self, host, within):
        self.asked.append(host)
        said = self._answers[host]
        found = said.pop(0) if len(said) > 1 else said[0]
        if isinstance(found, Exception):
            raise found
        return tuple(found.split())


@pytest.fixture(scope="session")
def authority():
    """Return who vouches for the receivers."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trust(authority):
    """Return what senders trust."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def identity(authority):
    """Return a factory of a server's side of TLS, for a name."""

    def make(*names):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        return context

    return make


@pytest.fixture
def new_receiver():
    """Return a factory of receivers."""
    made = []

    def make(*args, **kwargs):
        made.append(Receiver(*args, **kwargs))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def new_receivers(new_receiver):
    """Return a function that makes a receiver at each of two addresses, with one port for both."""

    def make(tls, first_address, second_address):
        for _ in range(100):
            first_receiver = new_receiver(tls, first_address)
            with suppress(OSError):  # a stranger has the port at the second address
                return first_receiver, new_receiver(tls, second_address, first_receiver.port)
        raise AssertionError("no port is free at both addresses")

    return make


@pytest.fixture
def receiver(new_receiver, identity):
    """Return an HTTPS receiver whose certificate is good."""
    return new_receiver(identity(NAME, "127.0.0.1"))


@pytest.fixture
def names():
    """Return the name servers' double."""
    return Names


@pytest.fixture
def clock():
    """Return a clock that stands still."""

    class Still:
        def now(self):
            return datetime(2030, 1, 1, 12, tzinfo=UTC)

    return Still()


@pytest.fixture
def delivery():
    """Return a factory of deliveries."""

    def make(url, timeout, body=b'{"guid": "x"}', headers=(("webhook-id", "an-id"),)):
        return Delivery(url=url, headers=headers, body=body, timeout=timeout)

    return make
