"""
Inputs: the query and the body of a call, as its operation declares them.

What an operation does not declare is refused by name before its handler runs, at any depth.
A call without a body may bring an empty document, which says nothing: `{}`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.wire.members import require_known
from counterseal_web.admin_schemas import ADMIN_SCHEMAS
from counterseal_web.bodies import demand_type, read_body
from counterseal_web.calls import Call
from counterseal_web.ignored import IGNORED, Ignored, Part
from counterseal_web.messages import FORM, JSON
from counterseal_web.operations import Operation, Payload
from counterseal_web.schemas import SCHEMAS, Schema


@attrs.frozen
class Shape:
    """
    The names that a value may have, at any depth.

    Attributes:
        members: What an object may have; None if that is open, or if it is to be no object.
        items: What each element of a list may have.
    """

    members: Mapping[str, Shape] | None = None
    items: Shape | None = None


NO_NAMES = Shape()


@attrs.frozen
class Inputs:
    """
    What one operation takes.

    Attributes:
        operation: Which.
        parameters: Of the query, by name.
        body: The names of the body.
        ignored: What is not known and not refused, by where it stands.
    """

    operation: Operation
    parameters: frozenset[str]
    body: Shape
    ignored: Mapping[Part, Container[str]]

    @classmethod
    def of(cls, operation: Operation, entries: Iterable[Ignored] = IGNORED) -> Inputs:
        """
        Return what *operation* takes.

        Args:
            operation: As the table has it.
            entries: What calls ignore.
        """
        reads = operation.payload in {Payload.JSON, Payload.FORM}
        return cls(
            operation,
            frozenset({*operation.needs, *operation.query}),
            shape_of(TAKEN[operation.takes]) if reads and operation.takes else Shape(members={}),
            {each.part: each.names for each in entries if each.operation == operation.id},
        )

    def read(self, call: Call) -> Call:
        """
        Return *message* with its document.

        Raises:
            UnsupportedMediaTypeError: The body is of a type that the operation does not read.
            InvalidField: The body is malformed, or a name is unknown; the error gives it.
        """
        payload = self.operation.payload
        demand_type(call, payload)
        require_known(call.query, self.parameters, ignored=self.ignored.get(Part.QUERY, ()))
        if payload is Payload.TOKEN or (payload is Payload.NONE and not call.body):
            return call
        if payload is Payload.NONE and call.media_type not in {JSON, FORM}:
            raise InvalidField("body", "this call has none")
        document, known = read_body(call), self.body.members or {}
        require_known(document, known, ignored=self.ignored.get(Part.BODY, ()))
        if not document.keys() <= known.keys():
            document = {name: value for name, value in document.items() if name in known}
        for name, value in document.items():
            _require_known(value, known[name], name)
        return attrs.evolve(call, document=document)


def shape_of(schema: Schema) -> Shape:
    """
    Return the names that *schema* allows; an object with `properties` has these and no others.

    Raises:
        ValueError: It says something that is not understood here.
    """
    if "$ref" in schema:
        raise ValueError(schema["$ref"])
    if "anyOf" in schema:
        return _either([shape_of(each) for each in schema["anyOf"]])
    if "properties" in schema:
        return Shape({name: shape_of(each) for name, each in schema["properties"].items()})
    return Shape(items=shape_of(schema["items"])) if "items" in schema else NO_NAMES


def _either(shapes: list[Shape]) -> Shape:
    members: dict[str, Shape] = {}
    for shape in shapes:
        for name, below in (shape.members or {}).items():
            members[name] = _either([members[name], below]) if name in members else below
    items = [shape.items for shape in shapes if shape.items is not None]
    closed = any(shape.members is not None for shape in shapes)
    return Shape(members if closed else None, _either(items) if items else None)


def _require_known(value: Any, shape: Shape, field: str) -> None:
    if isinstance(value, Mapping) and shape.members is not None:
        require_known(value, shape.members, prefix=f"{field}.")
        for name, below in value.items():
            _require_known(below, shape.members[name], f"{field}.{name}")
    elif isinstance(value, list) and shape.items is not None:
        for index, below in enumerate(value):
            _require_known(below, shape.items, f"{field}[{index}]")


TAKEN: Mapping[str, Schema] = SCHEMAS | ADMIN_SCHEMAS
"""Schemas, by the name that an operation takes."""
