"""
Settings of the policy, as administrators write and read them in JSON.

A duration is a number of seconds, an enum's member its value, a set a list of these, sorted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from counterseal import ijson
from counterseal.errors import InvalidField
from counterseal.models import Algorithm, OriginPolicy
from counterseal.narrowing import FIELDS, EffectiveSetting, own_settings

LONGEST = 10**9
"""Seconds; no setting is as long."""


def read_settings(document: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the settings that *document* changes, with values as `Policy` has them.

    None removes a setting. An unknown name is returned as it is, for the caller to refuse.

    Raises:
        InvalidField: A value is not of its setting's kind; `field` is `policy.` and the name.
    """
    return {
        name: value if value is None or name not in FIELDS else _read_value(name, value)
        for name, value in document.items()
    }


def write_settings(policy: OriginPolicy | None) -> dict[str, Any]:
    """Return what an App Space or an origin narrows, by name."""
    return {name: write_value(value) for name, value in own_settings(policy).items()}


def effective_document(setting: EffectiveSetting) -> dict[str, Any]:
    """Return one setting: the value that applies, and that of each level, null if it has none."""
    return {
        "name": setting.name,
        "value": write_value(setting.value),
        "decidedBy": setting.decided_by.value,
        "boundedBy": setting.bounded_by or None,
        "service": write_value(setting.service),
        "appSpace": write_value(setting.app_space),
        "origin": write_value(setting.origin),
    }


def write_value(value: Any) -> Any:
    """Return a setting's value as JSON has it."""
    match value:
        case timedelta():
            seconds = value.total_seconds()
            return int(seconds) if seconds.is_integer() else seconds
        case Enum():
            return value.value
        case frozenset():
            return sorted(map(write_value, value))
        case tuple():
            return [write_value(each) for each in value]
    return value


def _read_value(name: str, value: Any) -> Any:
    field, default = f"policy.{ijson.printable(name)}", FIELDS[name].default
    match default:
        case timedelta():
            if type(value) is not int or not 0 <= value <= LONGEST:
                raise InvalidField(field, "not a whole number of seconds")
            return timedelta(seconds=value)
        case Enum():
            return _read_member(type(default), value, field)
        case frozenset():
            if not isinstance(value, list):
                raise InvalidField(field, "not a list")
            members = FIELDS[name].metadata["members"] or Algorithm
            return frozenset(_read_member(members, each, field) for each in value)
    return value


def _read_member(kind: type[Enum], value: Any, field: str) -> Enum:
    for member in kind:
        if member.value == value:
            return member
    raise InvalidField(field, f"not one of {', '.join(member.value for member in kind)}")
