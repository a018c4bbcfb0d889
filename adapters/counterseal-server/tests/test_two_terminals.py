"""The README's two terminals: what stands there is what runs, and what it says is what is said."""

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

README = Path(__file__).parents[1] / "README.md"
ROOT = README.parents[2]
PATIENCE = 60

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def terminals():
    section = README.read_text("utf-8").partition("## Two terminals\n")[2].partition("\n## ")[0]
    return re.findall(r"```console\n(.*?)```", section, re.DOTALL)


def commands(terminal):
    return [line.removeprefix("$ ") for line in terminal.splitlines() if line.startswith("$ ")]


def said(text):
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("$ ")]
    return [MOMENT.sub("T", GUID.sub("G", line)) for line in lines if line]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README uses curl")
def test_what_stands_in_the_readme(tmp_path):
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
    first, second, third = terminals()

    def here(lines):
        text = "\n".join(("set -e", *lines))
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
            here(commands(first)[3:]),
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
            here(commands(second)[1:]),
            cwd=tmp_path,
            env=env | {"COUNTERSEAL_PIN": "1379"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr + log.read_text()
        assert with_ports(done.stdout) == said(second)
        while time.monotonic() < end and "verified" not in log.read_text():
            time.sleep(0.1)
        told = with_ports(log.read_text())
        assert [line for line in told if "verified" in line] == said(third)
        assert told[: len(said(first))] == said(first)
    finally:
        os.killpg(service.pid, signal.SIGKILL)
        service.wait(PATIENCE)
