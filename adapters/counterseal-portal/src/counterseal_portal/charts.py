"""Charts: numbers by day, drawn as bars and written as a table, both made from the same record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import attrs

WIDTH, HEIGHT, GAP = 560, 160, 4
"""Of the drawing, in its own units."""


@attrs.frozen
class Bar:
    """One part of a day's bar; a part of a later series stands on those before it."""

    x: float
    y: float
    width: float
    height: float
    series: int


@attrs.frozen(kw_only=True)
class Chart:
    """
    Numbers of several series, one for each day.

    Attributes:
        title: What is counted.
        days: Oldest first.
        series: The numbers by the name of the series; as many as there are days.
    """

    title: str
    days: tuple[date, ...]
    series: Mapping[str, tuple[int, ...]]

    @property
    def highest(self) -> int:
        """Return the largest sum of one day; 1 if there is none."""
        return max((sum(numbers) for numbers in self._by_day()), default=0) or 1

    @property
    def totals(self) -> tuple[tuple[str, int], ...]:
        """Return each series with its sum."""
        return tuple((name, sum(numbers)) for name, numbers in self.series.items())

    @property
    def rows(self) -> tuple[tuple[date, tuple[int, ...]], ...]:
        """Return the table: each day with its numbers, in the order of the series."""
        return tuple(zip(self.days, self._by_day(), strict=True))

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Return the drawing: for each day and series that is not zero, one part of a bar."""
        step = WIDTH / max(1, len(self.days))
        bars = []
        for index, numbers in enumerate(self._by_day()):
            y = float(HEIGHT)
            for series, number in enumerate(numbers):
                height = HEIGHT * number / self.highest
                y -= height
                if number:
                    x = index * step + GAP / 2
                    bars.append(
                        Bar(
                            round(x, 1), round(y, 1), round(step - GAP, 1), round(height, 1), series
                        )
                    )
        return tuple(bars)

    def _by_day(self) -> tuple[tuple[int, ...], ...]:
        columns = tuple(self.series.values())
        return tuple(tuple(column[index] for column in columns) for index in range(len(self.days)))


def days_until(last: date, count: int) -> tuple[date, ...]:
    """Return *count* days, of which *last* is the last."""
    return tuple(last - timedelta(days=ago) for ago in reversed(range(count)))
