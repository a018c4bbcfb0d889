"""
Members: the readers of a JSON object's members, which InvalidField names.

A document may have the known members only; another one is refused by name.

A *near miss* differs from a known name by at most one character that is missing, added, replaced
or swapped with its neighbour, or is its plural or singular. Case, `-`, `_`, `.` and spaces do not
count.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Mapping
from typing import Any

from counterseal import ijson
from counterseal.errors import InvalidField


class _Everything(Container[str]):
    def __contains__(self, name: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "EVERYTHING"


EVERYTHING: Container[str] = _Everything()
"""For *ignored* of `require_known`: every unknown name, including near misses."""

_SEPARATORS = re.compile(r"[-_. ]")


def require_known(
    names: Iterable[str],
    members: Collection[str],
    *,
    prefix: str = "",
    ignored: Container[str] = (),
) -> None:
    """
    Refuse names that are not known, of the members of a document or form.

    Args:
        prefix: Precedes the name in the error, such as `content.`.
        ignored: Unknown names that are not refused; a near miss is refused nevertheless, unless
            this is `EVERYTHING`.

    Raises:
        InvalidField: It names the first unknown name, and the member that this nearly is.
    """
    if ignored is EVERYTHING:
        return
    for name in names:
        if name in members:
            continue
        meant = near_miss(str(name), members)
        if meant is None and name in ignored:
            continue
        hint = "" if meant is None else f"; {meant} is"
        raise InvalidField(f"{prefix}{ijson.printable(str(name))}", f"not a known member{hint}")


def read_object(
    value: object, members: Collection[str], field: str, *, prefix: str | None = None
) -> Mapping[str, Any]:
    """Return *value*, a JSON object of known members only; their errors begin with *prefix*."""
    # `dict` first, since that check is faster and nearly always true.
    if not isinstance(value, (dict, Mapping)):
        raise InvalidField(field, "not a JSON object")
    require_known(value, members, prefix=f"{field}." if prefix is None else prefix)
    return value


def read_text(body: Mapping[str, Any], name: str, prefix: str = "", *, empty: bool = False) -> str:
    """Return the text of a member, which may be an empty one only where *empty* says so."""
    value = body.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise InvalidField(prefix + name, "missing, empty or not a text")
    return value


def read_optional_text(body: Mapping[str, Any], name: str, prefix: str = "") -> str | None:
    """Return the text of a member; None if it is absent or null."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(prefix + name, "not a text")


def near_miss(name: str, members: Iterable[str]) -> str | None:
    """Return the member that *name* is a near miss of; None if there is none."""
    plain = _plain(name)
    for each in sorted(members):
        one, other = sorted((plain, _plain(each)), key=len)
        if _one_edit(one, other) or _plural(one, other):
            return each
    return None


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.casefold())


def _one_edit(shorter: str, longer: str) -> bool:
    """Tell whether at most one edit turns one into the other."""
    start = 0
    while start < len(shorter) and shorter[start] == longer[start]:
        start += 1
    rest, other = shorter[start:], longer[start:]
    if len(rest) < len(other):
        return rest == other[1:]
    return rest[1:] == other[1:] or rest == other[1::-1] + other[2:]


def _plural(singular: str, plural: str) -> bool:
    """Tell whether *plural* is *singular* in number; an `s` alone is one edit."""
    y = singular.endswith("y")
    return plural == f"{singular}es" or (y and plural == f"{singular[:-1]}ies")
