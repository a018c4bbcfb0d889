"""A service that goes wrong causes the alerts that it should, and the runbook's commands run."""

import contextlib
import io
import logging
import math
import os
import re
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import fork_request
import forking
import yaml
from program import PATIENCE, Service, eventually, stop
from promql import SCRAPED, Scrape, promtool, selectors, series

from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import (
    AddressKind,
    Callback,
    CallbackState,
    Change,
    Guid,
    Notification,
    NotificationState,
    Occasion,
)
from counterseal.models.guid import ENTROPY_BYTES, mint
from counterseal_server import logs
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime

ROOT = Path(__file__).parents[3]
ALERTS = Path(__file__).parents[1] / "deploy" / "alerts.yml"
RUNBOOK = ROOT / "docs" / "how-to" / "runbook.md"
PERIOD = 15
"""Seconds between two readings of `/metrics` by Prometheus."""
CALM, LATER = 20, 80
"""How many readings come before what goes wrong, and how many after it."""
END_OF_CALM, END = "4m", "24m"
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


def expressions():
    (group,) = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return [rule["expr"] for rule in group["rules"]]


class Reading:
    """What `/metrics` printed, and when; a service that does not reply is down."""

    def __init__(self, service):
        self.at = time.monotonic()
        self.counters = set()
        self.values = {("up", tuple(sorted(SCRAPED.items()))): 0.0}
        with contextlib.suppress(OSError):
            scrape = Scrape(service.call("GET", "/metrics", plain=True)[1].decode())
            self.counters = {
                sample.name
                for family in scrape.families
                if family.type == "counter"
                for sample in family.samples
            }
            self.values = {
                (name, tuple(sorted(labels.items()))): value
                for name, labels, value in scrape.samples
            }

    def value(self, name):
        return next(value for key, value in self.values.items() if key[0] == name)


def with_backlog(service):
    """Return a reading with what a worker has read from the store, which it does at its start."""
    reading = Reading(service)
    return None if math.isnan(reading.value("counterseal_dead_callbacks")) else reading


LEFT_OUT = re.compile(".*_(bucket|rounds_total)")
"""How long calls take, and how many rounds workers have: that depends on the machine."""


def firing(folder, before, after, seconds):
    """
    Return the alerts that fire if *before* had lasted, and *after* goes on.

    Gauges stay as they are *after*; counters grow as fast as they did within *seconds*.
    """
    names = {name for each in expressions() for name, _ in selectors(each)}
    inputs = []
    for (name, labels), value in after.values.items():
        if name not in names or LEFT_OUT.fullmatch(name):
            continue
        earlier = before.values.get((name, labels), math.nan)
        later = f"{value}x{LATER}"
        if name in after.counters:
            later = f"{earlier}+{max(0.0, value - earlier) * PERIOD / seconds}x{LATER}"
        values = f"{earlier}x{CALM} {later}".replace("nan", "NaN")
        inputs.append({"series": series(name, dict(labels)), "values": values})
    tests = [
        # No sample is expected, so that promtool prints those that there are.
        {
            "interval": f"{PERIOD}s",
            "input_series": inputs,
            "promql_expr_test": [{"expr": FIRING, "eval_time": moment}],
        }
        for moment in (END_OF_CALM, END)
    ]
    file = folder / "provoked.yml"
    document = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(document), "utf-8")
    calm, later = [
        set(re.findall(r'alertname="(\w+)"', part))
        for part in parts_of(promtool("test", "rules", file)[1])
    ]
    assert calm == set()
    return later


def parts_of(output):
    """Return what promtool prints of the two moments; a part is empty where it expects nothing."""
    parts = re.split(r"time: (\w+)", output)
    by_moment = dict(zip(parts[1::2], parts[2::2], strict=True))
    return [by_moment.get(moment, "") for moment in (END_OF_CALM, END)]


