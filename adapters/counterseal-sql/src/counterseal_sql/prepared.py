"""
Statements that are executed many times.

Each is written in SQLAlchemy Core, compiled once for each dialect, and given to the driver as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

import attrs
from sqlalchemy import Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import CompilerElement

Values: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = list[tuple[Any, ...]]
PageReader: TypeAlias = Callable[[int, int], Rows]
"""Reads numbers and bodies of records in order: behind a number, and at most so many."""


@attrs.frozen
class Compiled:
    """
    A statement as the driver needs it.

    Attributes:
        text: SQL, with a placeholder for each parameter.
        parameters: Returns the parameters, in order, from named values.
    """

    text: str
    parameters: Callable[[Values], Sequence[Any]]


@attrs.frozen
class _Parameter:
    """A parameter: the value *name*, or, if it is a list, the value at *index* in it."""

    name: str
    index: int | None = None


class Statement:
    """
    One statement.

    Args:
        core: The statement in SQLAlchemy Core; every execution has values of the same names.
        listed: The name of the value that is a list; None if there is none.
    """

    def __init__(self, core: Executable, *, listed: str | None = None) -> None:
        self._core = core
        self._listed = listed
        self._compiled: dict[tuple[str, int | None], Compiled] = {}

    def compiled(self, dialect: Dialect, values: Values) -> Compiled:
        """Return the statement for *dialect*, and for a list as long as that in *values*."""
        key = (dialect.name, None if self._listed is None else len(values[self._listed]))
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = _compile(self._core, dialect, values)
        return compiled


def _compile(core: Any, dialect: Dialect, values: Values) -> Compiled:
    """Compile with markers instead of values, and read the positions of the markers."""
    assert isinstance(core, CompilerElement)  # noqa: S101 (for the type checker)
    markers = {
        name: [_Parameter(name, index) for index in range(len(value))]
        if isinstance(value, list | tuple)
        else _Parameter(name)
        for name, value in values.items()
    }
    compiled: Any = core.compile(dialect=dialect, column_keys=list(values))
    state = compiled.construct_expanded_state(markers)
    return Compiled(state.statement, _ordering(tuple(state.positional_parameters)))


def _ordering(positions: tuple[Any, ...]) -> Callable[[Values], Sequence[Any]]:
    """Return a function that orders values as *positions*, which are markers and constants."""
    names = [each.name for each in positions if type(each) is _Parameter and each.index is None]
    if 1 < len(names) == len(positions):
        return itemgetter(*names)

    def ordered(values: Values) -> list[Any]:
        return [
            each
            if type(each) is not _Parameter
            else values[each.name]
            if each.index is None
            else values[each.name][each.index]
            for each in positions
        ]

    return ordered
