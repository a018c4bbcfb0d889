"""Writing: the canonical form (RFC 8785), and the compact one."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from types import EllipsisType

import rfc8785

from counterseal.errors import InvalidField
from counterseal.ijson.soundness import INTEGER_LIMIT, Json, check


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
    """
    Write *value* without white space, in the order it has.

    Raises:
        InvalidField: JSON or UTF-8 cannot hold it.
    """
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        raise InvalidField(field, "cannot be written as JSON") from None


def quoted(text: str) -> str:
    """Write *text* as a JSON string; whoever calls knows that UTF-8 can hold it."""
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
            if type(name) is not str or not name.isascii() or not _sorts_alike(member):
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
