"""The device command against a real `counterseal serve`: a new phone, and pushes."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from functools import partial

import pytest
from reserved_ports import reserve_port

from counterseal.device import SoftwareDevice

COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
PATIENCE = 240
PIN = "1379"
GUID = r"[0-9a-f]{8}-[0-9a-f-]{27}"
CODE = r"[0-9A-Z]{5}-[0-9A-Z]{5}"
TIME = r"\d{4}-\d\d-\d\dT[\d:.]+Z"


class Service:
    """A running service, with one origin; `run` runs a command in this process."""

    def __init__(self, run, folder, url, authorization):
        self.run, self.folder, self.url = run, folder, url
        self.authorization = authorization

    def link(self):
        """Return the link of the origin's invitation to user-42."""
        output = self.run("invite", "user-42", "--data", self.folder / "data", "--json").stdout
        return json.loads(output)["link"]

    def ask(self, content):
        """Ask user-42; return the GUID of the question."""
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        body = json.dumps({"accountId": "user-42", "content": content}).encode()
        request = urllib.request.Request(f"{self.url}/request/add", body, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310 (http)
            return json.load(response)["guid"]


def await_service(process, url):
    end = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=PATIENCE):  # noqa: S310 (http)
                return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture(scope="module")
def service(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    names = ("--company", "Example", "--app-space", "Bank", "--origin", "Shop", "--auth", "basic")
    initialized = run("init", "--data", folder / "data", *names)
    assert run("keys", "webpush", "--data", folder / "data").exit_code == 0
    port = reserve_port()
    command = [*COMMAND, "serve", "--data", "data", "--port", str(port)]
    inherited = {name: text for name, text in os.environ.items() if "COUNTERSEAL" not in name}
    inherited |= {
        "COUNTERSEAL_ALLOW_PRIVATE_PUSHES": "yes",
        "COUNTERSEAL_WEBPUSH_CONTACT": "mailto:operator@push.example",
    }
    process = subprocess.Popen(command, cwd=folder, env=inherited, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        await_service(process, url)
        yield Service(run, folder, url, json.loads(initialized.stdout)["authorization"])
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture
def device(run, tmp_path, monkeypatch):
    """Return a function that runs a device command in the folder of one phone."""
    monkeypatch.setenv("COUNTERSEAL_PIN", PIN)
    # What a PIN costs is no part of what is tested here.
    cheap = partial(SoftwareDevice.make, cost=2)
    monkeypatch.setattr("counterseal_demo.device_cli.home.SoftwareDevice.make", cheap)

    def command(phone, name, *args, code=0, stdin=None):
        result = run("device", name, "--home", tmp_path / phone, *args, stdin=stdin)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr

    return command


def bind_invited(service, device, old_phone, new_phone, name):
    """Bind *new_phone* by an invitation of *old_phone*; return its GUID and comparison code."""
    link, *_ = device(old_phone, "invite").splitlines()
    output = device(new_phone, "bind", "--url", service.url, "--link", link, "--name", name)
    text = (
        rf"bound: device ({GUID})\ncomparison code: ({CODE})\n"
        rf"not confirmed yet: it ends at {TIME} unless it is\n"
    )
    return re.fullmatch(text, output).groups()


def test_a_new_phone_is_invited_compared_added_refused_and_moved_to(
    service, device, tmp_path, monkeypatch
):
    device("old", "bind", "--url", service.url, "--link", service.link())
    assert device("old", "new-devices") == "No new device waits.\n"
    assert "needs no confirmation" in device("old", "comparison-code", code=2)

    guid, code = bind_invited(service, device, "old", "tablet", "A tablet")
    assert device("tablet", "comparison-code").splitlines()[0] == f"comparison code: {code}"
    assert device("tablet", "pending", code=1).endswith(" Reason: unconfirmed.\n")
    assert re.fullmatch(rf"{guid} {code} 'A tablet', until {TIME}\n", device("old", "new-devices"))
    other = "00000-00000"
    changed = "code: not the code of this new device; do not add it\n"
    assert device("old", "decide", guid, "add", "--code", other, code=2) == changed
    assert device("old", "decide", service.link()[-36:], "add", code=2).startswith("guid: ")
    monkeypatch.setenv("COUNTERSEAL_PIN", "0000")
    assert "Attempts left: 4." in device("old", "decide", guid, "add", "--code", code, code=1)
    monkeypatch.setenv("COUNTERSEAL_PIN", PIN)
    typed = f"{code.lower().replace('-', ' ')}\n"
    output = device("old", "decide", guid, "add", stdin=typed)
    assert output.endswith(f"ACTIVE: device {guid}\n")
    assert device("tablet", "pending") == "There are no open questions.\n"
    assert device("old", "decide", guid, "add", code=2) == "guid: no new device with it waits\n"

    guid, _ = bind_invited(service, device, "tablet", "stranger", "A stranger")
    assert device("tablet", "decide", guid, "refuse") == f"REVOKED: device {guid}\n"
    assert device("stranger", "pending", code=1).startswith("refused: service_refused: denied: ")

    guid, code = bind_invited(service, device, "old", "new", "A new phone")
    (waiting,) = json.loads(device("old", "new-devices", "--json"))["newDevices"]
    assert (waiting["device"], waiting["comparisonCode"]) == (guid, code)
    output = device("old", "decide", guid, "move", "--code", code)
    assert output == (
        f"ACTIVE: device {guid}\nmoved: this device is revoked, and its keys are deleted\n"
    )
    assert list((tmp_path / "old").iterdir()) == []
    assert device("new", "pending") == "There are no open questions.\n"


def test_a_pushed_question_is_shown_and_answered(service, device, tmp_path):
    device("phone", "bind", "--url", service.url, "--link", service.link())
    command = [*COMMAND, "device", "listen", "--home", "phone", "--answer", "--once"]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, encoding="utf-8", **streams) as process:
        try:
            first = process.stdout.readline()
            assert re.fullmatch(r"listening at http://127\.0\.0\.1:\d+ \(Ctrl-C ends it\)\n", first)
            assert json.loads(device("phone", "status", "--json"))["addresses"] == 1
            guid = service.ask("Lunch?")
            output, errors = process.communicate("0\n", timeout=PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    assert guid in output
    assert "Lunch?" in output
    assert "ANSWERED, approved\nreceipt: number 1, valid\n" in output
    assert output.endswith("ended: the address is removed\n")
    assert json.loads(device("phone", "status", "--json"))["addresses"] == 0


def test_the_address_is_removed_when_the_command_is_terminated(service, device, tmp_path):
    device("phone", "bind", "--url", service.url, "--link", service.link())
    command = [*COMMAND, "device", "listen", "--home", "phone"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            process.terminate()
            process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0
    assert json.loads(device("phone", "status", "--json"))["addresses"] == 0
