"""
I-JSON (RFC 7493): the strict reader and the canonical writer (RFC 8785).

This module reads every document from outside and writes everything that is signed.
The reader refuses what two parsers could read differently:
duplicate members, NaN, infinities, and nesting that is too deep.
Reader and writer refuse what I-JSON cannot hold: lone surrogates, noncharacters,
integers beyond 2**53 - 1, and member names that are not text.
What is refused raises InvalidField, which names the member.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from json.encoder import encode_basestring
from types import EllipsisType
from typing import Any, NoReturn, TypeAlias

import rfc8785

from counterseal.errors import InvalidField

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, or lists, tuples and dicts of them."""

DEPTH_LIMIT = 32
"""Levels of nesting; far below the interpreter's recursion limit."""

INTEGER_LIMIT = 2**53 - 1
"""RFC 7493, 2.2: integers that every reader holds exactly."""

INTEGER_DIGITS = len(str(-INTEGER_LIMIT))
"""JSON has no leading zeros: a longer number is a larger one."""

EXPONENT_FROM = 1e21
"""RFC 8785, 3.2.2.3: from here on numbers are written with an exponent."""

_NOT_TEXT = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr(plane * 0x10000 + low) for plane in range(1, 17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
"""RFC 7493, 2.1: surrogates and noncharacters, which no string may hold."""

HIGH = re.compile("[\ud800-\U0010ffff]")
"""The range that holds all of them: searching one range is many times faster."""


def check(value: Json, *, field: str) -> None:
    """Refuse *value* unless I-JSON can hold it."""
    if not _is_ijson(value, 0):
        for path, problem in invalid_members(value, field, 0):
            raise InvalidField(path, problem)


def printable(text: str, limit: int = 64) -> str:
    """Shorten *text* and make control, bidirectional and odd characters visible."""
    escaped = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text[:limit]
    )
    return escaped if len(text) <= limit else escaped + "…"


def to_integer(value: Json) -> int | None:
    """
    Return *value* as an integer; None if it is not a whole number, or beyond `INTEGER_LIMIT`.

    JSON has one kind of numbers: `60.0` and `60` are the same (JSON Schema 2020-12, 4.2.3).
    """
    if type(value) is int or (type(value) is float and value.is_integer()):
        number = int(value)
        return number if abs(number) <= INTEGER_LIMIT else None
    return None


def _is_ijson(value: Json, depth: int) -> bool:
    """Tell whether *value* is plain I-JSON; quick, and strict about subclasses."""
    kind = type(value)
    if kind is str:
        sound = value.isascii() or not HIGH.search(value) or not _NOT_TEXT.search(value)
    elif kind is dict:
        # The limit comes before the members: a dict may hold itself.
        if depth >= DEPTH_LIMIT:
            return False
        for name, member in value.items():
            if type(name) is not str or not (name.isascii() or _is_ijson(name, depth)):
                return False
            # Most members are such texts, and a call for each would take twice the time.
            if type(member) is str and member.isascii():
                continue
            if not _is_ijson(member, depth + 1):
                return False
        sound = True
    elif kind is list or kind is tuple:
        sound = depth < DEPTH_LIMIT and all(_is_ijson(item, depth + 1) for item in value)
    else:
        sound = value is None or kind is bool or not next(invalid_members(value, "", depth), None)
    return sound


