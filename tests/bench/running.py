"""A server that really runs: `counterseal serve` on a folder of its own, or the bare one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_SECONDS = 120
COUNTERSEAL = (sys.executable, "-c", "from counterseal_server.cli import main; main()")

POLICY = """
[policy]
origin_rate = 1_000_000
invite_rate = 1_000_000
ask_window = "1m"
ask_limit = 1000
ask_limit_origin = 1000
"""
"""A standard service lets no origin ask as often as these clients do."""


class Running:
    """
    A server process and what it starts, until the end of the block.

    Attributes:
        port: Where it listens, on this machine.
    """

    def __init__(
        self, command: Sequence[str], port: int, log: Path, cores: set[int] | None = None
    ) -> None:
        self.port = port
        self._command = command
        self._log = log
        self._cores = cores or os.sched_getaffinity(0)

    def __enter__(self) -> Self:
        self._start()
        return self

    def kill_and_restart(self) -> None:
        """Kill the server's processes, as a power cut would, and start them again."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True, env=surroundings()
            )
        os.sched_setaffinity(self._process.pid, self._cores)
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(self._command, self._log.read_text())
            time.sleep(0.05)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise

    @property
    def pid(self) -> int:
        """The number of the server's first process."""
        return self._process.pid

    def cpu(self) -> float:
        """Return the seconds of CPU time that the server's processes have taken."""
        return sum(map(_cpu_seconds, _session(self._process.pid)))

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()


def service(folder: Path, cores: set[int] | None = None, **settings: Any) -> Running:
    """Return the service in *folder*, on its defaults but for *settings* and the rates."""
    config = folder / "config.toml"
    config.write_text(_lines(settings) + POLICY)
    port = free_port()
    command = (*COUNTERSEAL, "serve", "--data", str(folder / "data"))
    options = ("--config", str(config), "--port", str(port))
    return Running((*command, *options), port, folder / "service.log", cores)


def founded(folder: Path, *options: str, **settings: Any) -> dict[str, Any]:
    """Create a service in *folder* by `init` with *options*; return what its origin is given."""
    config = folder / "init.toml"
    config.write_text(_lines(settings))
    names = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop")
    folders = ("--data", str(folder / "data"), "--config", str(config))
    command = (*COUNTERSEAL, "init", *folders, *names, "--auth", "basic", *options)
    done = subprocess.run(command, capture_output=True, check=True, env=surroundings())
    credentials: dict[str, Any] = json.loads(done.stdout)
    return credentials


def cpu_of(process: int) -> float:
    """Return the seconds of CPU time of a process and of those that it started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return _cpu_seconds(process) + sum(cpu_of(int(child)) for child in children)


def _lines(settings: Mapping[str, Any]) -> str:
    # Numbers and texts are written alike in JSON and in TOML.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


def surroundings() -> Mapping[str, str]:
    """Return the environment without settings of ours."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COUNTERSEAL")}


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _session(leader: int) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _leader(int(entry.name)) == leader
    ]


def _leader(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _cpu_seconds(pid: int) -> float:
    # The number of the process's clock, as clock_getcpuclockid(3) computes it; the ticks in /proc
    # are longer than a round of some benchmarks.
    return time.clock_gettime(~pid << 3 | 2)
