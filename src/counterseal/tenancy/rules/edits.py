"""
Rules of edits: what becomes of the editable members of an App Space or an origin.

`counterseal.models.editable` lists these members.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from counterseal import keys, tenancy
from counterseal._input_limits import text_fits
from counterseal.errors import InvalidField
from counterseal.models import EditableMember, MemberKind, editable_members, replace
from counterseal.policy import Policy


def edited_members(
    policy: Policy, record: Any, changes: Mapping[str, Any], kind: type[Any]
) -> dict[str, Any]:
    """
    Return the members of *record* that *changes* are about, with their new values.

    InvalidField refuses a value that does not fit its member.

    Args:
        changes: As `flat_changes` returns them for *kind*.
    """
    members = editable_members(kind)
    edited: dict[str, Any] = {}
    for name, value in changes.items():
        member = members[name]
        outer, _, inner = member.path.partition(".")
        holder = edited.get(outer, getattr(record, outer)) if inner else record
        if member.empty is not None and value == member.empty:
            stored_value = attrs.fields_dict(type(holder))[inner or outer].default
        else:
            stored_value = _stored_value(policy, member, value)
        edited[outer] = replace(holder, **{inner: stored_value}) if inner else stored_value
    return edited


def _stored_value(policy: Policy, member: EditableMember, value: Any) -> Any:
    match member.kind:
        case MemberKind.TEXT if member.size:
            limit = getattr(policy, member.size)
            text_fits(value, limit, member.wire, trimmed=not member.cleared)
        case MemberKind.TEXT | MemberKind.TEXTS if member.pattern:
            _require_pattern(member, member.pattern, value)
        case MemberKind.NUMBER:
            if type(value) is not int or not 1 <= value <= member.most:
                raise InvalidField(member.wire, f"not within 1 and {member.most}")
        case MemberKind.FLAG:
            if not isinstance(value, bool):
                raise InvalidField(member.wire, "neither true nor false")
        case MemberKind.CHOICE:
            _require_choices(member, [value])
        case MemberKind.CHOICES:
            _require_choices(member, value)
            return tuple(choice for choice in member.choices if choice in value)
        case MemberKind.PICTURE:
            tenancy.logo_fits(value, member.wire)
            return keys.digest(value)
    return value


def _require_pattern(member: EditableMember, pattern: str, value: Any) -> None:
    texts = value if member.kind is MemberKind.TEXTS else [value]
    if isinstance(texts, str) or (member.most and len(texts) > member.most):
        raise InvalidField(member.wire, f"not a list of {member.most} at most")
    if not all(isinstance(text, str) and re.fullmatch(pattern, text) for text in texts):
        raise InvalidField(member.wire, f"not {member.example}")


def _require_choices(member: EditableMember, values: Iterable[Any]) -> None:
    if not all(value in member.choices for value in values):
        choices = ", ".join(str(choice.value) for choice in member.choices)
        raise InvalidField(member.wire, f"not one of {choices}")
