"""Editable members in forms: the field of each, what it shows at first, and what was entered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import EditableMember, MemberKind, editable_members
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.labels import CHOICE_LABELS

KINDS: Mapping[MemberKind, Kind] = {
    MemberKind.TEXT: Kind.TEXT,
    MemberKind.FLAG: Kind.FLAG,
    MemberKind.NUMBER: Kind.NUMBER,
    MemberKind.CHOICE: Kind.CHOICE,
    MemberKind.CHOICES: Kind.CHOICES,
    MemberKind.TEXTS: Kind.LINES,
    MemberKind.PICTURE: Kind.PICTURE,
}


@attrs.frozen(kw_only=True)
class MemberField(Field):
    """
    The field of an editable member.

    Attributes:
        member: Which one.
    """

    member: EditableMember


def member_fields(changes: type[Any], labels: Mapping[str, str]) -> tuple[MemberField, ...]:
    """Return the fields of the members of *changes* that *labels* name, each as `member_field`."""
    return tuple(member_field(changes, name, label) for name, label in labels.items())


def member_field(changes: type[Any], name: str, label: str, hint: str = "") -> MemberField:
    """
    Return the field of the editable member of *changes* with this name.

    Args:
        changes: What is edited, such as `OriginChanges`.
        name: The member's.
        label: What the person reads beside the field.
        hint: What helps to fill it in; by default what the member itself says.
    """
    member = editable_members(changes)[name]
    hint = hint or member.help.replace("`", "")
    if member.cleared and member.kind in {MemberKind.TEXT, MemberKind.NUMBER, MemberKind.TEXTS}:
        hint = f"{hint} Empty: {member.cleared}."
    is_choice = member.kind in {MemberKind.CHOICE, MemberKind.CHOICES}
    labels = CHOICE_LABELS[type(member.choices[0])] if is_choice else {}
    options = tuple((choice.value, labels[choice]) for choice in member.choices)
    if member.kind is MemberKind.CHOICE and member.cleared:
        options = (("", labels[None]), *options)
    return MemberField(
        name=name.replace(".", "_"),
        label=label,
        hint=hint,
        kind=KINDS[member.kind],
        options=options,
        required=not member.cleared and (member.kind is MemberKind.CHOICE or bool(member.size)),
        meant_by=(member.wire,),
        member=member,
    )


def member_values(record: Any, fields: Iterable[MemberField]) -> dict[str, tuple[str, ...]]:
    """Return what stands in *fields* at first: what *record* has."""
    return {field.name: _texts(field, field.member.shown_value(record)) for field in fields}


def _texts(field: MemberField, value: Any) -> tuple[str, ...]:
    match value:
        case None | False:
            return ()
        case True:
            return ("yes",)
        case Enum():
            return (str(value.value),)
        case tuple() if field.kind is Kind.LINES:
            return ("\n".join(value),)
        case tuple():
            return tuple(str(choice.value) for choice in value)
    return (str(value),)


def entered_changes(form: FilledForm, fields: Iterable[MemberField]) -> dict[str, Any]:
    """
    Return what was entered in *fields*, as arguments of the use case; an empty field clears.

    Raises:
        InvalidField: A number is none.
    """
    changes: dict[str, Any] = {}
    for field in fields:
        argument, _, inner = field.member.name.partition(".")
        value = _entered_value(form, field)
        if inner:
            changes.setdefault(argument, {})[inner] = value
        else:
            changes[argument] = value
    return changes


def _entered_value(form: FilledForm, field: MemberField) -> Any:
    member = field.member
    chosen = [each for each in member.choices if each.value in form.values.get(field.name, ())]
    match field.kind:
        case Kind.FLAG:
            return form.flag(field.name)
        case Kind.NUMBER:
            number = form.number(field.name)
            return member.empty if number is None else number
        case Kind.CHOICE:
            if not chosen and form.text(field.name):
                raise InvalidField(field.name, "not one of the choices")
            return chosen[0] if chosen else member.empty
        case Kind.CHOICES:
            return chosen
        case Kind.LINES:
            return form.lines(field.name)
    return form.text(field.name) or member.empty
