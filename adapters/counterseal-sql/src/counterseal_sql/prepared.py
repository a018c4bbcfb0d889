"""
Statements that are executed again and again.

Each is written in SQLAlchemy Core, compiled once for a database, and goes to the driver as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, TypeAlias

import attrs
from sqlalchemy import Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import CompilerElement

Values: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = list[tuple[Any, ...]]


@attrs.frozen
class Compiled:
    """
    A statement as the driver takes it.

    Attributes:
        text: With a placeholder for each parameter.
        parameters: Returns the parameters, in order, from named values.
    """

    text: str
    parameters: Callable[[Values], tuple[Any, ...]]


@attrs.frozen
class _Parameter:
    """The name of a value; *index* is of one in a list."""

    name: str
    index: int | None = None


class Statement:
    """
    One statement.

    Args:
        core: As SQLAlchemy has it, with a name for each value; the names are always the same.
        listed: The name that expands, and so takes a list; None if there is none.
    """

    def __init__(self, core: Executable, *, listed: str | None = None) -> None:
        self._core = core
        self._listed = listed
        self._compiled: dict[tuple[str, int | None], Compiled] = {}

    def compiled(self, dialect: Dialect, values: Values) -> Compiled:
        """Return the statement for *dialect*, and for lists as long as in *values*."""
        key = (dialect.name, None if self._listed is None else len(values[self._listed]))
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = _compile(self._core, dialect, values)
        return compiled


def _compile(core: Any, dialect: Dialect, values: Values) -> Compiled:
    """Compile with markers instead of values, and see at which positions they end."""
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


def _ordering(positions: tuple[Any, ...]) -> Callable[[Values], tuple[Any, ...]]:
    """Return what puts values in the order of *positions*, which hold markers and constants."""
    names = [each.name for each in positions if type(each) is _Parameter and each.index is None]
    if 1 < len(names) == len(positions):
        return itemgetter(*names)

    def ordered(values: Values) -> tuple[Any, ...]:
        return tuple(
            each
            if type(each) is not _Parameter
            else values[each.name]
            if each.index is None
            else values[each.name][each.index]
            for each in positions
        )

    return ordered
