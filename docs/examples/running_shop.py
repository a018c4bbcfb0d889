"""Starts a shop, and calls the device command, as a person does."""

import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from forking import STARTER
from reserved_ports import reserve_port

SHOPS = Path(__file__).parent / "shops"
PROCFILES = sorted(str(path.relative_to(SHOPS)) for path in SHOPS.glob("*/Procfile*"))
COUNTERSEAL = "from counterseal_server.cli import main; main()"
PIN = "1379"
PATIENCE = 240
"""Seconds; a busy machine is slow, and not wrong."""


@contextmanager
def running_shop(procfile, database="", keys=""):
    """Run a shop with a database of its own, or on *database* with *keys*; yield its URL."""
    port = reserve_port()
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "KEYS"}
    }
    if database:
        environment |= {"DATABASE_URL": database, "KEYS": keys}
    process = subprocess.Popen(
        [sys.executable, SHOPS / "start.py", *procfile.split("/")],
        env=environment | {"PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process.stdout:
        try:
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
            line = process.stdout.readline() if ready else ""
            assert line == f"The shop is at http://127.0.0.1:{port}\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            status = process.wait(PATIENCE)
    assert status == 0


def await_port(url, process):
    """Wait until *process* answers at *url*."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx2.get(url, timeout=PATIENCE)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the shop did not start")


def device(home, *arguments):
    """Run the device command, whose keys are in *home*; return what it printed."""
    environment = dict(os.environ) | {"COUNTERSEAL_PIN": PIN, "COUNTERSEAL_HOME": str(home)}
    program = ["-c", COUNTERSEAL, "device", *map(str, arguments)]
    done = STARTER.run(program, env=environment, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout
