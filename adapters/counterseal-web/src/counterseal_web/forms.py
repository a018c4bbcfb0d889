"""
Forms: a form-encoded body with brackets, as the documents that clients mean by it.

    accountId=user-42&content[title]=T&content[keys][0][key]=K&buttons[]={"title":"Approve",…}

- A name is followed by segments in brackets: a name, an index, or, at the end, nothing.
- Indices begin at 0 and leave no gap, in any order; an empty segment appends.
- Every value is a text.
- What could be read in two ways is refused: a name given twice, one that is both a text and
  a document, octets that are not UTF-8, a `%` without its digits.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from counterseal.errors import InvalidField

PAIRS = 512
"""Of one body: eight buttons and fifty lines of a template take 150."""

DEPTH = 6
"""Segments of one name; `content[keys][0][key]` has three."""

INDEX_DIGITS = 3

_NAME = re.compile(r"([^\[\]]{1,64})((?:\[[^\[\]]{0,64}\])*)")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")
_INDEX = re.compile(rf"0|[1-9][0-9]{{0,{INDEX_DIGITS - 1}}}")
_ODD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")

Node = dict[str, Any]
"""Segments to what is below them; texts at the ends."""


def read_form(body: bytes) -> dict[str, Any]:
    """
    Read a form-encoded body.

    Raises:
        InvalidField: It is not spelled as above, or is too much; the error names the field.
    """
    root: Node = {}
    pairs = body.split(b"&") if body else []
    if len(pairs) > PAIRS:
        raise InvalidField("body", f"more than {PAIRS} fields")
    for pair in pairs:
        name, equals, value = pair.partition(b"=")
        if not equals:
            # A JSON body without its type ends here.
            raise InvalidField("body", "a form's field without =; JSON is sent as application/json")
        field = _text(name, "body")
        _insert(root, _segments(field), _text(value, _printable(field)), _printable(field))
    return {name: _built(node, _printable(name)) for name, node in root.items()}


def _text(data: bytes, field: str) -> str:
    if _ODD_PERCENT.search(data):
        raise InvalidField(field, "a % without two digits")
    try:
        return unquote_to_bytes(data.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise InvalidField(field, "not UTF-8") from None


def _segments(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidField("body", f"not a field's name: {_printable(name)}")
    segments = [match[1], *_SEGMENT.findall(match[2])]
    if len(segments) > DEPTH:
        raise InvalidField(_printable(name), "nested too deeply")
    if any(segment.isdecimal() and not _INDEX.fullmatch(segment) for segment in segments[1:]):
        raise InvalidField(_printable(name), "an index too large, or of an odd spelling")
    if "" in segments[:-1]:
        raise InvalidField(_printable(name), "an empty segment before the end")
    return segments


def _insert(root: Node, segments: list[str], value: str, field: str) -> None:
    node = root
    for segment in segments[:-1]:
        node = node.setdefault(segment, {})
        if not isinstance(node, dict):
            raise InvalidField(field, "both a text and a document")
    last = segments[-1]
    if last == "":
        if any(_INDEX.fullmatch(name) is None for name in node):
            raise InvalidField(field, "both a list and a document")
        last = str(len(node))
    if last in node:
        raise InvalidField(field, "given twice")
    node[last] = value


def _built(node: Node | str, field: str) -> Any:
    if isinstance(node, str):
        return node
    indices = [name for name in node if _INDEX.fullmatch(name)]
    if not indices:
        return {name: _built(below, f"{field}.{_printable(name)}") for name, below in node.items()}
    if len(indices) != len(node):
        raise InvalidField(field, "both a list and a document")
    if {int(name) for name in indices} != set(range(len(node))):
        raise InvalidField(field, "a list with a gap")
    return [_built(node[str(index)], f"{field}[{index}]") for index in range(len(node))]


def _printable(name: str) -> str:
    """Return *name* as an error may show it."""
    text = name[:64]
    return text if text.isascii() and text.isprintable() else ascii(text)
