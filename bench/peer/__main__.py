"""
Goal 8: Counterseal beside privacyIDEA in one run; `nox -s bench-peer`.

    python bench/peer PEER_PYTHON [--json FILE]

PEER_PYTHON is the interpreter of the environment that has privacyIDEA.
Rounds of both sides take turns, and only their ratios mean something.
It warns where a ratio is under its goal, and fails where it is under the goal by more than 1.3.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import textwrap
from contextlib import ExitStack
from pathlib import Path

import attrs
from differing import NOTES
from processes import Side, Workshop

FAILS_AT = 1.3
IN_PROCESS, TRANSACTION, STRETCH = 35.0, 20.0, 30.0
ROUNDS = 9
TRANSACTIONS = {"theirs": 8, "ours": 64, "sqlite": 64, "memory": 256}
LOADED = {"theirs": 24, "ours": 192}
CONFIRMED = ("create", "answer")
WARMING = 8


@attrs.frozen
class Line:
    """
    One line of the table.

    Attributes:
        goal: The least ratio; None if there is none.
        ratio: The median of the rounds' ratios.
        ours: The median of milliseconds a transaction, or of transactions a second.
        spread: Half the distance between the ratios' quartiles, as a share of the median.
        differs: Letters of the notes on what differs in the work.
    """

    what: str
    goal: float | None
    ratio: float
    ours: float
    theirs: float
    unit: str
    spread: float
    differs: str

    @property
    def verdict(self) -> str:
        """Return what the ratio means."""
        if self.goal is None or self.ratio >= self.goal:
            return "stretch" if self.goal == TRANSACTION and self.ratio >= STRETCH else ""
        return "UNDER" if self.ratio * FAILS_AT >= self.goal else "FAR UNDER"


Times = list[float]


def inside(workshop: Workshop) -> list[Line]:
    """Measure thread CPU time, all sides in one thread each."""
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in TRANSACTIONS}
    with ExitStack() as stack:
        sides = {name: stack.enter_context(workshop.inside(name)) for name in TRANSACTIONS}
        for _ in range(ROUNDS):
            for name in shuffled(sides):
                taken[name].append(sides[name].round(TRANSACTIONS[name]))
    confirmed = {
        name: [sum(spent[call] for call in CONFIRMED) / 1000 for spent in rounds]
        for name, rounds in taken.items()
    }
    whole = {
        name: [sum(spent.values()) / 1000 for spent in taken[name]] for name in ("theirs", "ours")
    }
    what = "challenge and confirmation"
    theirs = confirmed["theirs"]
    return [
        line(f"{what}: core, memory", IN_PROCESS, (confirmed["memory"], theirs), "ABHJK"),
        line(f"{what}: core, SQLite", None, (confirmed["sqlite"], theirs), "ACHJK"),
        line(f"{what}: WSGI, SQLite", None, (confirmed["ours"], theirs), "CDHIJK"),
        line("five calls: WSGI, SQLite", None, (whole["ours"], whole["theirs"]), "CDFGHIJK"),
    ]


def served(workshop: Workshop) -> list[Line]:
    """Measure rate and server CPU of both under the same server."""
    rates: dict[str, Times] = {name: [] for name in LOADED}
    costs: dict[str, Times] = {name: [] for name in LOADED}
    clients: dict[str, Times] = {name: [] for name in LOADED}
    with ExitStack() as stack:
        sides = {name: stack.enter_context(workshop.served(name)) for name in LOADED}
        for side in sides.values():
            side.round(WARMING)
        for _ in range(ROUNDS):
            for name in shuffled(sides):
                count = LOADED[name]
                told = sides[name].round(count)
                rates[name].append(count / told["seconds"])
                costs[name].append(1000 * told["server_cpu"] / count)
                clients[name].append(told["client_cpu"] / told["seconds"])
    for name, shares in clients.items():
        print(f"clients of {name}: {statistics.median(shares):.0%} of their core")
    what, differs = "five calls, served", "CEFGHIJK"
    return [
        line(f"{what}: server CPU", TRANSACTION, (costs["ours"], costs["theirs"]), differs),
        line(f"{what}: rate", TRANSACTION, (rates["ours"], rates["theirs"]), differs, "/s"),
    ]


def line(
    what: str, goal: float | None, taken: tuple[Times, Times], differs: str, unit: str = "ms"
) -> Line:
    """Return a line whose ratio says how many times as fast or as cheap ours is."""
    ours, theirs = taken
    better = (ours, theirs) if unit == "/s" else (theirs, ours)
    # Of each round by itself: from one round to the next, the machine is another.
    ratios = [more / less for more, less in zip(*better, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    spread = (high - low) / 2 / ratio
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Line(what, goal, ratio, mine, other, unit, spread, differs)


def shuffled(names: dict[str, Side]) -> list[str]:
    return random.sample(list(names), len(names))


def shown(lines: list[Line]) -> None:
    """Print the table, and under it what differs in the work."""
    print(f"goal {'what':42} {'limit':>5} {'ratio':>7} {'ours':>11} {'theirs':>11}        differs")
    for found in lines:
        goal = "-" if found.goal is None else f">={found.goal:g}"
        print(
            f"8    {found.what:42} {goal:>5} {found.ratio:7.1f}"
            f" {found.ours:8.2f} {found.unit} {found.theirs:8.2f} {found.unit}"
            f" +-{found.spread:4.0%} {found.differs:8} {found.verdict}"
        )
    print("\nwhat differs in the work:")
    for letter, note in NOTES.items():
        print(textwrap.fill(note, 100, initial_indent=f"{letter}  ", subsequent_indent="   "))


def main() -> int:
    """Measure, print the table, write the JSON, and say whether a goal is far missed."""
    parser = argparse.ArgumentParser(prog="bench/peer")
    parser.add_argument("python", type=Path, help="the interpreter that has privacyIDEA")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-peer-") as folder:
        workshop = Workshop(Path(folder), arguments.python.absolute())
        workshop.found()
        lines = inside(workshop) + served(workshop)
    shown(lines)
    if arguments.json:
        figures = {
            "versions": workshop.versions(),
            "lines": [attrs.asdict(found) | {"verdict": found.verdict} for found in lines],
            "notes": NOTES,
        }
        arguments.json.write_text(json.dumps(figures, indent=1))
    return int(any(found.verdict == "FAR UNDER" for found in lines))


if __name__ == "__main__":
    sys.exit(main())
