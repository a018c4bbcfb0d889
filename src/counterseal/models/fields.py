"""
The fields of records: their validators, and how they change.

A validator raises InvalidField with the field's name. The limits of a policy are not checked here,
but by rules, before a record is made.

`revise` makes the next version of a stored record, and `replace` a changed copy of a value. Both
return what `attrs.evolve` returns, and validate only the fields that change: the others were
validated when the record was made, and a record is frozen. The copying code is compiled once for
each class and set of changed fields.

What every call reads from the store validates its fields in one function, `check_together`: msgspec
makes it, and calls each validator of a class by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import attrs

from counterseal.errors import InvalidField
from counterseal.models.record import Record

R = TypeVar("R", bound=Record)
V = TypeVar("V")

_Copy = Callable[[Any, dict[str, Any]], Any]

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


_HOLDS = {
    utc: "type({0}) is datetime and {0}.tzinfo is UTC",
    maybe_utc: "{0} is None or type({0}) is datetime and {0}.tzinfo is UTC",
    text: "type({0}) is str and {0}",
    count: "type({0}) is int and {0} >= 0",
}
"""Under which condition a validator has nothing to refuse."""

_VALIDATOR = "validator"


def check_together(
    kind: type[Any], attributes: list[attrs.Attribute[Any]]
) -> list[attrs.Attribute[Any]]:
    """
    Have instances of *kind* validate their fields in one function, which is compiled for it.

    A field transformer of attrs; `validator_of` returns the validator of a field.
    """
    names: dict[str, Any] = {"datetime": datetime, "UTC": UTC}
    lines = ["def validate(record):"]
    for field in attributes:
        if field.validator is not None:
            name, value = field.name, f"record.{field.name}"
            names[f"validate_{name}"], names[f"field_{name}"] = field.validator, field
            lines.append(f"    if not ({_HOLDS[field.validator].format(value)}):")
            lines.append(f"        validate_{name}(record, field_{name}, {value})")
    exec("\n".join(lines), names)  # noqa: S102 (as in `_compiled`)
    kind.__attrs_post_init__ = names["validate"]
    return [
        field.evolve(validator=None, metadata={**field.metadata, _VALIDATOR: field.validator})
        for field in attributes
    ]


def validator_of(field: attrs.Attribute[Any]) -> Any:
    """Return the validator of *field*; None if it has none."""
    return field.metadata.get(_VALIDATOR, field.validator)


def revise(stored: R, **changes: Any) -> R:
    """
    Return the next version of a stored record.

    A decision revises a record once, from the stored record; collect all changes first, as plain
    values.

    Raises:
        InvalidField: A new value does not fit its field.
        TypeError: The record has no such field, or *changes* name its version.
    """
    kind: Any = type(stored)
    return _revision(kind, tuple(changes))(stored, changes)  # type: ignore[no-any-return]


def replace(value: V, **changes: Any) -> V:
    """Return a copy of a value that has no version, with *changes*; errors as in `revise`."""
    kind: Any = type(value)
    return _replacement(kind, tuple(changes))(value, changes)  # type: ignore[no-any-return]


@lru_cache(maxsize=1024)
def _revision(kind: type[Any], changed: tuple[str, ...]) -> _Copy:
    if "version" in changed:
        raise TypeError("a revision's version follows from the stored record's")
    return _compiled(kind, changed, {"version": "old.version + 1"})


@lru_cache(maxsize=1024)
def _replacement(kind: type[Any], changed: tuple[str, ...]) -> _Copy:
    return _compiled(kind, changed, {})


def _compiled(kind: type[Any], changed: tuple[str, ...], computed: dict[str, str]) -> _Copy:
    """
    Compile the copying of *kind*, by the same means as attrs compiles its initialiser.

    The source contains only names of fields, which are Python identifiers. The object is new and
    not shared yet, so its fields may be set although its class is frozen.
    """
    fields = attrs.fields_dict(kind)
    unknown = [name for name in changed if name not in fields]
    if unknown:
        raise TypeError(f"{kind.__name__} has no field {', '.join(unknown)}")
    names: dict[str, Any] = {
        "kind": kind,
        "create": object.__new__,
        "bind": object.__setattr__.__get__,
    }
    lines = ["def copy(old, changes):", "    new = create(kind)", "    put = bind(new)"]
    checks = []
    for name, field in fields.items():
        if name in changed:
            value = f"changes[{name!r}]"
            validator = validator_of(field)
            if validator is not None:
                names[f"validate_{name}"], names[f"field_{name}"] = validator, field
                checks.append(f"    validate_{name}(new, field_{name}, new.{name})")
        else:
            value = computed.get(name, f"old.{name}")
        lines.append(f"    put({name!r}, {value})")
    exec("\n".join([*lines, *checks, "    return new"]), names)  # noqa: S102 (see above)
    return names["copy"]  # type: ignore[no-any-return]
