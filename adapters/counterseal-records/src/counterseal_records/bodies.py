"""
Records and audit events as JSON: explicit, versioned, and without anything that could run.

A body is an object of three members:

- `kind`: the kind's stable name, one of `KINDS`, which is not the name of a class;
- `schema`: the number of the kind's form;
- `fields`: every field by its name, whether it has its default or not, except those in `LEFT_OUT`
  and `LEFT_OUT_IN_LISTS`.
  Times are ISO 8601 in UTC, bytes are base64, enums their values, tuples arrays.

msgspec reads and writes them in a tenth of the time that a converter in Python takes, but it
overlooks members that it does not know.
So a record that it decodes counts only if encoding it again gives the same text. Any other text, of
an older release or of an unknown writer, is decoded by cattrs, which refuses unknown members.
A store that keeps a body's form beside it (`form_of`) needs no second encoding.

A field that is added with a default needs no new number: older bodies are read with the default.
Every other change takes the next number, and a step in `STEPS` that turns the older form into the
newer one.
A release reads the bodies of older releases. It refuses a body with any part that it does not know.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import attrs
import msgspec
from cattrs import Converter

from counterseal.errors import Unavailable
from counterseal.kinds import RecordKind
from counterseal.models import (
    Account,
    Admin,
    AppSpace,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Company,
    Origin,
    Record,
    Session,
)

R = TypeVar("R")

Stored: TypeAlias = Record | AuditEvent
Fields: TypeAlias = dict[str, Any]


class RecordUnreadable(Unavailable, code="record_unreadable"):
    """A stored body holds no record that this release can read."""


@attrs.frozen
class Kind:
    """
    A kind of record.

    Attributes:
        name: Its name in stored bodies; it never changes.
        schema: The number of the form in which this release writes it.
    """

    name: str
    schema: int


STEPS: Mapping[tuple[str, int], Callable[[Fields], Fields]] = MappingProxyType({})
"""From the form with this number to the next."""


def _kind(name: str) -> Kind:
    return Kind(name, 1 + sum(step == name for step, _ in STEPS))


KINDS: Mapping[type[Stored], Kind] = MappingProxyType(
    {kind.record_class: _kind(kind.stored_name) for kind in RecordKind}
    | {AuditEvent: _kind("event")}
)
"""Every kind of record, and the events of the audit log, by their classes."""

# None of them is the last of its object.
_OF_ACTIONS = tuple(
    f'"{name}":null,'.encode()
    for name in (
        *("action_life", "action_life_limit", "action_validity", "action_validity_limit"),
        "arguments_required",
    )
)
LEFT_OUT: Mapping[type[Stored], tuple[bytes, ...]] = MappingProxyType(
    {
        Company: (b',"verified_name":null',),
        AppSpace: (b',"document_hosts":[]', *_OF_ACTIONS),
        Origin: (
            b',"backchannel":null',
            b'"endpoint_audiences":false,',  # of its `backchannel`
            *(*_OF_ACTIONS, b',"realm":null', b',"role":"full"', b',"token_generation":0'),
        ),
        Session: (b',"proofs":[]',),
        Account: (b',"mailed_link":null',),
        Binding: (
            *(b',"admin":null', b',"language":""', b',"session":null'),
            *(b',"sessions_end_at":null', b',"suspensions":0'),
        ),
        Challenge: (
            *(b',"action":null', b',"backchannel":null'),
            b',"token_generation":0',  # of its `backchannel`
            b',"channel":null',
            b',"suspensions":0',  # of its `outcome`
            b',"submission":null',
        ),
        Callback: (b',"begun_at":null', b',"once":false', b',"trace":null'),
    }
)
"""
The fields of a kind that are left out where they have their default, in the order of their places;
no other field has the name.

