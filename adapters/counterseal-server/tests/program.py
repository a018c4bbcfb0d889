"""The program `counterseal` in processes of its own, and those who talk to it."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from forking import FORKS, STARTER
from reserved_ports import reserve_port

from counterseal import trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy

COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
PIN = "pin-1379"
"""Digits alone are in GUIDs, times and ports, and so in a log, by chance."""
PATIENCE = 240
"""Seconds; a Python takes a minute to start where nobody has time for it."""

HASTY = """
[policy]
callback_timeout = "2s"
callback_lease = "3s"
callback_delays = ["1s", "1s", "1m", "1h"]
"""

ANNOUNCING = [sys.executable, str(Path(__file__).with_name("announcing.py"))]
"""The command, whose log says for whom it waits."""

QUESTION = {"accountId": "user-42", "content": "Pay 10 EUR to Zoë?", "showCode": True}


def surroundings(**more):
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("COUNTERSEAL")
    }
    return inherited | {"PYTHONUNBUFFERED": "1", "COLUMNS": "100"} | more


def hasty(service):
    """Return an environment in which claims of dead workers and failed callbacks come back soon."""
    config = service.folder / "hasty.toml"
    config.write_text(HASTY)
    return {"COUNTERSEAL_CONFIG": str(config)}


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def stop(*processes):
    """End them as an operator does: what runs comes to its own end, and nothing comes after it."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(PATIENCE) for process in processes] == [0] * len(processes)


class Receiver:
    """A shop's end of the callbacks; it can be out of order."""

    def __init__(self):
        self.as_new()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # its sender was killed meanwhile
                outer.received.append((dict(self.headers), body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/answered"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def as_new(self):
        self.received = []
        self.status = 204

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def can_listen(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


class Service:
    """
    The program `counterseal`, its folder and what a shop knows of it.

    With *like* it begins as a copy of that one, which never ran: a Python less to start.
    With *beside* it is the same service on another machine: it has the keys of the first one.
    With *fresh* each of its processes is a Python that imports for itself.
    """

    def __init__(self, folder, callback, *, store=None, like=None, beside=None, fresh=False):
        self.folder = folder
        self.port = reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "service.log"
        self.processes = []
        self._fresh = fresh or not FORKS
        self.store = store
        self._env = {} if store is None else {"COUNTERSEAL_STORE": store}
        if beside is not None:
            shutil.copytree(beside.folder / "data" / "keys", folder / "data" / "keys")
            self.output = beside.output
            return
        if like is not None:
            shutil.copytree(like.folder / "data", folder / "data")
            self.output = like.output
            return
        self.output = json.loads(
            self.command(
                *("init", "--data", folder / "data", "--company", "Example"),
                *("--app-space", "Bank", "--origin", "Web shop", "--auth", "basic"),
                *("--callback", callback),
            )
        )

    def command(self, *args, code=0, **env):
        program, env = [*COMMAND, *map(str, args)], surroundings(**self._env, **env)
        if self._fresh:
            done = subprocess.run(
                program, capture_output=True, text=True, env=env, timeout=PATIENCE, check=False
            )
        else:
            done = STARTER.run(program[1:], env=env, timeout=PATIENCE)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def run(self, *args, program=COMMAND, **env):
        program = [*program, *map(str, args), "--data", str(self.folder / "data")]
        env = surroundings(COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS="1", **self._env, **env)
        with self.log.open("ab") as log:
            streams = {"stdout": log, "stderr": log}
            if self._fresh:
                process = subprocess.Popen(program, env=env, start_new_session=True, **streams)
            else:
                process = STARTER.start(program[1:], env=env, session=True, **streams)
        self.processes.append(process)
        return process

    def serve(self, **env):
        # Once, the port of a process that was killed was still in use when the next one started.
        eventually(lambda: can_listen(self.port))
        process = self.run("serve", "--port", self.port, **env)
        eventually(lambda: process.poll() is not None or self.answers("/readyz"))
        assert process.poll() is None, self.log.read_text()
        return process

    def answers(self, path):
        try:
            return self.call("GET", path, plain=True)[0] == 200
        except OSError:
            return False

    def call(self, method, path, document=None, *, plain=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {} if plain else {"Authorization": self.output["authorization"]}
        body = None
        if document is not None:
            body = json.dumps(document).encode()
            headers["Content-Type"] = "application/json"
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            return received(connection.getresponse())

    def send(self, method, path, body, headers):
        """Send a request as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers)
            return received(connection.getresponse())

    def device(self, *args, code=0, **env):
        name, *rest = args
        home = ("--home", self.folder / "phone")
        return self.command("device", name, *home, *rest, code=code, COUNTERSEAL_PIN=PIN, **env)

    def bind(self):
        status, invited = self.call("PUT", "/account/bind", {"accountId": "user-42"})
        assert status in {200, 201}
        return self.device(
            *("bind", "--url", self.url, "--token", invited["sessionToken"]),
            *("--app-space", invited["appSpaceGuid"], "--name", "phone"),
        )

    def ask(self, callback):
        status, challenge = self.call("POST", "/request/add", QUESTION | {"callback": callback})
        assert status == 201
        return challenge

    def kill(self, process):
        # The number of one that has ended may be that of another test's process by now.
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def received(response):
    """Read a reply; one that a server cut off as it died is no document."""
    data = response.read()
    kind = response.headers.get("content-type", "")
    return response.status, json.loads(data) if "json" in kind else data


class Phone:
    """One of many devices, faster than the command line, and what it is asked."""

    def __init__(self, service, account, callback, clock=None):
        self.service = service
        self.device = SoftwareDevice.make(
            clock=clock or SystemClock(), entropy=SystemEntropy(), pin=PIN, cost=2
        )
        _, invited = service.call("PUT", "/account/bind", {"accountId": account})
        token, space = invited["sessionToken"], invited["appSpaceGuid"]
        enrolment = self.device.enrolment(token, space, pin=PIN)
        _, bound = service.call("POST", "/device/bind", enrolment_document(enrolment))
        self.device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )
        question = {"accountId": account, "content": "Lunch?", "callback": callback}
        _, challenge = service.call("POST", "/request/add", question | {"duration": "10m"})
        self.challenge = challenge["guid"]
        _, request_document = self._signed_request("GET", f"/device/requests/{self.challenge}")
        self.signed = self.device.answer(request_document["display"], 0, pin=PIN).encode()

    def answer(self):
        return self._signed_request("POST", "/device/answer", self.signed)[0] == 200

    def await_another(self):
        """Wait for another list than the one challenge; return its GUIDs and when they came."""
        path = f"/device/requests?wait=3000&known={self.challenge}"
        status, listed = self._signed_request("GET", path)
        return status, [each["guid"] for each in listed["requests"]], time.monotonic()

    def _signed_request(self, method, path, body=b""):
        call = self.device.signed_call(method, self.service.url + path, body)
        headers = {"Counterseal-Proof": call.proof, "Content-Type": "application/jose"}
        return self.service.send(method, path, body, headers)
