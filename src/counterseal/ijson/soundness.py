"""Soundness: what I-JSON (RFC 7493) can hold, and the name of the member that it cannot."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from counterseal.errors import InvalidField

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, or lists, tuples and dicts of them."""

DEPTH_LIMIT = 32
"""Levels of nesting; far below the interpreter's recursion limit."""

INTEGER_LIMIT = 2**53 - 1
"""RFC 7493, 2.2: integers that every reader holds exactly."""

INTEGER_DIGITS = len(str(-INTEGER_LIMIT))
"""JSON has no leading zeros: a longer number is a larger one."""

WRITTEN_WHOLE = 1e21
"""RFC 8785, 3.2.2.3: from here on numbers are written with an exponent."""

_NOT_TEXT = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr(plane * 0x10000 + low) for plane in range(1, 17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
"""RFC 7493, 2.1: surrogates and noncharacters, which no string may hold."""

HIGH = re.compile("[\ud800-\U0010ffff]")
"""Where all of them lie; one range is found many times faster than all those places."""


def check(value: Json, *, field: str) -> None:
    """
    Refuse *value* unless I-JSON can hold it.

    Raises:
        InvalidField: It cannot; the error names the member.
    """
    if not _sound(value, 0):
        for place, problem in faults(value, field, 0):
            raise InvalidField(place, problem)


def printable(text: str, limit: int = 64) -> str:
    """Shorten *text* and make control, bidirectional and odd characters visible."""
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text[:limit]
    )
    return shown if len(text) <= limit else shown + "…"


def whole(value: Json) -> int | None:
    """
    Return the whole number that *value* is; None if it is none, or beyond `INTEGER_LIMIT`.

    JSON has one kind of numbers: `60.0` and `60` are the same (JSON Schema 2020-12, 4.2.3).
    """
    if type(value) is int or (type(value) is float and value.is_integer()):
        number = int(value)
        return number if abs(number) <= INTEGER_LIMIT else None
    return None


def _sound(value: Json, depth: int) -> bool:
    """Tell whether *value* is plain I-JSON; quick, and strict about subclasses."""
    kind = type(value)
    if kind is str:
        sound = value.isascii() or not HIGH.search(value) or not _NOT_TEXT.search(value)
    elif kind is dict:
        sound = depth < DEPTH_LIMIT and all(
            type(name) is str and _sound(name, depth) and _sound(member, depth + 1)
            for name, member in value.items()
        )
    elif kind is list or kind is tuple:
        sound = depth < DEPTH_LIMIT and all(_sound(item, depth + 1) for item in value)
    else:
        sound = value is None or kind is bool or not next(faults(value, "", depth), None)
    return sound


def faults(value: Json, place: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Name each member of *value*, called *place*, that I-JSON cannot hold, and why."""
    if depth >= DEPTH_LIMIT and isinstance(value, (dict, list, tuple)):
        yield place, "nested too deeply"
    elif isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str):
                yield place, "a member name that is not text"
            elif _NOT_TEXT.search(name):
                yield place, "a member name with a lone surrogate or a noncharacter"
            else:
                yield from faults(member, f"{place}.{printable(name)}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from faults(item, f"{place}[{index}]", depth + 1)
    elif problem := problem_of(value):
        yield place, problem


def problem_of(value: object) -> str | None:
    """Say why I-JSON cannot hold a value that holds no others; None if it can."""
    if isinstance(value, str):
        found = _NOT_TEXT.search(value)
        return "holds a lone surrogate or a noncharacter" if found else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return "not a number"
        # A whole number is written, and read again, as an integer; a larger one is not.
        if not value.is_integer() or abs(value) >= WRITTEN_WHOLE:
            return None
    elif not isinstance(value, int):
        return "not a JSON value"
    return "an integer beyond 2**53 - 1" if abs(value) > INTEGER_LIMIT else None
