"""
Run mutants in forks: `python forks.py NAMES KILLERS -- …`, within the tree that mutmut has made.

NAMES is a file with the names of mutants, each on a line; what stands after `--` goes to pytest.
KILLERS is a folder, or `-`. With a folder, a mutant meets each test in a few cases, also after one
has failed, and a file of its name there gets the ids of the tests that it met, with whether they
failed.

mutmut starts pytest anew for each mutant, which then collects thousands of tests. Here one process
collects them once, runs a few so that everything is imported, and forks for each mutant. The fork
runs the tests that call the function that was changed, those of the module's own subject first,
until one fails. No cache hides a mutant: `mutations.undecorated` has removed them from the source.

A mutant that passes `TESTS` tests is alive: a test that would notice it is to be a near one.

As many run at once as there are CPUs, or as `MUTANT_PROCESSES` says.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.format_utils import mangled_name_from_mutant_name

NEAR_TESTS = 400
"""How many tests of the module's own subject one mutant meets, at most, before all others."""

TESTS = 800
"""How many tests one mutant meets, at most."""

CASES = 3
"""How many cases of each test one mutant meets for the matrix: a mutant is noticed by the test."""

RACING = {"meeting", "at_once"}
"""
Fixtures of tests that the matrix leaves out: their threads wait for calls that fail under a mutant.
"""

CPU_SECONDS = 120
"""For one mutant; one that needs more runs for ever."""

WARMING = 150
"""How many tests run before the first fork."""

KINDS = ("decisions", "documents", "rules", "usecases")
"""The names of modules that are named by their folder, where it has one of the kind."""

SUBJECTS = {
    "accounts": (
        *("accounts", "action", "aliases", "backchannel", "chosen_device", "erasing"),
        *("mailed_links", "origin", "renewal", "revalidation", "support", "timing"),
    ),
    "addresses": ("addresses", "returning", "administration"),
    "admin_logins": ("admin_logins", "ceremon", "session"),
    "administration": ("administration", "brand", "origin_roles", "providers", "policies"),
    "answering": ("answering", "answers", "passkeys"),
    "answers": ("answers", "passkeys", "codes"),
    "app_spaces": ("administration", "brand", "providers", "authorization"),
    "approvals": ("action",),
    "asked_actions": ("action", "document_hosts", "languages", "reminders", "policies"),
    "audit": ("audit", "head", "remembered_heads"),
    "authorization": (
        *("authorization", "administration", "admin_logins", "invitation", "origin_roles"),
        *("renewal", "support"),
    ),
    "bindings": ("bindings", "devices", "confirmations"),
    "callbacks": ("callbacks",),
    "ceremonies": ("ceremon", "passkeys", "link_enrolments"),
    "chain": ("audit_chain",),
    "challenges": ("questions", "commits", "answers"),
    "confirmations": ("confirmations", "replacements"),
    "consequences": ("reactions",),
    "credentials": ("credentials", "cx1", "signature"),
    "device_logins": ("admin_logins", "session"),
    "devices": ("devices", "device_requests", "keysets", "telemetry", "occasions"),
    "directory": ("authorization", "administration"),
    "discovery": ("ceremon", "admin_logins"),
    "edits": ("edits", "administration", "brand", "origin_roles", "policies"),
    "ended_challenges": ("answers", "questions"),
    "enrolment": ("enrolment", "keyset"),
    "enrolments": (
        *("enrolments", "passkeys", "confirmations", "replacements", "occasions", "trips"),
        *("origin_roles", "session_proofs", "mailed_links"),
    ),
    "ensuring": ("ensure_tenancy",),
    "evidence": ("evidence", "answering", "enrolments", "passkeys", "confirmations"),
    "head_renewal": ("head_memory", "audit_chain"),
    "heads": ("head_memory", "audit_chain"),
    "invitations": ("invitation", "renewal", "session_proofs"),
    "issuing": ("questions", "codes", "reserving"),
    "jws": ("jws", "malleable", "signatures", "wycheproof"),
    "log": ("audit_log", "audit_export"),
    "logins": ("logins", "login_tests", "logouts", "replacements"),
    "members": ("members", "claims", "moment"),
    "ml_dsa": ("ml_dsa", "signatures"),
    "notifications": ("notifications", "notifying"),
    "operators": ("session", "admin_logins"),
    "outbox": ("notifications", "callbacks", "occasions", "retries", "notifying", "webhook"),
    "plan": ("questions", "accounts", "trips"),
    "policies": ("policies", "narrowing", "confirmations", "administration"),
    "private": ("private", "ml_dsa", "jws_writing"),
    "proofs": ("session", "admin_logins", "link_enrolments"),
    "public": ("public", "roca", "ml_dsa", "passkeys"),
    "record": ("index", "invariants"),
    "retries": ("retries", "notif", "callbacks", "realm_requests", "reminders"),
    "revalidation": ("revalidation", "aliases", "erasing"),
    "session_uses": ("session", "admin_logins"),
    "sessions": ("session", "admin_logins"),
    "slots": ("slots", "retries", "notif", "callbacks"),
    "tenancy": ("administration", "providers", "authorization", "occasions"),
    "verification": ("audit_verification",),
    "verified_names": ("verified_names", "administration"),
}
"""The test files about modules whose names they do not share."""

ALIVE, KILLED, NO_TESTS, TIMEOUT = 0, 1, 33, 36
"""Exit codes as mutmut has them."""


@attrs.define
class Job:
    """A mutant, the file that holds its result, and the tests that it meets, by their ids."""

    name: str
    meta: Path
    tests: list[str]


