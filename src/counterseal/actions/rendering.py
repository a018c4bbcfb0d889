"""
Rendering: a person sees every character of a text, and every value of an action's arguments.

`visible_text` writes out each character that a screen would not show. `argument_rows` lists a JSON
object as rows of path and value, from which the object can be rebuilt. The path is a JSONPath
query of one value (RFC 9535): `$.to.name`, `$.lines[0]`, and `$["a.b"]` where a name is no plain
word. It begins with `$`, so that no argument's name can look like a label. The value is JSON
(RFC 8785), so that the text `"1"` differs from the number `1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import category, combining, is_normalized

from counterseal import ijson
from counterseal.models import Pair
from counterseal.wire.visible import visible, write_out_spaces

_GROUP = re.compile(r"(?<=[0-9])(?=(?:[0-9]{3})+\Z)")

_PLAIN_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def visible_text(text: str) -> str:
    """
    Return *text* as one line in which everything is visible.

    It is `visible` (`counterseal.wire.visible`), and spaces at the ends or after another space are
    written out as well. Of canonical equivalents (UAX #15), which are drawn alike, the composed
    form (NFC) stays, and in each other one the characters that differ are written out.
    Compatibility characters stay: a ligature may look like its letters. Two different texts have
    different results.
    """
    return write_out_spaces(_write_out_uncomposed(visible(text)))


def _write_out_uncomposed(text: str) -> str:
    """Return *text* with each character written out that is not part of its composed form (NFC)."""
    if is_normalized("NFC", text):
        return text
    characters: list[str] = []
    base, is_whole = "", True
    for character in text:
        is_starter = combining(character) == 0
        # Some marks are starters: vowel signs of Indic scripts.
        has_base = is_whole or not category(character).startswith("M")
        if has_base and is_normalized("NFC", base + character):
            characters.append(character)
            base, is_whole = (character, True) if is_starter else (base + character, is_whole)
        else:
            characters.append(f"<U+{ord(character):04X}>")
            # A mark after one that is written out would stand on its closing bracket.
            base, is_whole = ("", False) if is_starter else (base, False)
    return "".join(characters)


def visible_json(value: Any) -> str:
    """Return the JSON text of *value* (I-JSON, RFC 8785) as one visible line."""
    return visible_text(ijson.canonical(value).decode("utf-8"))


def argument_rows(arguments: Mapping[str, Any], path: str = "$") -> tuple[Pair, ...]:
    """
    Return a row for each value of *arguments* that holds no others, in canonical order.

    An empty object or list is a row as well, so that the arguments can be rebuilt from the rows.

    Args:
        arguments: I-JSON, as an `Action` has it.
        path: Where *arguments* are, as the rows begin.
    """
    return tuple([Pair(key=key, value=value) for key, value in _rows(arguments, path)])


def _rows(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name in sorted(value, key=_utf16):
            yield from _rows(value[name], path + _step(name))
    elif isinstance(value, (list, tuple)) and value:
        for index, item in enumerate(value):
            yield from _rows(item, f"{path}[{index}]")
    else:
        yield path, visible_json(value)


def _step(name: str) -> str:
    return f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{visible_json(name)}]"


def _utf16(name: str) -> bytes:
    """Return what names are sorted by (RFC 8785, 3.2.3)."""
    return name.encode("utf-16-be")


def group_digits(number: str) -> str:
    """Return the decimal text of a whole number, its digits in groups of three (ISO 80000-1)."""
    return _GROUP.sub(" ", number)
