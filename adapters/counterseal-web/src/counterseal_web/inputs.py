"""
Inputs: the query and the body of a call, as its operation declares them.

What an operation does not declare is refused by name before its handler runs, at any depth.
A call without a body may bring an empty document, which says nothing: `{}`.
"""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable, Mapping
from typing import Any

import attrs

import counterseal as cs
from counterseal.errors import InvalidField
from counterseal.models import replace
from counterseal.wire.members import EVERYTHING, require_known
from counterseal_web.admin.schemas import ADMIN_SCHEMAS
from counterseal_web.calls import Call
from counterseal_web.forms import read_form
from counterseal_web.messages import FORM, JOSE, JSON
from counterseal_web.operations import Operation, Payload
from counterseal_web.problems import UnsupportedMediaTypeError
from counterseal_web.schemas import SCHEMAS, Schema

CHARSETS = ("utf-8", "utf8")

MEDIA_TYPES: dict[Payload, tuple[str, ...]] = {
    Payload.NONE: (),
    Payload.JSON: (JSON,),
    Payload.FORM: (JSON, FORM),
    Payload.TOKEN: (JOSE,),
}
"""What each kind of body may call itself."""


def demand_type(call: Call, payload: Payload) -> None:
    """
    Refuse a body of another type than *payload* has.

    Raises:
        UnsupportedMediaTypeError: It is.
    """
    if payload is Payload.NONE:
        return
    accepted = MEDIA_TYPES[payload]
    if call.media_type not in accepted:
        raise UnsupportedMediaTypeError(accepted, f"not {' or '.join(accepted)}")
    if call.charset not in CHARSETS:
        raise UnsupportedMediaTypeError(accepted, "a charset that is not UTF-8")


def read_body(call: Call) -> Mapping[str, Any]:
    """
    Return the body as a document, from JSON or from a form.

    Raises:
        InvalidField: It is malformed, or no JSON object.
    """
    body = read_form(call.body) if call.media_type == FORM else cs.read_json(call.body)
    if not isinstance(body, dict):
        raise InvalidField("body", "not a JSON object")
    return body


class Location(enum.Enum):
    """Where a name is used."""

    QUERY = "query"
    BODY = "body"


@attrs.frozen
class Ignored:
    """
    Names that an operation neither knows nor refuses; all others are refused by name.

    Attributes:
        operation: The call's id.
        location: Of which part of the call.
        names: Which ones.
        sender: The kind of client that sends them.
        reason: Why they have to be ignored.
    """

    operation: str
    location: Location
    names: Container[str]
    sender: str
    reason: str


IGNORED = (
    Ignored(
        "comeBack",
        Location.QUERY,
        EVERYTHING,
        "an Identity Provider, by the user's browser",
        "RFC 6749, 4.1.2: the client MUST ignore unrecognized response parameters",
    ),
    Ignored(
        "logOut",
        Location.BODY,
        EVERYTHING,
        "an Identity Provider",
        "OpenID Connect Back-Channel Logout 1.0, 2.5: values that are not understood MUST be"
        " ignored",
    ),
)
"""
The closed list of what is ignored.

- Of calls that clients of the Privakey CX service make, a member stands here only if a recorded
  client sends it.
  C-milo, C-mern and C-ue send none that we do not know, in JSON or in forms.
  (An early C-ue sent `type` beside `callbackUrl`, for a WebAuthn domain; `callbackType` replaced
  it. To ignore it would allow callbacks to an address that no caller named.)
- The credential in two WebAuthn calls is written by a user's browser, which may add members: its
  schema says so, and they are ignored.
- Two calls are made by Identity Providers, and their standards demand to ignore the rest,
  whatever its name: there a near miss of a known name is ignored too.
"""


@attrs.frozen
class Shape:
    """
    The names that a value may have, at any depth.

    Attributes:
        members: What an object may have; None if that is open, or if it is to be no object.
        items: What each element of a list may have.
        others: Whether an object inside of the body may have others too.
    """

    members: Mapping[str, Shape] | None = None
    items: Shape | None = None
    others: bool = False


