"""
The page of the figures, docs/explanation/figures.md: `nox -s "bench(figures)"`.

    python tests/bench/figures.py PEER_PYTHON [--runs NUMBER] [--busy]

It runs `tests/bench` and `tests/bench/peer` some times each, and writes what they measured to
`figures.json` and to the page. It refuses to begin on a machine that other programs keep busy,
unless `--busy` is given; then the page says so.
`--runs 0` measures nothing: it writes the page from `figures.json` again.
A small run only prints the page.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from figures_page import QUIET, Measured, Run, write_page
from verdicts import SMALL, scaled

HERE = Path(__file__).parent
STORED = HERE / "figures.json"
PAGE = HERE.parents[1] / "docs" / "explanation" / "figures.md"
RUNS = scaled(3, 1)
PATIENCE_SECONDS = 180
"""A load average takes as long to forget that nox has just installed everything."""

VERIFICATION = ("1", "verify one answer, ES256")
"""The row whose floor is one bare verification."""

Line = dict[str, Any]
"""A row with its figure, as a benchmark writes it."""


def collect(commands: Sequence[Sequence[str]], times: int) -> list[Line]:
    """Run each of *commands* so many times, and return all lines that they write."""
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="bench-figures-") as folder:
        for number in range(times):
            for position, command in enumerate(commands):
                path = Path(folder) / f"{number}-{position}.json"
                print(f"run {number + 1} of {times}: {' '.join(command)}", flush=True)
                # It exits with 1 where a limit is far missed, which the page says, too.
                subprocess.run([*command, "--json", str(path)], check=False)
                if not path.exists():
                    sys.exit("it wrote no figures")
                lines += json.loads(path.read_text("utf-8"))["lines"]
    return lines


def figures_of(lines: Sequence[Line]) -> dict[str, dict[str, Measured]]:
    """Return the figure and the spread of each run, by goal and row."""
    figures: dict[str, dict[str, Any]] = {}
    for line in lines:
        rows = figures.setdefault(line["goal"], {})
        rows.setdefault(line["what"], []).append((line["figure"], line["spread"]))
    return figures


def measure(commands: Sequence[Sequence[str]], times: int, load: float) -> Run:
    """Run the benchmarks, and return their figures with the machine."""
    measured_commit, date = commit(), datetime.now(UTC).date().isoformat()
    lines = collect(commands, times)
    verifications = [
        line["floor"]["median"] for line in lines if (line["goal"], line["what"]) == VERIFICATION
    ]
    return Run(
        machine=machine(),
        python=python(),
        date=date,
        commit=measured_commit,
        load=load,
        times=times,
        verification=statistics.median(verifications),
        figures=figures_of(lines),
    )


def commit() -> str:
    """Return the commit of this clone, with `-dirty` where a file differs from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    described = subprocess.run(command, capture_output=True, check=True, text=True, cwd=HERE)
    return described.stdout.strip()


def machine() -> str:
    """Return the model of the processor, and how many cores this process may use."""
    cores = len(os.sched_getaffinity(0))
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, model = line.partition(":")
        if name.strip() == "model name":
            return f"{cores} cores of {model.strip()}"
    return f"{cores} cores of {platform.machine()}"


def python() -> str:
    """Return what runs this program."""
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    built = "with" if optimised else "without"
    name = platform.python_implementation()
    return f"{name} {platform.python_version()}, {built} profile-guided optimisation"


def stored_run() -> Run | None:
    """Return the figures of the last run, if there is one."""
    return Run(**json.loads(STORED.read_text("utf-8"))) if STORED.exists() else None


def quiet_load(patience: float) -> float:
    """Return the load average, as soon as it is that of a quiet machine, or at last."""
    end = time.monotonic() + patience
    while os.getloadavg()[0] > QUIET and time.monotonic() < end:
        time.sleep(5)
    return os.getloadavg()[0]


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(prog="tests/bench/figures.py")
    parser.add_argument("python", help="the interpreter that has privacyIDEA")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each benchmark")
    parser.add_argument("--busy", action="store_true", help="measure on a busy machine, too")
    arguments = parser.parse_args()
    run = stored_run()
    if arguments.runs:
        allowed = arguments.busy or SMALL
        load = quiet_load(0 if allowed else PATIENCE_SECONDS)
        if load > QUIET and not allowed:
            sys.exit(f"the load average is {load:.2f}, over {QUIET}: end what runs, or say --busy")
        commands = [[sys.executable, str(HERE)]]
        commands.append([sys.executable, str(HERE / "peer"), arguments.python])
        run = measure(commands, arguments.runs, load)
    if SMALL:
        print(write_page(run))
        return
    if run:
        STORED.write_text(json.dumps(attrs.asdict(run), indent=1) + "\n", "utf-8")
    PAGE.write_text(write_page(run), "utf-8")


if __name__ == "__main__":
    main()