An older release, which does not know the fields, reads such a body too: both can share a store, as
long as nobody sets them.
"""

LEFT_OUT_IN_LISTS: Mapping[type[Stored], tuple[bytes, ...]] = MappingProxyType(
    {Account: (b',"language":"","last_seen_at":null',)}  # of its `devices`
)
"""Likewise, of each entry of a list; the fields of an entry that are beside each other at once."""

_CLASSES = {kind.name: cls for cls, kind in KINDS.items()}


def write(record: Stored) -> str:
    """Return *record* as JSON, in ASCII."""
    return write_bytes(record).decode()


def write_bytes(record: Stored) -> bytes:
    """Return *record* as JSON, as the bytes of its ASCII."""
    try:
        fields = _ENCODER.encode(record)
    except UnicodeEncodeError:
        # JSON can hold half a surrogate pair, and UTF-8 cannot.
        fields = _JSON.encode(_CONVERTER.unstructure(record)).encode("ascii", _ESCAPED)
    fields = _without(LEFT_OUT.get(type(record), ()), fields)
    for defaults in LEFT_OUT_IN_LISTS.get(type(record), ()):
        fields = fields.replace(defaults, b"")
    if not fields.isascii():
        fields = fields.decode().encode("ascii", _ESCAPED)
    return b"%b%b%b}" % (_HEADS[type(record)], _FIELDS, fields)


def _without(defaults: Sequence[bytes], fields: bytes) -> bytes:
    """Return *fields* without the first of each of *defaults*, which are in order."""
    pieces, begin = [], 0
    for default in defaults:
        # In a text, its quotation marks would be escaped.
        position = fields.find(default, begin)
        if position >= 0:
            pieces.append(fields[begin:position])
            begin = position + len(default)
    return b"".join((*pieces, fields[begin:])) if pieces else fields


def form_of(record: Stored) -> bytes:
    """
    Return the form in which this release writes records of that kind, as four letters.

    It is finer than `Kind.schema`: a release with one more field has another form.
    """
    return _forms()[_HEADS[type(record)]]


def read(body: str | bytes, form: bytes = b"") -> Stored:
    """
    Return the record or audit event in *body*.

    Args:
        body: As `write` returns it.
        form: The value of `form_of` when the body was written, if the caller knows it.
            A body of this release's own form has no unknown member, so it is not encoded again
            to look for one.

    Raises:
        RecordUnreadable: *body* is broken, or of a kind or form that this release does not know.
    """
    try:
        text = body if isinstance(body, bytes) else body.encode()
        return _decode_cached(text) if text.startswith(_TENANCY) else _decode(text, form)
    except Exception as error:
        # A broken body can make the converter or a record's validators raise anything.
        raise RecordUnreadable from error


def read_as(expected: type[R], body: str | bytes, form: bytes = b"") -> R:
    """
    Return what *body* holds, as an instance of *expected*; *form* is that of `read`.

    Raises:
        RecordUnreadable: *body* holds something else, or cannot be read.
    """
    record = read(body, form)
    if not isinstance(record, expected):
        raise RecordUnreadable
    return record


def read_record(body: str | bytes, form: bytes = b"") -> Record:
    """
    Return the record that *body* holds; *form* is that of `read`.

    Raises:
        RecordUnreadable: *body* holds no record, or cannot be read.
    """
    record = read(body, form)
    if isinstance(record, AuditEvent):
        raise RecordUnreadable
    return record


def _decode(text: bytes, form: bytes = b"") -> Stored:
    head, _, rest = text.partition(_FIELDS)
    decoder = _DECODERS.get(head)
    if decoder is not None:
        try:
            record: Stored = decoder.decode(rest[:-1])
        except msgspec.DecodeError:
            return _decode_strictly(text)
        if (form and form == _forms()[head]) or write_bytes(record) == text:
            return record
    return _decode_strictly(text)


def _decode_strictly(text: bytes) -> Stored:
    body = json.loads(text.decode())
    name, number, fields = body["kind"], body["schema"], body["fields"]
    cls = _CLASSES[name]
    while number != KINDS[cls].schema:
        fields, number = STEPS[name, number](fields), number + 1
    return _CONVERTER.structure(fields, cls)


@cache
def _forms() -> Mapping[bytes, bytes]:
    # The keys are the bodies' first bytes. A schema has each member's name and type, at any depth.
    return {head: _digested(msgspec.json.schema(cls)) for cls, head in _HEADS.items()}


def _digested(schema: Mapping[str, Any]) -> bytes:
    text = json.dumps(schema, sort_keys=True)
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:3])


def _new_converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=False)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(bytes, lambda raw: b64encode(raw).decode())
    converter.register_structure_hook(bytes, lambda text, _: b64decode(text, validate=True))
    # JSON has these types, so a value of another type is an error and is not converted.
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _exactly)
    return converter


def _exactly(value: Any, expected: type[R]) -> R:
    if type(value) is not expected:
        raise TypeError
    return value


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    beyond = error.object[error.start : error.end]
    return encode_basestring_ascii(beyond)[1:-1], error.end


_ESCAPED = "counterseal_records.escaped"
codecs.register_error(_ESCAPED, _escaped)

_FIELDS = b',"fields":'
_HEADS: Mapping[type, bytes] = {
    cls: f'{{"kind":"{kind.name}","schema":{kind.schema}'.encode() for cls, kind in KINDS.items()
}
_DECODERS: Mapping[bytes, msgspec.json.Decoder[Any]] = {
    head: msgspec.json.Decoder(cls) for cls, head in _HEADS.items()
}
_ENCODER = msgspec.json.Encoder()

# Every call reads tenancy records. They change seldom, and hold no person's data to be erased.
_TENANCY = tuple(_HEADS[kind] for kind in (Company, AppSpace, Origin, Admin))
_decode_cached = lru_cache(maxsize=1_024)(_decode)

_CONVERTER = _new_converter()
# In the order of the encoder of msgspec.
_JSON = json.JSONEncoder(separators=(",", ":"), sort_keys=True)
