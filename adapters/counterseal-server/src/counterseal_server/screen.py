"""
The screen: everything that this program prints for a person goes through it.

Every text passes through `counterseal.wire.visible`, and none is read as markup or cut off:
a long text continues in the next line, below its first word.
So a text from a challenge cannot leave the area in which it is printed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import segno
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from counterseal.wire.visible import visible

LINE_BREAK = visible("\n")


class Screen:
    """
    Standard output, for a person.

    Colours, width and borders follow the terminal: none in a pipe or with NO_COLOR.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)

    def heading(self, text: str) -> None:
        """Print the heading of a new section."""
        self._console.print()
        self._console.print(self._text(text, "bold"))

    def say(self, text: str, style: str = "") -> None:
        """Print a sentence."""
        self._console.print(self._text(text, style))

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print labels and values as a table."""
        self._console.print(self._grid(rows))

    def framed(
        self, title: str, parts: Iterable[str | list[tuple[str, str]]], *, escaped: bool = False
    ) -> None:
        """
        Print a text of somebody else, inside a border on every line.

        Args:
            title: Our own title.
            parts: Paragraphs, and tables of labels with their values.
            escaped: Whether hidden characters of *parts* are already written out, as `visible`
                does it.
        """
        inside: list[RenderableType] = [
            self._text(part, escaped=escaped)
            if isinstance(part, str)
            else self._grid(part, escaped=escaped)
            for part in parts
        ]
        self._console.print(Panel(Group(*inside), title=self._text(title), title_align="left"))

    def write_line(self, text: str) -> None:
        """Print one line that the person copies, and that is never wrapped."""
        self._console.print(self._text(text), soft_wrap=True)

    def _grid(self, rows: Iterable[tuple[str, str]], *, escaped: bool = False) -> Table:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(overflow="fold")
        grid.add_column(overflow="fold")
        for label, value in rows:
            cells = ((label, "bold"), (value, ""))
            grid.add_row(*(self._text(text, style, escaped=escaped) for text, style in cells))
        return grid

    def _text(self, text: str, style: str = "", *, escaped: bool = False) -> Text:
        visible_text = visible(text, self._console.encoding, escaped=escaped)
        # A mark is printed where a line breaks, and only there, so no text can imitate it.
        broken = visible_text.replace(LINE_BREAK, f"{LINE_BREAK}\n").removesuffix("\n")
        return Text(broken, style, overflow="fold")


def qr(text: str) -> str:
    """Return *text* as a QR code of block characters, two rows in a line."""
    buffer = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(buffer, compact=True)
    return buffer.getvalue()
