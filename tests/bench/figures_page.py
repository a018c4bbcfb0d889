"""The page of the figures: each goal, its rows, and what they were in the last run."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

import attrs
from goals import FAILS_AT, GOALS, Goal, Row
from verdicts import BUSY, FAR_MISSED, MISSED


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


QUIET = 0.5
"""The load average of a machine on which nothing else runs."""

Measured = Sequence[tuple[float, float]]
"""A row's figure and its spread, from each run."""


@attrs.frozen
class Run:
    """
    Figures from one machine.

    Attributes:
        machine: Its processor, and how many cores the benchmarks could use.
        python: The version of Python, and how it was built.
        load: The load average at the start.
        times: How often each benchmark ran.
        verification: Microseconds of one bare ES256 verification.
        figures: What was measured, by goal and row.
    """

    machine: str
    python: str
    date: str
    commit: str
    load: float
    times: int
    verification: float
    figures: dict[str, dict[str, Measured]]

    @property
    def sentences(self) -> str:
        """The machine, and when and how often it measured."""
        busy = "\nOther programs used it too, so the figures are rough." * (self.load > QUIET)
        return (
            f"Runs of each benchmark: {self.times}, on {self.date}, at commit `{self.commit}`.\n"
            f"The machine has {self.machine}, and runs {self.python}.\n"
            f"One bare ES256 verification takes {self.verification:.0f} µs on it.\n"
            f"Its load average was {self.load:.2f} at the start.{busy}"
        )


NOT_MEASURED = "No run is on this page yet."

HEAD = f"""# Figures

Times of different machines cannot be compared, so each figure is a ratio of two costs of one run.
Mostly it is what Counterseal takes, divided by what bare libraries, commands or endpoints take.
`nox -s "bench(whole)"` and `nox -s "bench(peer)"` print the figures.
`nox -s "bench(figures)"` runs both, and writes this page.

{{run}}

The *goal* is a limit: a benchmark warns where it is missed, and fails where it is missed by more \
than {FAILS_AT:g} times.
The *aim* is what the figure should come to; nothing fails if it does not.
The *spread* is a share of the median: half the distance between the furthest runs, or the median \
of the spreads inside of the runs, if that is more.
If it is over {_percent(BUSY)}, the figure is too noisy to tell.
A row without a goal only stands beside others.

*Few* stored challenges are 1,000, *many* 100,000, and *most* 1,000,000.
Some goals have no row: `tests/unit/test_trips.py` counts the trips to the store (5), \
`nox -s "bench(load)"` measures callbacks (14), and `nox -s "heavy(browser-full)"` the first visit \
of the browser device (15).
The figures behind the decisions are in [measurements](measurements.md).
"""

COLUMNS = "| what | goal | aim | median | spread | result |\n|---|---|--:|--:|--:|---|"


def write_page(run: Run | None) -> str:
    """Return the page; without a *run*, nothing is measured."""
    sections = [_section(goal, run.figures.get(goal.number, {}) if run else {}) for goal in GOALS]
    head = HEAD.format(run=run.sentences if run else NOT_MEASURED)
    return "\n".join([head, *sections])


def _section(goal: Goal, figures: dict[str, Measured]) -> str:
    rows = "\n".join(
        f"| {' | '.join(_cells(row, figures.get(row.what, ())))} |" for row in goal.rows
    )
    return f"## {goal.number}: {goal.title}\n\n{goal.meaning}\n\n{COLUMNS}\n{rows}\n"


def _cells(row: Row, measured: Measured) -> Iterator[str]:
    unit = f" {row.unit}" * bool(row.unit)
    yield row.what
    if row.at_most is not None:
        yield f"at most {row.at_most:g}{unit}"
    else:
        yield "" if row.at_least is None else f"at least {row.at_least:g}{unit}"
    yield "" if row.aim is None else f"{row.aim:g}{unit}"
    if not measured:
        yield from ("not measured", "", "")
        return
    figure, spread = summary(measured)
    yield f"{_digits(figure)}{unit}"
    yield _percent(spread)
    yield "" if row.limit == "-" else result(row.verdict(figure, spread))


def summary(measured: Measured) -> tuple[float, float]:
    """Return the median of the runs' figures, and the spread that `HEAD` explains."""
    figures, spreads = zip(*measured, strict=True)
    median = statistics.median(figures)
    between_runs = (max(figures) - min(figures)) / 2 / abs(median)
    return median, max(between_runs, statistics.median(spreads))


def result(verdict: str) -> str:
    """Return a verdict of a benchmark in the words of the page."""
    return {"": "met", MISSED: "missed", FAR_MISSED: "missed"}.get(verdict, verdict)


def _digits(figure: float) -> str:
    return f"{figure:.2f}" if figure < 10 else f"{figure:.1f}" if figure < 100 else f"{figure:,.0f}"
