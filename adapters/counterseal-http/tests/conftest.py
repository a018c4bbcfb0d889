"""HTTP receivers on loopback, and a fake resolver."""

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
class ReceivedRequest:
    """One request, as received."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name]


def answer(status=204, *headers, body=b""):
    """Respond, and keep the connection open."""
    length = [] if status in {204, 304} else [f"Content-Length: {len(body)}"]
    head = "\r\n".join([f"HTTP/1.1 {status} Whatever", *length, *headers, "", ""])

    def respond(connection, receiver):
        connection.sendall(head.encode("latin-1") + body)
        return True

    return respond


def raw(data):
    """Send *data* and close the connection."""

    def respond(connection, receiver):
        connection.sendall(data)
        return False

    return respond


def hang(connection, receiver):
    """Send nothing while the test runs."""
    receiver.released.wait()
    return False


def drip(data):
    """Send *data*, then an octet now and then, while the test runs."""

    def respond(connection, receiver):
        connection.sendall(data)
        while not receiver.released.wait(0.02):
            connection.sendall(b"x")
        return False

    return respond


def reset(connection, receiver):
    """Close the connection by RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


class Receiver:
    """An HTTP server whose responses a test can replace."""

    answer = staticmethod(answer)
    raw = staticmethod(raw)
    hang = staticmethod(hang)
    drip = staticmethod(drip)
    reset = staticmethod(reset)

    def __init__(self, tls=None, address="127.0.0.1", port=0):
        self.requests = []
        self.connections = 0
        self.names = []
        self.released = threading.Event()
        self.respond = answer()
        self.accepted = None  # instead of TLS and HTTP
        self._tls = tls
        self._sockets = []
        self._listener = socket.create_server((address, port))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self):
        return self._listener.getsockname()[1]

    def url(self, path="/done", name=NAME):
        return f"{'https' if self._tls else 'http'}://{name}:{self.port}{path}"

    def close(self):
        self.released.set()
        # `close` alone does not wake a thread that waits in `accept`.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._sockets:
            with suppress(OSError):
                # Not the method of TLS, which would remove the object that a thread reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self):
        while not self.released.is_set():
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
                    self._serve_requests(secured)
            else:
                self._serve_requests(connection)

    def _serve_requests(self, connection):
        self._sockets.append(connection)
        with connection.makefile("rb") as lines:
            while request := self._read_request(lines):
                self.requests.append(request)
                respond, self.respond = self.respond, getattr(self, "after", self.respond)
                if not respond(connection, self):
                    return

    def _read_request(self, lines):
        # The client may close an idle connection at any time.
        line = lines.readline().decode("latin-1")
        if not line:
            return None
        method, path, _ = line.split(" ")
        headers = []
        while (line := lines.readline().decode("latin-1").rstrip("\r\n")) != "":
            headers.append(tuple(re.split(r":\s*", line, maxsplit=1)))
        length = next((value for name, value in headers if name.lower() == "content-length"), "0")
        return ReceivedRequest(method, path, headers, lines.read(int(length)))


class FakeResolver:
    """A resolver with fixed answers: the same each time, or one after the other."""

    def __init__(self, **answers):
        self.resolved_names = []
        self._answers = {name.replace("_", "."): list(texts) for name, texts in answers.items()}

    def resolve(self, host, timeout):
        self.resolved_names.append(host)
        answers = self._answers[host]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return tuple(answer.split())


@pytest.fixture(scope="session")
def authority():
    """Return the authority of the receivers' certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trust(authority):
    """Return a TLS context that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def identity(authority):
    """Return a factory of TLS contexts of a server with these names."""

    def make(*names):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        return context

    return make


@pytest.fixture
def new_receiver():
    """Return a factory of receivers."""
    receivers = []

    def make(*args, **kwargs):
        receivers.append(Receiver(*args, **kwargs))
        return receivers[-1]

    yield make
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def new_receivers(new_receiver):
    """Return a function that makes a receiver at each of two addresses, with one port for both."""

    def make(tls, first_address, second_address):
        for _ in range(100):
            first_receiver = new_receiver(tls, first_address)
            with suppress(OSError):  # another process has the port at the second address
                return first_receiver, new_receiver(tls, second_address, first_receiver.port)
        raise AssertionError("no port is free at both addresses")

    return make


@pytest.fixture
def receiver(new_receiver, identity):
    """Return an HTTPS receiver with a valid certificate."""
    return new_receiver(identity(NAME, "127.0.0.1"))


@pytest.fixture
def names():
    """Return the class of fake resolvers."""
    return FakeResolver


@pytest.fixture
def clock():
    """Return a clock that does not move."""

    class FixedClock:
        def now(self):
            return datetime(2030, 1, 1, 12, tzinfo=UTC)

    return FixedClock()


@pytest.fixture
def delivery():
    """Return a factory of deliveries."""

    def make(url, timeout, body=b'{"guid": "x"}', headers=(("webhook-id", "an-id"),)):
        return Delivery(url=url, headers=headers, body=body, timeout=timeout)

    return make
