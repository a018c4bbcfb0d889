"""Reading: one JSON document, in the one way in which every parser reads it."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from counterseal.errors import InvalidField
from counterseal.ijson.soundness import (
    DEPTH_LIMIT,
    HIGH,
    INTEGER_DIGITS,
    INTEGER_LIMIT,
    Json,
    check,
    faults,
    printable,
    problem_of,
)


def parse(text: str | bytes, *, field: str = "body") -> Json:
    """
    Read one JSON document.

    Args:
        text: The document; bytes are UTF-8.
        field: What to call the document in an error.

    Raises:
        InvalidField: It is not JSON, has a member twice or a number that is none, holds what
            I-JSON cannot hold, or is nested too deeply.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value = _decoded(text)
    except UnicodeDecodeError:
        raise InvalidField(_undecodable(text, field), "not UTF-8") from None
    except _DuplicateMemberError as error:
        raise InvalidField(field, f"member given twice: {printable(str(error))}") from None
    except _NumberError as error:
        raise InvalidField(_unfit_number(text, field), str(error)) from None
    except RecursionError:
        raise InvalidField(field, "nested too deeply") from None
    except ValueError:
        raise InvalidField(field, "not valid JSON") from None
    if text.count("[") + text.count("{") > DEPTH_LIMIT and _deeper_than(value, DEPTH_LIMIT):
        raise InvalidField(field, "nested too deeply")
    if _ESCAPED.search(text) or (not text.isascii() and HIGH.search(text)):
        check(value, field=field)
    return value


def _undecodable(data: str | bytes, field: str) -> str:
    """Name the member whose bytes are no text, as far as the document can be read at all."""
    try:
        read = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
        return _no_text(_DECODER.decode(read), field)
    except (ValueError, RecursionError):
        return field


def _unfit_number(text: str | bytes, field: str) -> str:
    """Name the first member whose number I-JSON cannot hold."""
    try:
        return next((place for place, _ in faults(json.loads(text), field, 0)), field)
    except (ValueError, RecursionError):
        return field


def _no_text(value: Json, field: str) -> str:
    """Name the first member that holds what no text may hold."""
    return next(
        (place for place, problem in faults(value, field, 0) if "surrogate" in problem), field
    )


def _deeper_than(value: Json, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [
            member
            for node in level
            if isinstance(node, (dict, list))
            for member in (node.values() if isinstance(node, dict) else node)
        ]
    return any(isinstance(node, (dict, list)) for node in level)


def _decoded(text: str) -> Json:
    try:
        value, end = _DECODER.scan_once(text, 0)  # type: ignore[attr-defined]
    except StopIteration:
        end = None
    # White space around a document is rare; the decoder proper knows how to skip it.
    return value if end == len(text) else _DECODER.decode(text)


class _DuplicateMemberError(ValueError):
    pass


class _NumberError(ValueError):
    pass


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _DuplicateMemberError(name)
            seen.add(name)
    return members


def _constant(_: str) -> NoReturn:
    raise ValueError


def _integer(text: str) -> int:
    # Far below the interpreter's own limit on digits, which would be another error.
    value = int(text) if len(text) <= INTEGER_DIGITS else INTEGER_LIMIT + 1
    if not -INTEGER_LIMIT <= value <= INTEGER_LIMIT:
        raise _NumberError("an integer beyond 2**53 - 1")
    return value


def _fraction(text: str) -> float:
    value = float(text)
    if problem := problem_of(value):
        raise _NumberError(problem)
    return value


_ESCAPED = re.compile(r"\\u[dDfF]")
"""
Where a character that I-JSON refuses may stand escaped; as it is, it is a high one.

Most texts have neither, and one pattern for both would be ten times as slow.
"""

_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_constant=_constant,
    parse_float=_fraction,
    parse_int=_integer,
)
