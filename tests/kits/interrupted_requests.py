"""
Requests with the program's own data, interrupted at each point: `counterseal_sql.own_data`.

A program that `serve`s forks a process for each run that it is sent, so that each may be killed.
"""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from counterseal import OPERATOR, STANDARD, Administration
from counterseal.models import Action, Question
from counterseal_sql import connect, with_sql
from counterseal_sql.own_data import LocalService
from counterseal_testing import FrozenClock
from counterseal_testing.clock import START
from counterseal_testing.entropy import ScriptedEntropy
from counterseal_testing.service import fake_ports

BEFORE_COMMIT = "before the request's commit"
BEFORE_ASKING = "before asking"
AFTER_ASKING = "after asking"
AFTER_USE = "after the use"
IN_TRANSACTION = "before the commit that records the use"
BEFORE_REPORT = "before the report"
POINTS = (
    BEFORE_COMMIT,
    BEFORE_ASKING,
    AFTER_ASKING,
    AFTER_USE,
    IN_TRANSACTION,
    BEFORE_REPORT,
)

PAUSE = timedelta(seconds=5)
LONG = 2 * PAUSE
"""After it, the next visit of each request is due."""


def payment_question(account_id, key):
    """Return what the user is asked about the order *key*."""
    arguments = {"order": key, "amount": "10.00"}
    action = Action(type="tool-call", resource="pay", arguments=arguments)
    return Question(account_id=account_id, content=action)


class InterruptedService:
    """Calls *service*, and *interrupt* with the name of each point that it passes."""

    def __init__(self, service, interrupt):
        self._service = service
        self._interrupt = interrupt
        self.repeat_for = service.repeat_for
        self.now = service.now
        self.find_use = service.find_use

    def ask(self, request):
        self._interrupt(BEFORE_ASKING)
        issued = self._service.ask(request)
        self._interrupt(AFTER_ASKING)
        return issued

    def use(self, request):
        use = self._service.use(request)
        if use is not None:
            self._interrupt(AFTER_USE)
        return use

    def report(self, request):
        self._interrupt(BEFORE_REPORT)
        self._service.report(request)


def killed_at(point):
    """Return a function that kills this process at *point*."""

    def interrupt(passed):
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return interrupt


def interrupted_service(run):
    """Return Counterseal in this process, as a run of `run_at` describes it."""
    clock = FrozenClock(START + timedelta(seconds=run["seconds"]))
    # Another seed in each process: none makes the GUIDs of another.
    ports = fake_ports(clock=clock, entropy=ScriptedEntropy(run["seed"]))
    ports = with_sql(ports, connect(run["store"]))
    party = Administration(ports, STANDARD, by=OPERATOR).relying_party(run["origin"])
    return InterruptedService(LocalService(ports, STANDARD, party), killed_at(run["point"]))


def serve(function):
    """Fork for each line of the input, call *function* with its JSON, and say how that ended."""
    for line in sys.stdin:
        process = os.fork()
        if not process:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            function(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


class KilledRuns:
    """A program that serves."""

    def __init__(self, program):
        self._seed = 0
        paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]
        self._process = subprocess.Popen(
            [sys.executable, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )

    def run_at(self, point, **members):
        """Run the program's function, and return how it ended."""
        self._seed += 1
        run = members | {"point": point, "seed": 1_000_000 + self._seed}
        self._process.stdin.write(json.dumps(run) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self):
        self._process.communicate()
