"""
Goal 8: Counterseal beside privacyIDEA in one run; `nox -s "bench(peer)"`.

    python tests/bench/peer PEER_PYTHON [--rounds NUMBER] [--json FILE]

PEER_PYTHON is the interpreter of the environment that has privacyIDEA.
Rounds of both sides take turns, and only their ratios mean something.
It warns where a limit of `goals.toml` is missed, and fails where it is missed by 1.3 times; where
the rounds differ much, it says that the figure is too noisy to tell.
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
from typing import Any

import attrs
from differing import NOTES
from processes import Side, Workshop

sys.path.append(str(Path(__file__).parents[1]))

from goals import PEER, Row, exit_code, missing_rows, row
from verdicts import scaled

ROUNDS = scaled(9, 2)
TRANSACTIONS = {"theirs": 8, "ours": 64, "sqlite": 64, "memory": 256}
LOADED = {"theirs": 24, "ours": 192, "wsgi": 192}
"""`wsgi` is ours on the interface of the peer, without the deadline for bodies."""
CONFIRMED = ("create", "answer")
WARMING = 8


@attrs.frozen
class Result:
    """
    One line of the table.

    Attributes:
        row: What is measured, with its limit.
        ratio: The median of the rounds' ratios.
        ours: The median of milliseconds a transaction, or of transactions a second.
        spread: Half the distance between the ratios' quartiles, as a share of the median.
        differs: Letters of the notes on what differs in the work.
    """

    row: Row
    ratio: float
    ours: float
    theirs: float
    unit: str
    spread: float
    differs: str

    @property
    def verdict(self) -> str:
        """What the ratio means."""
        return self.row.verdict(self.ratio, self.spread)

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` writes it."""
        others = ("ours", "theirs", "unit", "differs")
        costs = {name: getattr(self, name) for name in others}
        return self.row.as_json(self.ratio, self.spread) | costs


Times = list[float]


def inside(workshop: Workshop, rounds: int) -> list[Result]:
    """Measure thread CPU time, all sides in one thread each."""
    rounds_of: dict[str, list[dict[str, float]]] = {name: [] for name in TRANSACTIONS}
    with ExitStack() as stack:
        sides = {name: stack.enter_context(workshop.inside(name)) for name in TRANSACTIONS}
        for _ in range(rounds):
            for name in shuffled(sides):
                rounds_of[name].append(sides[name].round(TRANSACTIONS[name]))
    confirmed = {
        name: [sum(spent[call] for call in CONFIRMED) / 1000 for spent in all_spent]
        for name, all_spent in rounds_of.items()
    }
    totals = {
        name: [sum(spent.values()) / 1000 for spent in rounds_of[name]]
        for name in ("theirs", "ours")
    }
    what = "challenge and confirmation"
    theirs = confirmed["theirs"]
    return [
        result(f"{what}: core, memory", (confirmed["memory"], theirs), "ABHJK"),
        result(f"{what}: core, SQLite", (confirmed["sqlite"], theirs), "ACHJK"),
        result(f"{what}: WSGI, SQLite", (confirmed["ours"], theirs), "CDHIJK"),
        result("five calls: WSGI, SQLite", (totals["ours"], totals["theirs"]), "CDFGHIJK"),
    ]


def served(workshop: Workshop, rounds: int) -> list[Result]:
    """Measure rate and server CPU of both under the same server."""
    rates: dict[str, Times] = {name: [] for name in LOADED}
    costs: dict[str, Times] = {name: [] for name in LOADED}
    clients: dict[str, Times] = {name: [] for name in LOADED}
    with ExitStack() as stack:
        sides = {name: stack.enter_context(workshop.served(name)) for name in LOADED}
        for side in sides.values():
            side.round(WARMING)
        for _ in range(rounds):
            for name in shuffled(sides):
                count = LOADED[name]
                reply = sides[name].round(count)
                rates[name].append(count / reply["seconds"])
                costs[name].append(1000 * reply["server_cpu"] / count)
                clients[name].append(reply["client_cpu"] / reply["seconds"])
    for of, better in ((costs, "CPU"), (rates, "rate")):
        ratio = statistics.median(
            mine / bare for mine, bare in zip(of["ours"], of["wsgi"], strict=True)
        )
        print(f"the body deadline costs: {better} x {ratio:.2f} of the same service without it")
    for name, shares in clients.items():
        print(f"clients of {name}: {statistics.median(shares):.0%} of their core")
    what, differs = "five calls, served", "CEFGHIJK"
    return [
        result(f"{what}: server CPU", (costs["ours"], costs["theirs"]), differs),
        result(f"{what}: rate", (rates["ours"], rates["theirs"]), differs, "/s"),
        result(
            f"{what}, no body deadline: server CPU",
            (costs["wsgi"], costs["theirs"]),
            f"{differs}L",
        ),
        result(
            f"{what}, no body deadline: rate",
            (rates["wsgi"], rates["theirs"]),
            f"{differs}L",
            "/s",
        ),
    ]


def result(what: str, times: tuple[Times, Times], differs: str, unit: str = "ms") -> Result:
    """Return a line whose ratio says how many times as fast or as cheap ours is."""
    ours, theirs = times
    better = (ours, theirs) if unit == "/s" else (theirs, ours)
    # Of each round by itself: from one round to the next, the machine is another.
    ratios = [more / less for more, less in zip(*better, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    spread = (high - low) / 2 / ratio
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Result(row(PEER, what), ratio, mine, other, unit, spread, differs)


def shuffled(names: dict[str, Side]) -> list[str]:
    return random.sample(list(names), len(names))


def show(lines: list[Result]) -> None:
    """Print the table, and under it what differs in the work."""
    print(
        f"goal {'what':50} {'limit':>5} {'aim':>4} {'ratio':>7} {'ours':>11} {'theirs':>11}"
        "        differs"
    )
    for one in lines:
        row = one.row
        print(
            f"{row.goal:4} {row.what:50} {row.limit:>5} {row.aim_text:>4} {one.ratio:7.1f}"
            f" {one.ours:8.2f} {one.unit} {one.theirs:8.2f} {one.unit}"
            f" +-{one.spread:4.0%} {one.differs:9} {one.verdict}"
        )
    print("\nwhat differs in the work:")
    for letter, note in NOTES.items():
        print(textwrap.fill(note, 100, initial_indent=f"{letter}  ", subsequent_indent="   "))


def main() -> int:
    """Measure, print the table, write the JSON, and say whether a goal is far missed."""
    parser = argparse.ArgumentParser(prog="tests/bench/peer")
    parser.add_argument("python", type=Path, help="the interpreter that has privacyIDEA")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each side, at least 2")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-peer-") as folder:
        workshop = Workshop(Path(folder), arguments.python.absolute())
        workshop.create()
        rounds = arguments.rounds
        lines = inside(workshop, rounds) + served(workshop, rounds)
    show(lines)
    if arguments.json:
        figures = {
            "versions": workshop.versions(),
            "lines": [one.as_json() for one in lines],
            "notes": NOTES,
        }
        arguments.json.write_text(json.dumps(figures, indent=1))
    missing = missing_rows([one.row for one in lines], peer=True)
    assert not missing, missing
    return exit_code([one.verdict for one in lines])


if __name__ == "__main__":
    sys.exit(main())