def fill(service, count):
    """Store callbacks and a notification that have been due for an hour."""
    clock, entropy = SystemClock(), SystemEntropy()
    now = clock.now()
    runtime = Runtime(settings({"data": service.folder / "data"}, {}))

    def guid():
        return mint(7, entropy.token(ENTROPY_BYTES))

    times = {
        "next_at": now - timedelta(hours=1),
        "created_at": now - timedelta(hours=1),
        "keep_until": now + timedelta(days=1),
    }
    origin = Guid(service.output["requestOriginGuid"])
    callbacks = [
        Callback(
            guid=guid(),
            state=CallbackState.QUEUED,
            challenge=guid(),
            account=guid(),
            origin=origin,
            url="https://shop.example/answered",
            app_space=Guid(service.output["appSpaceGuid"]),
            **times,
        )
        for _ in range(count)
    ]
    notification = Notification(
        guid=guid(),
        state=NotificationState.QUEUED,
        occasion=Occasion.CHALLENGE,
        subject=guid(),
        account=guid(),
        app_space=Guid(service.output["appSpaceGuid"]),
        kind=AddressKind.RELAY,
        devices=(guid(),),
        ends_at=now + timedelta(hours=1),
        **times,
    )
    with runtime:
        changes = tuple(Change(old=None, new=one) for one in (*callbacks, notification))
        runtime.ports.store.commit(changes, (), entropy.token(16).hex())


BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONFIG, ENVIRONMENT = "/etc/counterseal.toml", "/etc/counterseal.env"
PROGRAM = "/opt/counterseal/bin/counterseal"
MARK = 12345
"""A variable in the file of secrets, which shows whether commands get it."""


