"""Editable members in JSON: read from the bodies of calls, and written into documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from counterseal.models import EditableMember, MemberKind, editable_members
from counterseal.wire.members import read_optional_text
from counterseal_web.members import (
    read_bytes,
    read_choice,
    read_flag,
    read_integer,
    read_object,
    read_texts,
)


def read_changes(body: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """
    Return what *body* changes of the editable members of *kind*, as arguments of the use case.

    Raises:
        InvalidField: A member is not of its kind.
    """
    changes: dict[str, Any] = {}
    for member in editable_members(kind).values():
        outer, _, inner = member.wire.partition(".")
        value = (read_object(body, outer) if inner else body).get(inner or outer)
        if value is None:
            continue
        argument, _, name = member.name.partition(".")
        if name:
            changes.setdefault(argument, {})[name] = _read_value(member, value)
        else:
            changes[argument] = _read_value(member, value)
    return changes


def _read_value(member: EditableMember, value: Any) -> Any:
    field, document = member.wire, {member.wire: value}
    if value == member.empty:
        return value
    match member.kind:
        case MemberKind.CHOICE:
            return read_choice(value, member.choices, field)
        case MemberKind.CHOICES:
            texts = read_texts(document, field) or ()
            return [read_choice(text, member.choices, field) for text in texts]
        case MemberKind.PICTURE:
            return read_bytes(document, field, field)
    return _READERS[member.kind](document, field)


_READERS: Mapping[MemberKind, Callable[[Mapping[str, Any], str], Any]] = {
    MemberKind.TEXT: read_optional_text,
    MemberKind.FLAG: read_flag,
    MemberKind.NUMBER: read_integer,
    MemberKind.TEXTS: read_texts,
}


def members_document(record: Any, kind: type[Any]) -> dict[str, Any]:
    """Return the editable members of *record*; a picture is shown by its digest."""
    document: dict[str, Any] = {}
    for member in editable_members(kind).values():
        outer, _, inner = shown_name(member).partition(".")
        if not inner:
            document[outer] = _shown_value(member.shown_value(record))
        elif _is_absent(member, record):
            document[outer] = None
        else:
            document.setdefault(outer, {})[inner] = _shown_value(member.shown_value(record))
    return document


def shown_name(member: EditableMember) -> str:
    """Return the name of what is shown of *member*."""
    return f"{member.wire}Digest" if member.kind is MemberKind.PICTURE else member.wire


def _is_absent(member: EditableMember, record: Any) -> bool:
    holder, dot, _ = member.path.partition(".")
    return bool(dot) and getattr(record, holder) is None


def _shown_value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return [_shown_value(item) for item in value] if isinstance(value, tuple) else value
