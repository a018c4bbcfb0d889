"""
Records, and audit events, as JSON: explicit, versioned, and nothing that could run.

A body is an object of three members:

- `kind`: the kind's stable name, one of `KINDS`, which is not the name of a class;
- `schema`: the number of the kind's form;
- `fields`: every field by its name, whether it has its default or not.
  Times are ISO 8601 in UTC, bytes are base64, enums their values, tuples arrays.

A field that is added with a default needs no new number: older bodies are read with the default.
Whatever else changes takes the next number, and a step in `STEPS` that makes the older form
into the newer one.
A release reads what older ones have written; it refuses what it does not know in every part.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import attrs
from cattrs import Converter

from counterseal.models import (
    Account,
    Admin,
    AppSpace,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Company,
    Login,
    Origin,
    Record,
)
from counterseal_records.errors import RecordUnreadable

R = TypeVar("R")

Stored: TypeAlias = Record | AuditEvent
Fields: TypeAlias = dict[str, Any]


@attrs.frozen
class Kind:
    """
    A kind of record.

    Attributes:
        name: What it is called at rest, for ever.
        schema: The number of the form in which this release writes it.
    """

    name: str
    schema: int


KINDS: Mapping[type[Stored], Kind] = MappingProxyType(
    {
        Company: Kind("company", 1),
        AppSpace: Kind("app_space", 1),
        Origin: Kind("origin", 1),
        Admin: Kind("admin", 1),
        Account: Kind("account", 1),
        Binding: Kind("binding", 1),
        Login: Kind("login", 1),
        Challenge: Kind("challenge", 1),
        Callback: Kind("callback", 1),
        AuditEvent: Kind("event", 1),
    }
)

STEPS: Mapping[tuple[str, int], Callable[[Fields], Fields]] = MappingProxyType({})
"""From the form with this number to the next."""

_CLASSES = {kind.name: cls for cls, kind in KINDS.items()}


def write(record: Stored) -> str:
    """Return *record* as JSON, in ASCII."""
    kind = KINDS[type(record)]
    fields = _CONVERTER.unstructure(record)
    body = {"kind": kind.name, "schema": kind.schema, "fields": fields}
    return _JSON.encode(body)


def read(body: str | bytes) -> Stored:
    """
    Return what *body* holds.

    Raises:
        RecordUnreadable: It is nothing that this release knows, or is broken.
    """
    try:
        return _kept(body) if body.startswith(_STEADY[type(body)]) else _read(body)
    except Exception as error:
        # Whatever a broken body makes the converter or a record's validators raise.
        raise RecordUnreadable from error


def read_as(expected: type[R], body: str | bytes) -> R:
    """
    Return what *body* holds, which has to be of one kind.

    Raises:
        RecordUnreadable: It is of another, or is nothing that this release knows.
    """
    record = read(body)
    if not isinstance(record, expected):
        raise RecordUnreadable
    return record


def read_record(body: str | bytes) -> Record:
    """
    Return the record that *body* holds.

    Raises:
        RecordUnreadable: It holds none that this release knows.
    """
    record = read(body)
    if isinstance(record, AuditEvent):
        raise RecordUnreadable
    return record


def _read(text: str | bytes) -> Stored:
    body = json.loads(text)
    name, number, fields = body["kind"], body["schema"], body["fields"]
    cls = _CLASSES[name]
    while number != KINDS[cls].schema:
        fields, number = STEPS[name, number](fields), number + 1
    return _CONVERTER.structure(fields, cls)


def _made() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=False)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(bytes, lambda raw: b64encode(raw).decode())
    converter.register_structure_hook(bytes, lambda text, _: b64decode(text, validate=True))
    # JSON has these, so a value of another type is an error and nothing to be converted.
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _exactly)
    return converter


def _exactly(value: Any, wanted: type[R]) -> R:
    if type(value) is not wanted:
        raise TypeError
    return value


# Tenancy is read at every call, changes seldom, and is of nobody who could ask to be forgotten.
_HEADS = [f'{{"kind":"{KINDS[kind].name}"' for kind in (Company, AppSpace, Origin, Admin)]
_STEADY: Mapping[type, Any] = {str: tuple(_HEADS), bytes: tuple(map(str.encode, _HEADS))}
_kept = lru_cache(maxsize=1_024)(_read)

_CONVERTER = _made()
_JSON = json.JSONEncoder(separators=(",", ":"))