class Machine:
    """The service's machine, as far as the runbook uses it: programs, journal and settings."""

    def __init__(self, service, folder):
        self.bin = folder
        self.bin.mkdir()
        self.config = folder / "counterseal.toml"
        self.config.write_text(f'data = "{service.folder / "data"}"\n', "utf-8")
        self.port = service.port
        program = "from counterseal_server.cli import main; main()"
        command = f'"{sys.executable}" -c "{program}"'
        if forking.FORKS:
            starter = f'"{fork_request.__file__}" "{forking.STARTER.path()}"'
            command = f'"{sys.executable}" -I -S {starter} -c "{program}"'
        # Nobody gives `counterseal` a place on the path: the runbook defines a function.
        self.program = self._write("program", f'[ "$MARK" = {MARK} ] && exec {command} "$@"')
        self.secrets = folder / "counterseal.env"
        self.secrets.write_text(f"MARK={MARK}\n", "utf-8")
        self._write("runuser", '[ "$1 $2 $3" = "-u counterseal --" ] && shift 3 && exec "$@"')
        self._write("journalctl", f'exec cat "${{JOURNAL:-{service.log}}}"')
        self._write("systemctl", 'echo "$@"')
        self.preamble = BLOCK.findall(RUNBOOK.read_text("utf-8"))[0]
        self.environment = {
            name: text for name, text in os.environ.items() if not name.startswith("COUNTERSEAL")
        } | {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "ORIGIN": service.output["requestOriginGuid"],
        }

    def run(self, block):
        """Run a block after the first one of the page; return its output, with the errors."""
        block = f"{self.preamble}\n{block}"
        for text, here in (
            (CONFIG, self.config),
            (ENVIRONMENT, self.secrets),
            (PROGRAM, self.program),
            ("127.0.0.1:8787", self.address),
            ("sleep 12", "sleep 0"),
        ):
            block = block.replace(text, str(here))
        done = subprocess.run(
            ["/bin/bash", "-c", block],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        # 1: a grep that finds nothing; and the callbacks of `fill` are about nothing.
        may_fail = "grep" in block or "store check" in block
        assert done.returncode in ({0, 1} if may_fail else {0}), (block, done)
        return done.stdout

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _write(self, name, line):
        script = self.bin / name
        script.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        script.chmod(0o700)
        return script


FORMS = {"human": logs.Human(), "json": logs.Json()}
UNIT_LINE = "Nov 29 16:13:23 host counterseal[4242]: "
"""What journald writes before each line of a unit."""
MESSAGES = [
    ("counterseal_server", logging.WARNING, "not ready: store: store_unavailable"),
    ("counterseal_web", logging.WARNING, "unavailable: store_unavailable"),
    ("counterseal_web", logging.INFO, "not authenticated: credential_refused"),
    ("counterseal_server.access", logging.INFO, "POST answerRequest 403 1.7 ms"),
    ("counterseal_sql", logging.WARNING, "the database failed: OperationalError"),
    ("counterseal_server", logging.WARNING, "expiry: store_unavailable"),
    ("counterseal_server", logging.WARNING, "audit: signer_unavailable"),
    ("counterseal_server", logging.WARNING, "only 872 of 8192 connections: may open 1000 files"),
    ("counterseal_server", logging.INFO, "callback 1: QUEUED, attempt 3: HTTP 500"),
    ("counterseal_server", logging.INFO, "callback 2: DEAD, attempt 4: HTTP 410; gone"),
    ("counterseal_server", logging.INFO, "callback 3: DROPPED"),
    ("counterseal_relay", logging.WARNING, "the relay was not reached: ConnectError"),
    ("counterseal_web", logging.ERROR, "internal: AttributeError"),
]
PIPELINE = re.compile(r"^journalctl (?:.*\\\n)*.*$", re.MULTILINE)


def pipelines():
    """Return each command of the runbook that searches the journal."""
    blocks = BLOCK.findall(RUNBOOK.read_text("utf-8"))
    commands = [command for block in blocks for command in PIPELINE.findall(block)]
    return [command for command in commands if "grep" in command]


def write_journal(folder, form):
    """Write each message as the service does, and as journald shows it."""
    journal = io.StringIO()
    handler = logging.StreamHandler(journal)
    handler.setFormatter(FORMS[form])
    for logger, level, message in MESSAGES:
        journal.write(UNIT_LINE)
        handler.handle(logging.LogRecord(logger, level, "", 0, message, None, None))
    path = folder / form
    path.write_text(journal.getvalue(), "utf-8")
    return path


def test_what_the_runbook_looks_for_in_the_journal_is_found_in_both_forms(tmp_path):
    (tmp_path / "journalctl").write_text('#!/bin/sh\nexec cat "$JOURNAL"\n', "utf-8")
    (tmp_path / "journalctl").chmod(0o700)
    journals = {form: write_journal(tmp_path, form) for form in FORMS}
    matched = set()
    for pipeline in pipelines():
        lines = {}
        for form, journal in journals.items():
            printed = subprocess.run(
                ["/bin/bash", "-c", pipeline],
                env=os.environ
                | {
                    "JOURNAL": str(journal),
                    "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
                },
                capture_output=True,
                text=True,
                check=True,
                timeout=PATIENCE,
            ).stdout
            lines[form] = [text for _, _, text in MESSAGES if text in printed]
        assert lines["human"] == lines["json"] != [], pipeline
        matched.update(lines["json"])
    assert matched == {text for _, _, text in MESSAGES}


PRINTED = {
    "Act on an alert": ['"ready"', "store_unavailable", '"dead_callbacks": 1'],
    "CountersealNotReady": ["not ready: store: store_unavailable"],
    "CountersealUnavailable": ["unavailable: store_unavailable"],
    "CountersealStoreFails": ["the database failed: OperationalError"],
    "CountersealWorkerFails": ["expiry: store_unavailable"],
    "CountersealCallbacksDead": ["HTTP 410; gone", '"status": "DEAD"', '"queued": 1'],
    "CountersealCallbacksQueued": ['"Web shop"', '"nextAttemptAt"'],
    "CountersealCallbacksLate": ['counterseal_due{kind="callback"} 60', "counterseal-callbacks"],
    "CountersealNotificationsLate": ['counterseal_due{kind="notification"} 1'],
    "CountersealCredentialsRefused": [
        "not authenticated: credential_refused",
        '"event": "credential.check"',
    ],
    "CountersealAuditUnsigned": ["events verified: "],
    "CountersealMixedReleases": ["counterseal_build_info{"],
}
"""What an entry's commands print, of a service for which its alert fired."""


def run_the_runbook(machine):
    """Run all commands of the runbook, in their order; return what each entry's have printed."""
    outputs = {}
    for entry in re.split(r"^##? ", RUNBOOK.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        outputs[entry.splitlines()[0]] = "".join(map(machine.run, BLOCK.findall(entry)))
    return outputs


def test_what_goes_wrong_causes_its_alerts_and_the_runbook_shows_it(tmp_path, founded, receiver):
    (tmp_path / "service").mkdir()
    service = Service(tmp_path / "service", receiver.url, like=founded)
    process = service.serve()
    calm = eventually(lambda: with_backlog(service))
    for _ in range(20):
        assert service.call("POST", "/request/add", {}, plain=True)[0] == 401
    # Within a second, whatever time a busy machine took.
    assert firing(tmp_path, calm, Reading(service), 1) == {"CountersealCredentialsRefused"}

    signing = service.folder / "data" / "keys" / "signing.json"
    before = Reading(service)
    signing.rename(signing.with_suffix(".away"))
    eventually(lambda: "audit: signer_unavailable" in service.log.read_text())
    unsigned = Reading(service)
    signing.with_suffix(".away").rename(signing)
    assert firing(tmp_path, before, unsigned, unsigned.at - before.at) == {"CountersealWorkerFails"}

    service.bind()
    receiver.status = 410
    question = service.ask(receiver.url)
    service.device("answer", question["guid"], "--button", "1")
    eventually(lambda: ": DEAD" in service.log.read_text())
    stop(process)
    fill(service, 60)
    # In the form of the settings file that operators copy.
    process = service.serve(
        COUNTERSEAL_SENDERS="0",
        COUNTERSEAL_NOTIFICATION_WORKERS="0",
        COUNTERSEAL_LOG_FORMAT="json",
    )
    waiting = eventually(lambda: with_backlog(service))
    backlog = {
        "CountersealCallbacksDead",
        "CountersealCallbacksLate",
        "CountersealCallbacksQueued",
        "CountersealNotificationsLate",
    }
    assert firing(tmp_path, calm, waiting, 1) == backlog

    began = time.monotonic()
    with contextlib.closing(sqlite3.connect(service.folder / "data" / "counterseal.db")) as records:
        records.execute("ALTER TABLE counterseal_records RENAME TO hidden")
        for _ in range(3):
            assert service.call("POST", "/request/add", {})[0] == 503
        eventually(lambda: service.call("GET", "/readyz", plain=True)[0] == 503)
        eventually(lambda: "expiry: store_unavailable" in service.log.read_text())
        broken = Reading(service)
        records.execute("ALTER TABLE hidden RENAME TO counterseal_records")
    eventually(lambda: service.answers("/readyz"))
    # The backlog is shown for a minute more, which may be over on a slow machine.
    assert firing(tmp_path, calm, broken, broken.at - began) - backlog == {
        "CountersealNotReady",
        "CountersealStoreFails",
        "CountersealUnavailable",
    }

    eventually(lambda: with_backlog(service))
    outputs = run_the_runbook(Machine(service, tmp_path / "bin"))
    missing = {
        (entry, text)
        for entry, texts in PRINTED.items()
        for text in texts
        if text not in outputs[entry]
    }
    assert missing == set(), outputs
    stop(process)
    assert firing(tmp_path, calm, Reading(service), 1) == {"CountersealDown"}
