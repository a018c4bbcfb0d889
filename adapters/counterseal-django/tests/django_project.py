"""A Django project in processes of its own, and a device that calls it over HTTP."""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from reserved_ports import reserve_port

from counterseal.bindings.documents.device import Bond
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import SoftwareDevice
from counterseal.memory import memory_ports
from counterseal.wire.link import read_link
from counterseal.wire.members import read_record

FOLDER = Path(__file__).parent / "project"
PATIENCE = 240
PIN = "1379"

COMMANDS = {
    "runserver": (sys.executable, "manage.py", "runserver", "--noreload", "127.0.0.1:{port}"),
    "gunicorn": (
        *(sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:{port}", "--no-control-socket"),
        *("--workers=2", "--threads=8", "wsgi:application"),
    ),
    "uvicorn": (
        *(sys.executable, "-m", "uvicorn", "--port={port}", "--lifespan=off", "asgi:application"),
    ),
}
"""By server, what starts it."""

SET_UP = """
import django
django.setup()
from django.core.management import call_command
"""

INSTALL = """
call_command("migrate", verbosity=0)
call_command("counterseal_upgrade", create_keys=True)
"""


class Project:
    """
    The project of the tests.

    Args:
        folder: What it stores.
        database: The members of its alias `default`.

    Attributes:
        port: Where a server of it listens.
    """

    def __init__(self, folder, database):
        self.port = reserve_port()
        self._environment = os.environ | {
            "DATABASE": json.dumps(database),
            "DEBUG": "1",
            "DJANGO_SETTINGS_MODULE": "settings",
            "FOLDER": str(folder),
            **({"TEST_NAME": "test.sqlite3"} if "sqlite" in database["ENGINE"] else {}),
            "PORT": str(self.port),
        }
        self._processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.terminate()
            process.wait(PATIENCE)

    def manage(self, *words):
        """Run `manage.py`; return what it printed."""
        return self._run("manage.py", *words)

    def run(self, program):
        """Run the lines of *program* in one process, since each takes a second to begin."""
        return self._run("-c", f"{SET_UP}{program}")

    def _run(self, *words):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=FOLDER,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def start(self, *command, **options):
        """Start a program of the project."""
        words = [word.format(port=self.port) for word in command]
        process = subprocess.Popen(words, cwd=FOLDER, env=self._environment, **options)
        self._processes.append(process)
        return process

    def serve(self, server):
        """Start *server*; return its process once it answers."""
        process = self.start(*COMMANDS[server])
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.get("/auth/.well-known/jwks.json")
            except ConnectionRefusedError:
                assert process.poll() is None, "the server has ended"
                assert time.monotonic() < deadline
                time.sleep(0.05)  # there is no other way to see a port
            else:
                return process

    def open(self, method, path, body=b"", headers=None):
        """Send a request; return its connection, and the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, body or None, headers or {})
        return connection, connection.getresponse()

    def send(self, method, path, body=b"", headers=None):
        """Send a request; return status, headers and body."""
        connection, reply = self.open(method, path, body, headers)
        data = reply.read()
        connection.close()
        return reply.status, reply.headers, data

    def get(self, path):
        """Return the document at *path*."""
        status, _, data = self.send("GET", path)
        assert status == 200, data
        return json.loads(data)


class Device:
    """A device of the user, which calls the project over HTTP."""

    def __init__(self, project):
        ports = memory_ports()
        self._project = project
        self._device = SoftwareDevice.make(
            clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=2
        )

    def bind(self, link):
        """Complete the binding of *link*, as the browser device does."""
        invitation = read_link(link)
        enrolment = self._device.enrolment(invitation.token, invitation.app_space, pin=PIN)
        body = json.dumps(enrolment_document(enrolment)).encode()
        self._service = invitation.service
        path = urlsplit(f"{self._service}/device/bind").path
        headers = {"Content-Type": "application/json"}
        status, _, data = self._project.send("POST", path, body, headers)
        assert status == 200, data
        self._device.bond = read_record(Bond, json.loads(data))

    def call(self, method, path, body=b"", media_type="application/json", query=""):
        """Return a signed request, as `Project.open` and `Project.send` take it."""
        url = f"{self._service}{path}{query}"
        call = self._device.signed_call(method, url, body)
        headers = {"Counterseal-Proof": call.proof}
        if body:
            headers["Content-Type"] = media_type
        address = urlsplit(url)
        target = f"{address.path}?{address.query}" if address.query else address.path
        return method, target, body, headers

    def get(self, path, query=""):
        """Return the document at *path*."""
        status, _, data = self._project.send(*self.call("GET", path, query=query))
        assert status == 200, data
        return json.loads(data)

    def answer(self, guid):
        """Show a question, and press its first button."""
        display = self.get(f"/device/requests/{guid}")["display"]
        token = self._device.answer(display, 0, pin=PIN).encode()
        call = self.call("POST", "/device/answer", token, "application/jose")
        status, _, data = self._project.send(*call)
        assert status == 200, data
        return json.loads(data)
