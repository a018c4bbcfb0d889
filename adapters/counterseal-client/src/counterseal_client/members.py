"""Members of a JSON object that came from outside, each demanded with its type."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import attrs

from counterseal.errors import InvalidField, MalformedToken
from counterseal.models import Guid
from counterseal.models.guid import parse
from counterseal.wire.claims import parse_time

E = TypeVar("E", bound=enum.Enum)


@attrs.frozen
class Members:
    """
    Reads one object; members that nobody asks for are ignored.

    Each verb raises `InvalidField`, which names the member and holds no value.
    `type` and not `isinstance` decides: true is no number here.
    """

    document: Mapping[str, Any] = attrs.field(repr=False)

    @classmethod
    def of(cls, value: object, field: str = "body") -> Members:
        """
        Demand an object.

        Raises:
            InvalidField: It is none.
        """
        if not isinstance(value, Mapping):
            raise InvalidField(field, "not a JSON object")
        return cls(value)

    def has(self, name: str) -> bool:
        """Return whether the member is there and not null."""
        return self.document.get(name) is not None

    def text(self, name: str, *, empty: bool = False) -> str:
        """
        Return a text.

        Raises:
            InvalidField: It is missing, empty or no text.
        """
        value = self.document.get(name)
        if type(value) is not str or not (value or empty):
            raise InvalidField(name, "missing, empty or not a text")
        return value

    def text_or_none(self, name: str) -> str | None:
        """
        Return a text where there is one.

        Raises:
            InvalidField: It is something else.
        """
        return self.text(name, empty=True) if self.has(name) else None

    def flag(self, name: str) -> bool:
        """
        Return a boolean.

        Raises:
            InvalidField: It is missing or none.
        """
        value = self.document.get(name)
        if type(value) is not bool:
            raise InvalidField(name, "missing or not a boolean")
        return value

    def index_or_none(self, name: str) -> int | None:
        """
        Return an integer of at least 0 where there is one.

        Raises:
            InvalidField: It is something else.
        """
        value = self.document.get(name)
        if value is None:
            return None
        if type(value) is not int or value < 0:
            raise InvalidField(name, "not an index")
        return value

    def guid(self, name: str) -> Guid:
        """
        Return a GUID.

        Raises:
            InvalidField: It is missing or none.
        """
        return parse(self.document.get(name), field=name)

    def guid_or_none(self, name: str) -> Guid | None:
        """
        Return a GUID where there is one.

        Raises:
            InvalidField: It is something else.
        """
        return self.guid(name) if self.has(name) else None

    def moment(self, name: str) -> datetime:
        """
        Return a moment.

        Raises:
            InvalidField: It is missing or none.
        """
        try:
            return parse_time(self.text(name))
        except MalformedToken:
            raise InvalidField(name, "not a moment") from None

    def moment_or_none(self, name: str) -> datetime | None:
        """
        Return a moment where there is one.

        Raises:
            InvalidField: It is something else.
        """
        return self.moment(name) if self.has(name) else None

    def choice(self, name: str, kind: type[E]) -> E:
        """
        Return a value of an enumeration.

        Raises:
            InvalidField: It is missing or none.
        """
        value = self.text(name)
        try:
            return kind(value)
        except ValueError:
            raise InvalidField(name, "not a known value") from None

    def objects(self, name: str) -> tuple[Members, ...]:
        """
        Return a list of objects.

        Raises:
            InvalidField: It is missing, or not such a list.
        """
        value = self.document.get(name)
        if not isinstance(value, list):
            raise InvalidField(name, "missing or not a list")
        return tuple(Members.of(each, name) for each in value)
