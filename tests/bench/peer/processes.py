"""The processes of a run: who works in which environment, on which core, and what it costs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from ours_app import CONFIGURATION, THREADS

HERE = Path(__file__).parent
HOST = "127.0.0.1"
PATIENCE = 60
TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
SERVING, ASKING = CORES[0], CORES[-1]


@attrs.frozen
class Side:
    """
    A worker that makes so many transactions when it is told to.

    Attributes:
        server: The process that serves them, if it is another.
    """

    worker: subprocess.Popen[str]
    server: int | None = None

    def round(self, count: int) -> dict[str, float]:
        """Make *count* transactions, and return what they took."""
        print(count, file=self.worker.stdin, flush=True)
        if self.server is None:
            return json.loads(self._reply())
        assert self._reply() == "go"
        before = spent(self.server)
        reply = json.loads(self._reply())
        return reply | {"server_cpu": spent(self.server) - before}

    def ready(self) -> None:
        """Wait until it can begin."""
        assert self._reply() == "ready"

    def _reply(self) -> str:
        reply = self.worker.stdout.readline().strip()
        assert reply, "a worker has died"
        return reply


@attrs.frozen
class Workshop:
    """
    Where both sides have what they need.

    Args:
        folder: For their databases and keys.
        peer: The interpreter that has privacyIDEA.
    """

    folder: Path
    peer: Path

    def create(self) -> None:
        """Make what each side needs."""
        for name in ("ours", "theirs"):
            (self.folder / name).mkdir()
            command = [self._python(name), HERE / f"{name}_app.py", self.folder / name]
            subprocess.run(command, check=True)

    @contextmanager
    def inside(self, name: str) -> Iterator[Side]:
        """Lend a side in a process of its own."""
        command = [self._python(name), "inside.py", name, self._folder(name)]
        with self._started(command, SERVING, piped=True) as worker:
            side = Side(worker)
            side.ready()
            yield side

    @contextmanager
    def served(self, name: str) -> Iterator[Side]:
        """Lend a side behind the server, with clients in a process of their own."""
        port, folder = free_port(), self._folder(name)
        client = "theirs" if name == "theirs" else "ours"
        command = [sys.executable, "clients.py", client, folder, port]
        with self._started(self._server(name, port), SERVING, port=port) as server:
            answers(port, server)
            with self._started(command, ASKING, piped=True) as worker:
                side = Side(worker, server.pid)
                side.ready()
                yield side

    def versions(self) -> dict[str, str]:
        """Return what was measured."""
        command = "from importlib.metadata import version; print(version('{}'))"
        packages = {"ours": "counterseal", "theirs": "privacyidea"}
        return {
            package: subprocess.run(
                [self._python(side), "-c", command.format(package)],
                capture_output=True,
                check=True,
                text=True,
            ).stdout.strip()
            for side, package in packages.items()
        }

    def _server(self, name: str, port: int) -> list[object]:
        if name == "ours":
            begin = "from counterseal_server.cli import main; main()"
            folder = self.folder / "ours"
            return [
                *(sys.executable, "-c", begin, "serve", "--data", folder / "data"),
                *("--config", folder / CONFIGURATION, "--port", port),
            ]
        granian, target = self.peer.parent / "granian", "theirs_app:make"
        if name == "wsgi":
            granian, target = Path(sys.executable).parent / "granian", "ours_app:serve"
        return [
            *(granian, "--interface", "wsgi", "--factory", target),
            *("--host", HOST, "--port", port, "--workers", 1, "--blocking-threads", THREADS),
            *("--no-ws", "--log-level", "error"),
        ]

    @contextmanager
    def _started(
        self, command: list[object], core: int, *, piped: bool = False, port: int = 0
    ) -> Iterator[subprocess.Popen[str]]:
        configured = {
            "PRIVACYIDEA_CONFIGFILE": str(self.folder / "theirs" / "pi.cfg"),
            "PYTHONPATH": str(HERE.parent),  # the service of `nox -s "bench(whole)"`
            "BENCH_FOLDER": str(self.folder / "ours"),
            "BENCH_PORT": str(port),
        }
        pipe = subprocess.PIPE if piped else subprocess.DEVNULL
        os.sched_setaffinity(0, {core})
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=HERE,
                env=os.environ | configured,
                stdin=pipe,
                stdout=pipe,
                text=True,
                start_new_session=True,
            )
        finally:
            os.sched_setaffinity(0, CORES)
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)

    def _python(self, name: str) -> Path | str:
        return self.peer if name == "theirs" else sys.executable

    def _folder(self, name: str) -> Path:
        return self.folder / ("theirs" if name == "theirs" else "ours")


def spent(process: int) -> float:
    """Return the seconds of CPU time of a process and of those that it started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    # After the name in brackets, proc_pid_stat(5) has the state; fields 14 and 15 are the times.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK + sum(spent(int(child)) for child in children)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def answers(port: int, server: subprocess.Popen[str]) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert server.poll() is None, "the server has stopped"
        connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise TimeoutError