NO_NAMES = Shape()


@attrs.frozen
class Inputs:
    """
    What one operation takes.

    Attributes:
        operation: Which.
        payload: How its body is written.
        parameters: Of the query, by name.
        body: The names of the body.
        ignored_parameters: Of the query, names that are neither known nor refused.
        ignored_members: Of the body, such names.
    """

    operation: Operation
    payload: Payload
    parameters: frozenset[str]
    body: Shape
    ignored_parameters: Container[str]
    ignored_members: Container[str]

    @classmethod
    def of(cls, operation: Operation, entries: Iterable[Ignored] = IGNORED) -> Inputs:
        """
        Return what *operation* takes.

        Args:
            operation: As the table has it.
            entries: What calls ignore.
        """
        payload = operation.payload
        reads = payload in {Payload.JSON, Payload.FORM}
        ignored = {each.location: each.names for each in entries if each.operation == operation.id}
        return cls(
            operation,
            payload,
            frozenset({*operation.needs, *operation.query}),
            shape_of(BODIES[operation.takes]) if reads and operation.takes else Shape(members={}),
            ignored.get(Location.QUERY, ()),
            ignored.get(Location.BODY, ()),
        )

    def read(self, call: Call) -> Call:
        """
        Return *call* with its document.

        Raises:
            UnsupportedMediaTypeError: The body is of a type that the operation does not read.
            InvalidField: The body is malformed, or a name is unknown; the error gives it.
        """
        payload = self.payload
        demand_type(call, payload)
        if call.idempotency_key is not None and not self.operation.by_key:
            raise InvalidField("Idempotency-Key", "this call takes none")
        require_known(call.query, self.parameters, ignored=self.ignored_parameters)
        if payload is Payload.TOKEN or (payload is Payload.NONE and not call.body):
            return call
        if payload is Payload.NONE and call.media_type not in {JSON, FORM}:
            raise InvalidField("body", "this call has none")
        document, members = read_body(call), self.body.members or {}
        require_known(document, members, ignored=self.ignored_members)
        if not document.keys() <= members.keys():
            document = {name: value for name, value in document.items() if name in members}
        for name, value in document.items():
            _require_known(value, members[name], name)
        return replace(call, document=document)


def shape_of(schema: Schema) -> Shape:
    """
    Return the names that *schema* allows.

    An object with `properties` has these, and others only if the schema says so.

    Raises:
        ValueError: It has something that is not understood here.
    """
    if "$ref" in schema:
        raise ValueError(schema["$ref"])
    if "anyOf" in schema:
        return _either([shape_of(each) for each in schema["anyOf"]])
    if "properties" in schema:
        return Shape(
            {name: shape_of(each) for name, each in schema["properties"].items()},
            others=schema.get("additionalProperties") is True,
        )
    return Shape(items=shape_of(schema["items"])) if "items" in schema else NO_NAMES


def _either(shapes: list[Shape]) -> Shape:
    members: dict[str, Shape] = {}
    for shape in shapes:
        for name, below in (shape.members or {}).items():
            members[name] = _either([members[name], below]) if name in members else below
    items = [shape.items for shape in shapes if shape.items is not None]
    closed = any(shape.members is not None for shape in shapes)
    return Shape(
        members if closed else None,
        _either(items) if items else None,
        any(shape.others for shape in shapes),
    )


def _require_known(value: Any, shape: Shape, field: str) -> None:
    if isinstance(value, dict) and shape.members is not None:
        if not shape.others:
            require_known(value, shape.members, prefix=f"{field}.")
        for name, below in value.items():
            _require_known(below, shape.members.get(name, NO_NAMES), f"{field}.{name}")
    elif isinstance(value, list) and shape.items is not None:
        for index, below in enumerate(value):
            _require_known(below, shape.items, f"{field}[{index}]")


BODIES: Mapping[str, Schema] = SCHEMAS | ADMIN_SCHEMAS
"""Schemas, by the name that an operation takes."""
