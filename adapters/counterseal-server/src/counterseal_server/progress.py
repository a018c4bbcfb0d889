"""
The progress of a command that reads a store partition by partition, on standard error.

A terminal gets a bar; where an option asks for them, lines go to a file or pipe. Both say, after
the first partitions, roughly how long the rest takes, and at the end how long all of it took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from counterseal.models.guid import PARTITIONS
from counterseal_server.printing import print_line

STEPS = 16
"""Into so many steps the work is divided: there is a line after each of them, at most."""

SOON = 5
"""Seconds; how long the rest takes is not worth a line if it is less."""

MINUTE = 60


class Report(Protocol):
    """Takes how far a command is."""

    def __call__(self, done: int, planned: int = PARTITIONS, /) -> None:
        """
        Show it.

        Args:
            done: How many partitions have been read.
            planned: How many are read in all, as far as is known.
        """


class Pace:
    """
    How long a command takes.

    Args:
        what: What it counts.
        seconds: Returns the seconds since some moment.
        every: Whether there is a line after each step; else only after the first one.
    """

    def __init__(self, what: str, seconds: Callable[[], float], *, every: bool) -> None:
        self._what = what
        self._seconds = seconds
        self._every = every
        self._begun = seconds()
        self._first: tuple[int, float] | None = None
        self._last = 0
        self._step = 0

    def remaining_text(self, done: int, planned: int) -> str | None:
        """Return how long the rest takes; None if no line is due."""
        now = self._seconds()
        if self._first is None or done == self._last:
            # What took time without a partition read, such as starting processes, is done once.
            self._first = done, now
        self._last = done
        first, begun = self._first
        step = done * STEPS // planned
        if step <= self._step or not first < done < planned or (self._step and not self._every):
            return None
        self._step = step
        remaining = (now - begun) / (done - first) * (planned - done)
        if remaining < SOON:
            return None
        return f"{self._what}: {done} of {planned}; about {span_text(remaining)} left"

    def total_text(self) -> str:
        """Return how long all took."""
        return f"{self._what}: all done; it took {span_text(self._seconds() - self._begun)}"


def span_text(seconds: float) -> str:
    """Return *seconds* in whole seconds, or in minutes and seconds."""
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def show_progress(
    what: str, *, lines: bool = False, seconds: Callable[[], float] = time.monotonic
) -> Iterator[Report]:
    """
    Show how far a command is if standard error is a terminal.

    Args:
        what: What is counted.
        lines: Whether to print lines where it is none.
        seconds: Returns the seconds since some moment.

    Yields:
        What takes how far it is.
    """
    console = Console(stderr=True)
    pace = Pace(what, seconds, every=not console.is_terminal)
    if console.is_terminal:
        with _bar(what, pace, console) as report:
            yield report
    else:
        yield lambda done, planned=PARTITIONS: _print(
            pace.remaining_text(done, planned) if lines else None
        )
    # Not if the command fails.
    _print(pace.total_text() if lines or console.is_terminal else None)


@contextmanager
def _bar(what: str, pace: Pace, console: Console) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress_bar:
        bar = progress_bar.add_task(what, total=PARTITIONS)

        def report(done: int, planned: int = PARTITIONS, /) -> None:
            progress_bar.update(bar, completed=done, total=planned)
            line = pace.remaining_text(done, planned)
            if line is not None:
                progress_bar.console.print(line, highlight=False, markup=False)

        yield report


def _print(line: str | None) -> None:
    if line is not None:
        print_line(line, err=True)
