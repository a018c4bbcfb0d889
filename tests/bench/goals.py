"""The rows that benchmarks print, with their limits: what `goals.toml` lists."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
from verdicts import FAR_MISSED, UNKNOWN, failed, ratio_verdict

TABLE = Path(__file__).with_name("goals.toml")
FAILS_AT = 1.3
"""A benchmark fails where a limit is missed by this factor."""

PEER = "8"
"""The goal whose rows `tests/bench/peer` prints; `tests/bench` prints the others."""


@attrs.frozen
class Row:
    """
    A figure that a benchmark prints; without a limit, it only stands beside others.

    Attributes:
        goal: The number of its goal.
        what: What is measured.
        at_most, at_least: The limit, if there is one.
        aim: What the figure should come to, and need not.
        unit: Of a figure that is no ratio.
    """

    goal: str
    what: str
    at_most: float | None = None
    at_least: float | None = None
    aim: float | None = None
    unit: str = ""

    @property
    def limit(self) -> str:
        """The limit, as the benchmarks print it."""
        if self.at_most is not None:
            return f"<={self.at_most:g}"
        return "-" if self.at_least is None else f">={self.at_least:g}"

    @property
    def aim_text(self) -> str:
        """The aim, as the benchmarks print it."""
        return "-" if self.aim is None else f"{self.aim:g}"

    def verdict(self, figure: float, spread: float) -> str:
        """Return what *figure*, with *spread* as a share of it, means beside the limit."""
        if self.at_least is not None:
            return ratio_verdict(self.at_least / figure, FAILS_AT, spread)
        if self.at_most is not None:
            return ratio_verdict(figure / self.at_most, FAILS_AT, spread)
        return ""

    def as_json(self, figure: float, spread: float) -> dict[str, Any]:
        """Return the row with its *figure*, as the benchmarks write it."""
        members = {"goal": self.goal, "what": self.what, "figure": figure, "spread": spread}
        return members | {"limit": self.limit, "verdict": self.verdict(figure, spread)}


@attrs.frozen
class Goal:
    """
    A goal, and the rows that show whether it is met.

    Attributes:
        meaning: What the figures of its rows are, in sentences.
    """

    number: str
    title: str
    meaning: str
    rows: tuple[Row, ...]


GOALS = [
    Goal(
        goal["number"],
        goal["title"],
        goal["meaning"].strip(),
        tuple(Row(goal["number"], what, **limits) for what, limits in goal["rows"].items()),
    )
    for goal in tomllib.loads(TABLE.read_text("utf-8"))["goals"]
]
ROWS = {(row.goal, row.what): row for goal in GOALS for row in goal.rows}


def row(goal: str, what: str) -> Row:
    """Return a row of the table, which has to have it."""
    return ROWS[goal, what]


def missing_rows(printed: Iterable[Row], *, peer: bool) -> list[str]:
    """Return what is in the table, and was not printed by the benchmark that prints it."""
    names = {(row.goal, row.what) for row in printed}
    return [
        f"{goal} {what}"
        for goal, what in ROWS
        if (goal == PEER) == peer and (goal, what) not in names
    ]


def exit_code(verdicts: Sequence[str], *, over: bool = False) -> int:
    """Print how many *verdicts* tell nothing; return 1 if a limit is far missed, or *over*."""
    print(f"{UNKNOWN}: {verdicts.count(UNKNOWN)} rows")
    return failed(over or FAR_MISSED in verdicts)
