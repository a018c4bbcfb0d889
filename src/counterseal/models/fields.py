"""
Validators of the fields of records; each raises InvalidField with the field's name.

The limits of a policy are not checked here, but by `counterseal.rules`, before a record is made.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from counterseal.errors import InvalidField

_UTC_OFFSET = timedelta(0)


def utc(_: Any, attribute: attrs.Attribute[Any], value: datetime) -> None:
    """Demand an aware datetime in UTC."""
    if type(value) is datetime and value.tzinfo is UTC:
        return
    if not isinstance(value, datetime) or value.utcoffset() != _UTC_OFFSET:
        raise InvalidField(attribute.name, "not an aware datetime in UTC")


def maybe_utc(owner: Any, attribute: attrs.Attribute[Any], value: datetime | None) -> None:
    """Demand None or an aware datetime in UTC."""
    if value is not None:
        utc(owner, attribute, value)


def text(_: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    """Demand text that is not empty."""
    if not isinstance(value, str) or not value:
        raise InvalidField(attribute.name, "not a text, or empty")


def count(_: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    """Demand a whole number of zero or more."""
    if type(value) is not int or value < 0:
        raise InvalidField(attribute.name, "not a whole number of zero or more")
