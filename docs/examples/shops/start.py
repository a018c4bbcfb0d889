"""
Start a shop: `python start.py flask_shop [PROCFILE]`.

It starts PostgreSQL unless `DATABASE_URL` is set, runs the line `release` of the shop's Procfile,
and then the others, each as a process, until you press Ctrl-C or one of them ends.
"""

import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from postgresql import postgresql

HERE = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent  # those of the virtual environment

stop = threading.Event()


def read_environment(stack: ExitStack) -> dict[str, str]:
    """Return the variables for the processes: yours, and a default for each that is not set."""
    environment = dict(os.environ)
    environment["PATH"] = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    environment.setdefault("PORT", "8000")
    environment.setdefault("SHOP_URL", f"http://127.0.0.1:{environment['PORT']}")
    environment.setdefault("SECRET_KEY", secrets.token_urlsafe(32))
    if "DATABASE_URL" not in environment:
        # Database and keys belong together: both are deleted at the end.
        environment["DATABASE_URL"] = stack.enter_context(postgresql())
        environment["KEYS"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-keys-"))
    elif "KEYS" not in environment:
        sys.exit("KEYS: name the folder of the service's keys, as DATABASE_URL is set")
    return environment


def wait_for_port(port: int, processes: list[subprocess.Popen]) -> bool:
    """Return whether something listens at *port*; if a process ends before, nothing will."""
    while not stop.is_set() and all(process.poll() is None for process in processes):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            stop.wait(0.1)
        else:
            return True
    return False


def run(shop: str, procfile: str = "Procfile") -> int:
    """Run the processes of *shop*; return the exit status."""
    lines = (HERE / shop / procfile).read_text().splitlines()
    commands = dict(line.split(": ", 1) for line in lines)
    with ExitStack() as stack:
        environment = read_environment(stack)

        def start(name):
            command = [
                part.replace("$PORT", environment["PORT"]) for part in shlex.split(commands[name])
            ]
            return subprocess.Popen(
                command, cwd=HERE / shop, env=environment, start_new_session=True
            )

        if start("release").wait() != 0:
            return 1
        processes = [start(name) for name in commands if name != "release"]
        if wait_for_port(int(environment["PORT"]), processes):
            print(f"The shop is at {environment['SHOP_URL']}", flush=True)
        while not stop.is_set() and all(process.poll() is None for process in processes):
            stop.wait(0.2)
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
        return 0 if stop.is_set() else 1


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sys.exit(run(*sys.argv[1:]))
