"""
Statements that are sent again and again.

SQLite runs in this process and needs a few microseconds for most of them, and SQLAlchemy ten times
that around each.
So there a statement is compiled once, and goes to the driver as text with its values.
To PostgreSQL it goes SQLAlchemy's way, which knows a lost connection when it sees one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

import attrs
from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import CompilerElement

Values: TypeAlias = Mapping[str, Any]


@attrs.frozen
class _Place:
    """Where a value goes; *index* is of one that is a list."""

    name: str
    index: int | None = None


@attrs.frozen
class _Text:
    """A statement as the driver takes it; for each `?` a place, or a value of its own."""

    text: str
    filled: Callable[[Values], tuple[Any, ...]]


class Statement:
    """
    One statement.

    Args:
        core: As SQLAlchemy has it, with a name for each value.
        listed: The name that expands, and so takes a list; None if there is none.
    """

    def __init__(self, core: Executable, *, listed: str | None = None) -> None:
        self._core = core
        self._listed = listed
        self._texts: dict[int | None, _Text] = {}

    def rows(self, connection: Connection, values: Values) -> Sequence[Any]:
        """
        Send it, and return its rows.

        Raises:
            SQLAlchemyError: PostgreSQL refused, or did not answer.
            sqlite3.Error: SQLite refused.
        """
        if connection.dialect.name != "sqlite":
            return connection.execute(self._core, values).all()
        text = self._text(connection.dialect, values)
        found: list[Any] = cursor(connection).execute(text.text, text.filled(values)).fetchall()
        return found

    def changed(self, connection: Connection, rows: Sequence[Values]) -> int:
        """
        Send it to SQLite once for each of *rows*, and return how many rows it has changed.

        Raises:
            sqlite3.Error: SQLite refused.
        """
        text = self._text(connection.dialect, rows[0])
        return cursor(connection).executemany(text.text, map(text.filled, rows)).rowcount

    def _text(self, dialect: Dialect, values: Values) -> _Text:
        length = None if self._listed is None else len(values[self._listed])
        known = self._texts.get(length)
        if known is None:
            known = self._texts[length] = _compiled(self._core, dialect, values)
        return known


def cursor(connection: Connection) -> sqlite3.Cursor:
    """Return a cursor of SQLite's own driver."""
    made: sqlite3.Cursor = connection.connection.cursor()  # type: ignore[assignment]
    return made


def _compiled(core: Any, dialect: Dialect, values: Values) -> _Text:
    """Compile with places instead of values, and see where each of them comes to stand."""
    assert isinstance(core, CompilerElement)  # noqa: S101 (for the type checker)
    places = {
        name: [_Place(name, index) for index in range(len(value))]
        if isinstance(value, list | tuple)
        else _Place(name)
        for name, value in values.items()
    }
    compiled: Any = core.compile(dialect=dialect, column_keys=list(values))
    state = compiled.construct_expanded_state(places)
    return _Text(state.statement, _filling(tuple(state.positional_parameters)))


def _filling(places: tuple[Any, ...]) -> Callable[[Values], tuple[Any, ...]]:
    """Return what puts values into *places*."""
    names = [place.name for place in places if type(place) is _Place and place.index is None]
    if 1 < len(names) == len(places):
        return itemgetter(*names)

    def filled(values: Values) -> tuple[Any, ...]:
        return tuple(
            place
            if type(place) is not _Place
            else values[place.name]
            if place.index is None
            else values[place.name][place.index]
            for place in places
        )

    return filled
