"""The start and the stop: what is said once the port answers, and signals at any moment."""

import base64
import os
import signal
import sys
from pathlib import Path

import pytest
from program import PATIENCE, eventually

from counterseal.models.guid import mint

GRACE = 600
"""Seconds; whoever waits so long was killed after it, and had not heard."""

EARLY = """
import os, signal, threading

from counterseal_server import web
from counterseal_server.cli import main

made = web.build_gateway

def build_gateway(*args, **others):
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())  # as deaf as before it serves
    os.kill(os.getppid(), signal.SIGTERM)
    told.wait()
    return made(*args, **others)

web.build_gateway = build_gateway
main()
"""
"""The command, which is told to stop while its application is made."""


def serving(service, **how):
    return service.run("serve", "--port", service.port, COUNTERSEAL_GRACE=f"{GRACE}s", **how)


def wait_for_text(service, process, text):
    eventually(lambda: text in service.log.read_text() or process.poll() is not None)
    assert text in service.log.read_text()


def test_whoever_reads_where_it_serves_may_call(service):
    process = serving(service)
    wait_for_text(service, process, "serving at")

    assert service.call("GET", "/healthz", plain=True)[0] == 200


def test_a_death_of_the_process_that_serves_is_logged(service):
    process = serving(service)
    wait_for_text(service, process, "serving at")
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    os.kill(int(child), signal.SIGKILL)

    assert process.wait(PATIENCE) == 1
    assert "stopped: the process that serves ended by itself, or was killed" in (
        service.log.read_text()
    )


@pytest.mark.parametrize("called", [False, True], ids=["at once", "after a call"])
def test_ctrl_c_does_not_wait_for_grace_when_nothing_runs(service, called):
    process = serving(service)
    wait_for_text(service, process, "serving at")
    if called:
        assert service.call("GET", "/healthz", plain=True)[0] == 200

    # As a terminal does: every process of it hears.
    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(PATIENCE) == 0, service.log.read_text()
    assert "stopped" in service.log.read_text()


def test_a_stop_before_it_serves_is_heard(service):
    process = serving(service, program=[sys.executable, "-c", EARLY])

    assert process.wait(PATIENCE) == 0, service.log.read_text()
    assert "serving at" not in service.log.read_text().partition("stopped")[2]


COMMANDS = (
    "serve",
    "callbacks run",
    f"callbacks queued --origin {mint(0, bytes(15))}",
    "admin list",
    "admin company Stray",
    "account show zoe",
    "invite zoe",
    "store check",
    "store purge",
    "audit archive FILE",
)


def test_a_database_that_is_gone_is_not_taken_for_a_new_service(service):
    data = service.folder / "data"
    for file in data.glob("counterseal.db*"):
        file.unlink()

    for command in COMMANDS:
        error_text = service.command(*command.split(), "--data", data, code=2)
        assert error_text.startswith(f"store: there is no file {data}/counterseal.db: "), command
        assert not list(data.glob("counterseal.db*")), command


def test_an_empty_database_is_not_taken_for_a_new_service(service):
    data = service.folder / "data"
    for file in data.glob("counterseal.db*"):
        file.unlink()
    (data / "counterseal.db").touch()

    for command in COMMANDS[:7]:
        error_text = service.command(*command.split(), "--data", data, code=2)
        assert error_text.startswith(
            "store: there is no company in it, though there are keys in "
        ), command


def test_a_store_of_another_service_is_reported(service):
    warning = "no master key that is here has sealed secrets in the store"
    another = service.folder / "another"
    service_creation = ("--company", "Other", "--app-space", "Other", "--origin", "Other")
    service.command("init", "--data", another, "--auth", "hmac", *service_creation)

    process = serving(service, COUNTERSEAL_STORE=f"sqlite:///{another}/counterseal.db")
    wait_for_text(service, process, "serving at")

    assert warning in service.log.read_text()


def test_a_store_of_its_own_is_not(service):
    process = serving(service)
    wait_for_text(service, process, "serving at")

    assert "no master key" not in service.log.read_text()


def test_a_wrong_master_key_is_reported(service):
    slip = base64.b64encode(bytes([7] * 32)).decode()
    process = serving(service, COUNTERSEAL_MASTER_KEY=slip)
    wait_for_text(service, process, "serving at")

    assert "sealed by another master key than the first one of now" in service.log.read_text()