def invalid_members(value: Json, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the path and the problem of each member of *value* that I-JSON cannot hold."""
    if depth >= DEPTH_LIMIT and isinstance(value, (dict, list, tuple)):
        yield path, "nested too deeply"
    elif isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str):
                yield path, "a member name that is not text"
            elif _NOT_TEXT.search(name):
                yield path, "a member name with a lone surrogate or a noncharacter"
            else:
                yield from invalid_members(member, f"{path}.{printable(name)}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from invalid_members(item, f"{path}[{index}]", depth + 1)
    elif problem := scalar_problem(value):
        yield path, problem


def scalar_problem(value: object) -> str | None:
    """Say why I-JSON cannot hold a value that holds no others; None if it can."""
    if isinstance(value, str):
        match = _NOT_TEXT.search(value)
        return "holds a lone surrogate or a noncharacter" if match else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return "not a number"
        # A whole number is written, and read again, as an integer; a larger one is not.
        if not value.is_integer() or abs(value) >= EXPONENT_FROM:
            return None
    elif not isinstance(value, int):
        return "not a JSON value"
    return "an integer beyond 2**53 - 1" if abs(value) > INTEGER_LIMIT else None


def parse(text: str | bytes, *, field: str = "body") -> Json:
    """Read one JSON document; bytes are UTF-8, and errors call it *field*."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value = _decoded(text)
    except UnicodeDecodeError:
        raise InvalidField(_first_fault(text, field, "surrogate"), "not UTF-8") from None
    except _DuplicateMemberError as error:
        raise InvalidField(field, f"member given twice: {printable(str(error))}") from None
    except _NumberError as error:
        raise InvalidField(_first_fault(text, field), str(error)) from None
    except RecursionError:
        raise InvalidField(field, "nested too deeply") from None
    except ValueError:
        raise InvalidField(field, "not valid JSON") from None
    if text.count("[") + text.count("{") > DEPTH_LIMIT and _deeper_than(value, DEPTH_LIMIT):
        raise InvalidField(field, "nested too deeply")
    if _ESCAPED.search(text) or (not text.isascii() and HIGH.search(text)):
        check(value, field=field)
    return value


def _first_fault(data: str | bytes, field: str, topic: str = "") -> str:
    """Name the first member with a problem of this *topic*, if the document can be read at all."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
        problems = invalid_members(json.loads(text), field, 0)
        return next((path for path, problem in problems if topic in problem), field)
    except (ValueError, RecursionError):
        return field


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
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                raise _DuplicateMemberError(name)
            names.add(name)
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
    if problem := scalar_problem(value):
        raise _NumberError(problem)
    return value


_ESCAPED = re.compile(r"\\u[dDfF]")
"""
Where a character that I-JSON refuses may be escaped; unescaped, it is a high code point.

Most texts have neither, and one pattern for both would be ten times as slow.
"""

_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_constant=_constant,
    parse_float=_fraction,
    parse_int=_integer,
)


def canonical(
    value: Json,
    *,
    field: str = "body",
    checked: bool = False,
    foreign: Json | EllipsisType = ...,
) -> bytes:
    """
    Write *value* in its one canonical form, RFC 8785.

    Args:
        value: What to write.
        field: What to call it in an error.
        checked: Whether every part of it that came from outside has passed `check`;
            the writer then finds only what it cannot write at all.
        foreign: The only part of it that may hold numbers or names of any kind; all of it,
            if none is given. The rest has ASCII names, and no number but small whole ones.

    Raises:
        InvalidField: I-JSON cannot hold it; the error names the member.
    """
    if not checked:
        check(value, field=field)
    try:
        if _sorts_alike(value if foreign is ... else foreign):
            return _SORTING.encode(value).encode("utf-8")
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError):
        check(value, field=field)
        raise InvalidField(field, "cannot be written as I-JSON") from None


def compact(value: Json, *, field: str = "body") -> bytes:
    """Write *value* without white space, in the order it has; refuse what JSON cannot hold."""
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        raise InvalidField(field, "cannot be written as JSON") from None


def quoted(text: str) -> str:
    """Write *text* as a JSON string; the caller has checked that UTF-8 can hold it."""
    return encode_basestring(text)


def _sorts_alike(value: Json) -> bool:
    """
    Tell whether the standard library's sorting encoder writes RFC 8785 of *value*.

    It differs in floats (3.2.2.3) and in the order of names beyond ASCII (3.2.3);
    without them it takes a fifth of the time.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        for name, member in value.items():
            if type(name) is not str or not name.isascii():
                return False
            if type(member) is not str and not _sorts_alike(member):
                return False
        return True
    if kind is list or kind is tuple:
        return all(map(_sorts_alike, value))
    return kind is int and bool(abs(value) <= INTEGER_LIMIT)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_SORTING = json.JSONEncoder(
    ensure_ascii=False,
    allow_nan=False,
    separators=(",", ":"),
    sort_keys=True,
    check_circular=False,  # what is nested without end is nested too deeply
)


read_json = parse
"""`parse`, by its name in `counterseal`."""
