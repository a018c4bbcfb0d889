"""Members: of queries and bodies, each read by its type and refused by its name."""

from __future__ import annotations

import enum
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from counterseal import ijson
from counterseal.errors import InvalidField, NotFound
from counterseal.models import Guid
from counterseal.models.guid import parse

E = TypeVar("E", bound=enum.Enum)

_NUMBER = re.compile(r"[0-9]{1,4}")

MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z"
"""The shape of a time in a query (RFC 3339, 5.6), which is in UTC."""

LONGEST = 10**10
"""Seconds; the policy's limits are far below, and `timedelta` takes it."""


def read_bytes(body: Mapping[str, Any], name: str, field: str) -> bytes | None:
    """
    Return the bytes of a member in base64 (RFC 4648, 4) that may be missing; none if it is empty.

    Args:
        field: What an error calls the member.

    Raises:
        InvalidField: It is not a text, or not base64.
    """
    value = body.get(name)
    if value is None:
        return None
    try:
        return b64decode(value.encode("ascii"), validate=True)
    except (AttributeError, ValueError):
        raise InvalidField(field, "not base64") from None


def read_guid(value: str, field: str) -> Guid:
    """
    Return the GUID that *value* is.

    Raises:
        NotFound: It is none, and so names nothing.
    """
    try:
        return parse(value, field=field)
    except InvalidField:
        raise NotFound from None


def read_flag(body: Mapping[str, Any], name: str) -> bool | None:
    """
    Return a yes or no that may be missing.

    Raises:
        InvalidField: It is neither.
    """
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidField(name, "neither true nor false")


def read_choice(value: Any, kind: Iterable[E], name: str) -> E:
    """
    Return the member of *kind*, an enumeration or some of one, that *value* is the value of.

    Raises:
        InvalidField: There is none.
    """
    for each in kind:
        if type(value) is type(each.value) and value == each.value:
            return each
    raise InvalidField(name, f"not one of {', '.join(str(each.value) for each in kind)}")


def read_optional_choice(body: Mapping[str, Any], kind: type[E], name: str) -> E | None:
    """
    Return a choice that may be missing.

    Raises:
        InvalidField: It is none of *kind*.
    """
    value = body.get(name)
    return None if value is None else read_choice(value, kind, name)


def read_integer(body: Mapping[str, Any], name: str) -> int | None:
    """
    Return a whole number that may be missing.

    Raises:
        InvalidField: It is no such number.
    """
    value = body.get(name)
    if value is None:
        return None
    number = ijson.to_integer(value)
    if number is None:
        raise InvalidField(name, "not a whole number")
    return number


def read_seconds(body: Mapping[str, Any], name: str) -> timedelta | None:
    """
    Return a number of whole seconds that may be missing.

    Raises:
        InvalidField: It is no such number.
    """
    value = body.get(name)
    if value is None:
        return None
    number = ijson.to_integer(value)
    if number is None or not 0 <= number <= LONGEST:
        raise InvalidField(name, "not a number of seconds")
    return timedelta(seconds=number)


def read_number(query: Mapping[str, str], name: str) -> int | None:
    """
    Return a whole number of the query that may be missing.

    Raises:
        InvalidField: It is no such number, or has more than four digits.
    """
    value = query.get(name)
    if value is None:
        return None
    if _NUMBER.fullmatch(value) is None:
        raise InvalidField(name, "not a whole number")
    return int(value)


def read_moment(query: Mapping[str, str], name: str) -> datetime | None:
    """
    Return a time of the query that may be missing.

    Raises:
        InvalidField: It is not a time in UTC like `2030-01-31T09:00:00Z`.
    """
    value = query.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if re.fullmatch(MOMENT, value) else None
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidField(name, "not a time like 2030-01-31T09:00:00Z")
    return moment.astimezone(UTC)


def read_object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """
    Return a document inside of the body; an empty one if it is missing.

    Raises:
        InvalidField: It is none.
    """
    value = body.get(name)
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise InvalidField(name, "not an object")


def read_texts(body: Mapping[str, Any], name: str) -> list[str] | None:
    """
    Return a list of texts that may be missing.

    Raises:
        InvalidField: It is none.
    """
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise InvalidField(name, "not a list of texts")
