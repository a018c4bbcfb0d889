"""
Forms: what a page asks for, what came back, and what is wrong with it, field by field.

A body is read strictly: `application/x-www-form-urlencoded` (URL Standard, 5), UTF-8, no field that
the route does not have, and none twice unless it is a list of choices.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

import attrs

from counterseal.errors import InvalidField

PAIRS = 64
"""Fields of one form; none has as many."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ODD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Kind(enum.Enum):
    """How a field is entered."""

    TEXT = "text"
    NUMBER = "number"
    LINES = "lines"
    """Several texts, one in a line."""
    CHOICE = "choice"
    """One of several."""
    CHOICES = "choices"
    """Any number of several."""
    FLAG = "flag"
    COLOUR = "colour"
    PICTURE = "picture"
    """Base64 that a script makes from a file; empty where none was chosen."""
    SECRET = "secret"  # noqa: S105 (a kind of field)
    """A text that is never shown again."""


@attrs.frozen(kw_only=True)
class Field:
    """
    One field.

    Attributes:
        name: In the form's body.
        label: What the person reads beside it.
        hint: What helps to fill it in; empty for nothing.
        options: Of a choice: values, each with its label.
        required: Whether it may not be empty.
        meant_by: What the use cases call it, where a refusal names it otherwise.
        suggestions: Values that are offered beside others.
    """

    name: str
    label: str
    hint: str = ""
    kind: Kind = Kind.TEXT
    options: tuple[tuple[str, str], ...] = ()
    required: bool = False
    meant_by: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class FilledForm:
    """
    A form with values, as a template shows it.

    Attributes:
        fields: In their order.
        values: By the field's name; several for a list of choices.
        errors: What is wrong, by the field's name.
        problem: What is wrong with the form as a whole; empty for nothing.
    """

    fields: tuple[Field, ...]
    values: Mapping[str, Sequence[str]] = attrs.field(factory=dict, repr=False)
    errors: Mapping[str, str] = attrs.field(factory=dict)
    problem: str = ""

    def value(self, name: str) -> str:
        """Return the one value of a field; empty if there is none."""
        return next(iter(self.values.get(name, ())), "")

    def text(self, name: str) -> str:
        """Return a field's text without white space around it."""
        return self.value(name).strip()

    def lines(self, name: str) -> tuple[str, ...]:
        """Return a field's lines, without empty ones and white space around them."""
        return tuple(line.strip() for line in self.value(name).splitlines() if line.strip())

    def flag(self, name: str) -> bool:
        """Return whether a box is ticked."""
        return bool(self.values.get(name))

    def number(self, name: str) -> int | None:
        """
        Return a field's whole number; None if it is empty.

        Raises:
            InvalidField: It is another text.
        """
        text = self.text(name)
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise InvalidField(name, "not a whole number")
        return int(text)

    def refused(self, refusal: InvalidField) -> FilledForm:
        """Return the form with what *refusal* says, beside the field that it names, if any."""
        for field in self.fields:
            if refusal.field in {field.name, *field.meant_by}:
                return attrs.evolve(self, errors={**self.errors, field.name: refusal.problem})
        return attrs.evolve(self, problem=f"{refusal.field}: {refusal.problem}")


def read_body(body: bytes) -> dict[str, tuple[str, ...]]:
    """
    Return the fields of a form's body, each with its values in order.

    Raises:
        InvalidField: It is no form, is not UTF-8, or has too many fields.
    """
    fields: dict[str, tuple[str, ...]] = {}
    pairs = body.split(b"&") if body else []
    if len(pairs) > PAIRS:
        raise InvalidField("form", f"more than {PAIRS} fields")
    for pair in pairs:
        encoded_name, equals, encoded_value = pair.partition(b"=")
        name = _text(encoded_name)
        if not equals or not NAME.fullmatch(name):
            raise InvalidField("form", "not the fields of a form")
        fields[name] = (*fields.get(name, ()), _text(encoded_value))
    return fields


def fill(fields: tuple[Field, ...], body: Mapping[str, Sequence[str]]) -> FilledForm:
    """
    Return a form with what came back, and with an error for each field that is empty or odd.

    Raises:
        InvalidField: A field came twice, or a choice is none of those that were offered: no page
            sends that.
    """
    values: dict[str, Sequence[str]] = {}
    errors: dict[str, str] = {}
    for field in fields:
        submitted = tuple(body.get(field.name, ()))
        if len(submitted) > 1 and field.kind is not Kind.CHOICES:
            raise InvalidField(field.name, "given twice")
        if field.kind in {Kind.CHOICE, Kind.CHOICES}:
            offered = {value for value, _ in field.options}
            if not offered.issuperset(submitted):
                raise InvalidField(field.name, "not one of the choices")
        if field.kind is Kind.FLAG and submitted not in {(), ("yes",)}:
            raise InvalidField(field.name, "neither ticked nor empty")
        # Browsers send line ends of a text area as CR LF (HTML, 4.10.21.8).
        values[field.name] = tuple(value.replace("\r\n", "\n") for value in submitted)
        if field.required and not any(value.strip() for value in submitted):
            errors[field.name] = (
                "Choose one." if field.kind is Kind.CHOICE else "This cannot be empty."
            )
    return FilledForm(fields=fields, values=values, errors=errors)


def _text(data: bytes) -> str:
    if _ODD_PERCENT.search(data):
        raise InvalidField("form", "a % without two digits")
    try:
        return unquote_to_bytes(data.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise InvalidField("form", "not UTF-8") from None