class Forks:
    """A plugin of pytest whose loop runs the mutants with *names* in place of the tests."""

    def __init__(self, names: frozenset[str], processes: int, killers: Path | None) -> None:
        self._names = names
        self._killers = killers
        self._processes = processes
        self._failed = False
        self._running: dict[int, Job] = {}
        self._results: dict[Path, dict[str, Any]] = {}
        self._codes: Counter[int] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that a test has failed."""
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the mutants, and write what became of them where mutmut writes it."""
        items = {item.nodeid: item for item in session.items}
        self._warm(session)
        jobs = list(self._jobs(items))
        started_at = time.monotonic()
        for number, job in enumerate(jobs, 1):
            if not job.tests:
                self._record(job, NO_TESTS)
                continue
            while len(self._running) >= self._processes:
                self._wait()
            sys.stdout.flush()
            process = os.fork()
            if not process:
                os._exit(self._meet(job, items, session.config))
            self._running[process] = job
            if number % 100 == 0:
                minutes = (time.monotonic() - started_at) / 60
                print(f"{number} of {len(jobs)} after {minutes:.0f} minutes", dict(self._codes))
                self._save()
        while self._running:
            self._wait()
        self._save()
        return True

    def _warm(self, session: pytest.Session) -> None:
        """Run tests of all kinds: a fork then has nothing to import."""
        by_function = {item.nodeid.partition("[")[0]: item for item in reversed(session.items)}
        chosen_items = list(by_function.values())[:: max(1, len(by_function) // WARMING)]
        for item, following in zip(chosen_items, [*chosen_items[1:], chosen_items[0]], strict=True):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if self._failed:
            sys.exit("a test fails without any mutant")
        gc.collect()
        gc.freeze()
        gc.disable()

    def _jobs(self, items: dict[str, pytest.Item]) -> Iterator[Job]:
        stats = json.loads(Path("mutmut-stats.json").read_text("utf-8"))
        for path in sorted(Path("src").rglob("*.meta")):
            result = self._results[path] = json.loads(path.read_text("utf-8"))
            for name in result["exit_code_by_key"]:
                if name in self._names:
                    function = mangled_name_from_mutant_name(name)
                    tests = set(stats["tests_by_mangled_function_name"].get(function, ()))
                    ranked_tests = _ranked(tests & items.keys(), path, stats["duration_by_test"])
                    if self._killers is not None:
                        ranked_tests = _few_cases(
                            [test for test in ranked_tests if not RACING & _fixtures(items[test])]
                        )
                    yield Job(name, path, ranked_tests[:TESTS])

    def _meet(self, job: Job, items: dict[str, pytest.Item], config: pytest.Config) -> int:
        """Run the tests under the mutant, in a process that ends afterwards."""
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 10))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        set_mutant_under_test(job.name)
        killed = False
        try:
            for test, following in zip(job.tests, [*job.tests[1:], None], strict=True):
                nextitem = None if following is None else items[following]
                config.hook.pytest_runtest_protocol(item=items[test], nextitem=nextitem)
                if self._killers is not None:
                    with (self._killers / job.name).open("a") as file:
                        file.write(f"{int(self._failed)} {test}\n")
                    killed, self._failed = killed or self._failed, False
                elif self._failed:
                    return KILLED
        except BaseException:  # noqa: BLE001 (whatever it is, it was noticed)
            return KILLED
        return KILLED if killed else ALIVE

    def _wait(self) -> None:
        process, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        self._record(self._running.pop(process), TIMEOUT if code < 0 else code)

    def _record(self, job: Job, code: int) -> None:
        self._results[job.meta]["exit_code_by_key"][job.name] = code
        self._codes[code] += 1

    def _save(self) -> None:
        for path, result in self._results.items():
            path.write_text(json.dumps(result), "utf-8")


def subjects_of(path: Path) -> tuple[str, ...]:
    """Return what the names of test files about the module at *path* begin with, after `test_`."""
    name = path.name.partition(".")[0]
    subject = path.parent.name if name in KINDS else name.lstrip("_")
    return SUBJECTS.get(subject, (subject.rstrip("s"),))


def _ranked(tests: set[str], meta: Path, durations: dict[str, float]) -> list[str]:
    """Order tests: those of the module's subject first, and of each function its first cases."""
    subjects = subjects_of(meta)
    counts: Counter[str] = Counter()
    ranks, near_tests = {}, set()
    for test in sorted(tests, key=lambda test: (durations.get(test, 0), test)):
        function = test.partition("[")[0]
        near = any(f"test_{subject}" in test for subject in subjects)
        ranks[test] = (min(counts[function], 3), not near)
        counts[function] += 1
        near_tests |= {test} if near else set()
    ranked = sorted(ranks, key=ranks.__getitem__)
    first = [test for test in ranked if test in near_tests][:NEAR_TESTS]
    return list(dict.fromkeys([*first, *ranked]))


def _fixtures(item: pytest.Item) -> set[str]:
    """Return the names of the fixtures that a test uses."""
    return set(item.fixturenames) if isinstance(item, pytest.Function) else set()


def _few_cases(tests: list[str]) -> list[str]:
    """Return the first cases of each test function among *tests*."""
    counts: Counter[str] = Counter()
    few = []
    for test in tests:
        function = test.partition("[")[0]
        if counts[function] < CASES:
            few.append(test)
        counts[function] += 1
    return few


if __name__ == "__main__":
    # Before what is installed.
    sys.path[:0] = [str(Path.cwd() / "src"), str(Path.cwd())]
    processes = int(os.environ.get("MUTANT_PROCESSES", os.cpu_count() or 1))
    _, names, folder, _, *arguments = sys.argv
    killers = None if folder == "-" else Path(folder)
    plugin = Forks(frozenset(Path(names).read_text("utf-8").split("\n")), processes, killers)
    sys.exit(pytest.main(["--quiet", "--capture=no", *arguments], plugins=[plugin]))
