"""Pages with two terminals: what stands there is what runs, and what it says is what is said."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
README = ROOT / "adapters" / "counterseal-server" / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial" / "first-service.md"
PATIENCE = 60

SETTING_UP = ("python3 -m venv", ".venv/bin/pip", "export PATH")
"""What the environment of the tests has in their place."""

CHANGING = {
    "G": r"[0-9a-f]{8}-[0-9a-f-]{27}",
    "T": r"\d{4}-\d\d-\d\dT[\d:.]+Z",
    "R": r"(?<= )[0-9a-f]{24}(?= )",
    "MS": r"[\d.]+ ms",
    "K": r"(?<= )[\w-]{43}$|(?<= kid)( +)[\w-]{22}$",
}
"""What another run has otherwise."""


def section(page, heading):
    text = page.read_text("utf-8")
    return text.partition(f"{heading}\n")[2].partition("\n## ")[0] if heading else text


def blocks(text):
    """Return those of the first terminal, up to the service, those of the second, and what
    the first one says later."""
    found = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    served = next(at for at, block in enumerate(found) if "counterseal serve" in block)
    later = found[served + 1 :]
    return (
        "".join(found[: served + 1]),
        "".join(block for block in later if "$ " in block),
        "".join(block for block in later if "$ " not in block),
    )


def commands(terminal):
    lines = [line.removeprefix("$ ") for line in terminal.splitlines() if line.startswith("$ ")]
    return [line for line in lines if not line.startswith(SETTING_UP)]


def said(text):
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("$ ")]
    for name, pattern in CHANGING.items():
        lines = [re.sub(pattern, name, line) for line in lines]
    return [line for line in lines if line]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl")
@pytest.mark.parametrize(
    ("page", "heading"),
    [(README, "## Two terminals"), (TUTORIAL, None)],
    ids=["readme", "tutorial"],
)
def test_what_stands_on_the_page(page, heading, tmp_path):
    ports = {"8787": free_port(), "9000": free_port()}
    (tmp_path / "adapters").symlink_to(ROOT / "adapters")
    # The command as it was installed, wherever that is.
    (tmp_path / "bin").mkdir()
    program = "from counterseal_server.cli import main; main()"
    for name, arguments in {"python": "", "counterseal": f"-c '{program}' "}.items():
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n', "utf-8")
        script.chmod(0o700)
    env = {name: value for name, value in os.environ.items() if "COUNTERSEAL" not in name} | {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "PYTHONIOENCODING": "utf-8",
        "COUNTERSEAL_PORT": ports["8787"],
    }
    first, second, third = blocks(section(page, heading))

    def here(lines):
        text = "\n".join(lines)
        for there, port in ports.items():
            text = text.replace(there, port)
        return ["bash", "-c", text]

    def with_ports(text):
        for there, port in ports.items():
            text = text.replace(port, there)
        return said(text)

    log = tmp_path / "first.log"
    with log.open("wb") as output:
        service = subprocess.Popen(
            here(commands(first)),
            cwd=tmp_path,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and service.poll() is None:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", int(ports["8787"]))):
                    break
            time.sleep(0.1)
        done = subprocess.run(
            here(commands(second)),
            cwd=tmp_path,
            env=env | {"COUNTERSEAL_PIN": "1379"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert with_ports(done.stdout) == said(second), log.read_text()
        while time.monotonic() < end and not set(said(third)) <= set(with_ports(log.read_text())):
            time.sleep(0.1)
        told = with_ports(log.read_text())
        assert [line for line in said(third) if line not in told] == []
        assert told[: len(said(first))] == said(first)
    finally:
        os.killpg(service.pid, signal.SIGKILL)
        service.wait(PATIENCE)
