"""
The screen: the only way in which this program prints for a person.

Every text passes through `counterseal_server.visible`, none is read as markup,
and none is cut off: what does not fit goes on in the next line, under its own first word.
So whatever a challenge holds, it stays in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from counterseal_server.visible import visible

LINE_BREAK = visible("\n")

PARTITIONS = 256


@contextmanager
def progress(what: str) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, where that is a terminal; lend what moves it on."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress_bar:
        bar = progress_bar.add_task(what, total=PARTITIONS)

        def done(number: int) -> None:
            progress_bar.update(bar, completed=number)

        yield done


class Screen:
    """
    Standard output, for a person.

    Colours, width and borders follow the terminal: none in a pipe or with NO_COLOR.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)

    def heading(self, text: str) -> None:
        """Begin a new section."""
        self._console.print()
        self._console.print(self._text(text, "bold"))

    def say(self, text: str, style: str = "") -> None:
        """Print a sentence."""
        self._console.print(self._text(text, style))

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print values beside their labels."""
        self._console.print(self._grid(rows))

    def framed(self, title: str, parts: Iterable[str | list[tuple[str, str]]]) -> None:
        """
        Print what somebody else wrote, inside a border on every line.

        Args:
            title: Ours, not theirs.
            parts: Paragraphs, and tables of labels with their values.
        """
        inside: list[RenderableType] = [
            self._text(part) if isinstance(part, str) else self._grid(part) for part in parts
        ]
        self._console.print(Panel(Group(*inside), title=self._text(title), title_align="left"))

    def write_line(self, text: str) -> None:
        """Print one line that is to be copied, and so is never wrapped."""
        self._console.print(self._text(text), soft_wrap=True)

    def _grid(self, rows: Iterable[tuple[str, str]]) -> Table:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(overflow="fold")
        grid.add_column(overflow="fold")
        for label, value in rows:
            grid.add_row(self._text(label, "bold"), self._text(value))
        return grid

    def _text(self, text: str, style: str = "") -> Text:
        visible_text = visible(text, self._console.encoding)
        # Where a line breaks there is a mark, and only there: nothing can pass for one.
        broken = visible_text.replace(LINE_BREAK, f"{LINE_BREAK}\n").removesuffix("\n")
        return Text(broken, style, overflow="fold")
