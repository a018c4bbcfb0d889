"""`counterseal serve` with the portal, a receiver of callbacks, and devices that call over HTTP."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import chdir, closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from counterseal import trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.wire.link import read_link
from counterseal_client import Client

COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
SHOPS = Path(__file__).parents[3] / "docs" / "examples" / "shops"
PATIENCE = 240
"""Seconds, for a machine on which nothing starts soon."""
WAIT = timedelta(seconds=PATIENCE)
"""How long an origin waits for a reply, and for an answer."""
PIN = "739154"
CONFIGURATION = """
browser_device = true

[policy]
step_up_life = "10s"
"""


def eventually(condition, pause=0.05):
    """Return what *condition* returns, once it is true; ask it again after *pause* seconds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause)
    raise AssertionError("it did not come about")


@contextmanager
def address_of(store):
    """Yield the address of an empty database, None for the default."""
    if store == "sqlite":
        yield None
        return
    pytest.importorskip("psycopg", reason="no postgresql: psycopg is not installed")
    sys.path.insert(0, str(SHOPS))
    with import_module("postgresql").postgresql() as address:
        yield address


@contextmanager
def reserved_port():
    """Yield a port of loopback that nobody else gets, and that a server may listen at."""
    with socket.socket() as reservation:
        # Sockets of these options share an address, of which one listens only: the server's.
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            reservation.setsockopt(socket.SOL_SOCKET, option, 1)
        reservation.bind(("127.0.0.1", 0))
        yield reservation.getsockname()[1]


class CallbackReceiver:
    """
    An origin's end of the callbacks.

    Attributes:
        url: Its address.
        status: What it replies.
        received: The bodies that it accepted.
    """

    def __init__(self):
        self.status, self.received = 410, []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if receiver.status < http.client.BAD_REQUEST:
                    receiver.received.append(json.loads(body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/answered"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ServedService:
    """
    A running `counterseal serve` with the portal, at a port of `reserved_port`.

    Attributes:
        url: Its address.
        output: What `init` printed.
    """

    def __init__(self, folder, port, store=None, configuration=CONFIGURATION):
        self._folder = folder
        self.url = f"http://localhost:{port}"  # browsers have no passkeys at an IP address
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith("COUNTERSEAL")
        }
        self._environment = inherited | {
            "COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "yes",
            "COUNTERSEAL_CONFIG": "counterseal.toml",
            "COUNTERSEAL_DATA": "data",
            "COUNTERSEAL_PORTAL": "yes",
            "COUNTERSEAL_PUBLIC_URL": self.url,
        }
        if store is not None:
            self._environment["COUNTERSEAL_STORE"] = store
        (folder / "counterseal.toml").write_text(configuration, "utf-8")
        names = ("--company", "First Ltd", "--app-space", "First", "--origin", "First shop")
        names += ("--auth", "signature")
        self.output = json.loads(self.run("init", *names))
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "serve", "--port", str(port)],
                cwd=folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        try:
            eventually(self._is_ready)
        except BaseException:
            self.stop()
            raise

    def run(self, *arguments):
        """Run a command beside it, in this process, which starts no Python; return its output."""
        main = import_module("counterseal_server.cli").main
        others = dict.fromkeys(name for name in os.environ if name.startswith("COUNTERSEAL"))
        runner = CliRunner(env=others | self._environment)
        with chdir(self._folder):
            ended = runner.invoke(main, arguments, catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    def _is_ready(self):
        assert self._process.poll() is None, (self._folder / "log").read_text("utf-8")
        try:
            return self.call("GET", "/readyz")[0] == http.client.OK
        except OSError:
            return False

    def open_runtime(self):
        """Return the ports of its store and keys, in this process, as its commands use them."""
        settings = import_module("counterseal_server.configuration").settings
        file = self._folder / "counterseal.toml"
        return import_module("counterseal_server.runtime").Runtime(
            settings({"data": self._folder / "data"}, self._variables(), file)
        )

    def _variables(self):
        names = ("COUNTERSEAL_PUBLIC_URL", "COUNTERSEAL_PORTAL", "COUNTERSEAL_STORE")
        return {name: self._environment[name] for name in names if name in self._environment}

    def stop(self):
        """Stop it, as an operator does."""
        self._process.terminate()
        assert self._process.wait(PATIENCE) == 0

    def call(self, method, path, body=b"", **headers):
        """Call it without credentials; return the status, and the document of the reply."""
        connection = http.client.HTTPConnection(
            "localhost", urlsplit(self.url).port, timeout=PATIENCE
        )
        with closing(connection):
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            data = response.read()
            is_json = "json" in response.headers.get("content-type", "")
            return response.status, json.loads(data) if is_json else data


def open_client(service, origin, key):
    """Return a client of *origin*, whose calls may take as long as anything here."""
    return Client(service.url, origin, key, scheme="signature", allow_http=True, timeout=WAIT)


@contextmanager
def served(folder, store=None, configuration=CONFIGURATION):
    """Serve a new service from *folder*; yield it and a receiver of callbacks."""
    with closing(CallbackReceiver()) as receiver, reserved_port() as port:
        service = ServedService(folder, port, store, configuration)
        try:
            yield service, receiver
        finally:
            service.stop()


class Phone:
    """
    A person's device, which calls the service over HTTP.

    Args:
        service: A `ServedService`.
        link: The bind link that the person opens.
    """

    def __init__(self, service, link):
        self._service = service
        self.device = SoftwareDevice.make(
            clock=SystemClock(), entropy=SystemEntropy(), pin=PIN, cost=2
        )
        bind_link = read_link(link)
        enrolment = self.device.enrolment(bind_link.token, bind_link.app_space, pin=PIN)
        body = json.dumps(enrolment_document(enrolment)).encode()
        status, bound = service.call(
            "POST", "/device/bind", body, **{"Content-Type": "application/json"}
        )
        assert status == http.client.OK, bound
        self.device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )

    def answer(self, *, approves=True, code=None, reason=None):
        """Answer the only open question with the button that approves, or does not."""
        _, listed = self._signed_call("GET", "/device/requests")
        (listed_request,) = listed["requests"]
        _, request = self._signed_call("GET", f"/device/requests/{listed_request['guid']}")
        display = request["display"]
        buttons = self.device.read_display(display)["buttons"]
        button = [each["approves"] for each in buttons].index(approves)
        token = self.device.answer(display, button, pin=PIN, code=code, reason=reason)
        status, document = self._signed_call("POST", "/device/answer", token.encode())
        assert status == http.client.OK, document

    def _signed_call(self, method, path, body=b""):
        call = self.device.signed_call(method, self._service.url + path, body)
        headers = {"Counterseal-Proof": call.proof, "Content-Type": "application/jose"}
        return self._service.call(method, path, body, **headers)
