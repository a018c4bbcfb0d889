"""Machines that serve one store, each with a release, and the balancer in front of them."""

import random
import signal
import subprocess
import threading
import time
from contextlib import contextmanager

from program import PATIENCE, Service, surroundings


class Machine(Service):
    """A process of *release*; all machines have the keys and the public URL of the first."""

    def __init__(self, release, folder, callback, store, first=None):
        self.release = release
        folder.mkdir()
        super().__init__(folder, callback, store=store, beside=first, fresh=True)
        if first is not None:
            self.url = first.url
        self.process = None

    def command(self, *args, code=0, **env):
        """Run a command of the release; return what it printed."""
        done = subprocess.run(
            [*self.release.program, *map(str, args)],
            capture_output=True,
            text=True,
            env=surroundings(**self._env, **env),
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode != code:
            raise SystemExit(f"{args}: {done.returncode}: {done.stderr}")
        return done.stdout if code == 0 else done.stderr

    def start(self):
        """Serve, and return when it is ready."""
        self.process = self.run(
            *("serve", "--port", self.port, "--public-url", self.url), program=self.release.program
        )
        end = time.monotonic() + PATIENCE
        while not self.answers("/readyz"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{self.release.name} does not serve: {self.log.read_text()}")
            time.sleep(0.1)

    def stop(self):
        """End it as systemd does."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(PATIENCE):
            raise SystemExit(f"{self.release.name} failed: {self.log.read_text()}")

    def failures(self):
        """Return the lines of its log that report a failure."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if " error " in line or " critical " in line]


class Balancer:
    """Gives each call to some machine; one that is taken out gets no new call."""

    def __init__(self):
        self._machines = []
        self._changed = threading.Condition()
        self._busy = {}

    def add(self, machine):
        """Start *machine*, and give it calls."""
        machine.start()
        with self._changed:
            self._machines.append(machine)
            self._busy[machine] = 0

    def remove(self, machine):
        """Give *machine* no new call, and stop it when its calls have ended."""
        with self._changed:
            self._machines.remove(machine)
            self._changed.wait_for(lambda: not self._busy[machine])
        machine.stop()

    @contextmanager
    def machine(self):
        """Yield a machine for one call."""
        with self._changed:
            chosen = random.choice(self._machines)
            self._busy[chosen] += 1
        try:
            yield chosen
        finally:
            with self._changed:
                self._busy[chosen] -= 1
                self._changed.notify_all()
