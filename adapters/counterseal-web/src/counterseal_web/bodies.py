"""Bodies: what a call brings, read by the type that it says it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import counterseal as cs
from counterseal.errors import InvalidField, NotFound
from counterseal.models import Guid
from counterseal.models.guid import parse
from counterseal_web.forms import read_form
from counterseal_web.messages import FORM, JOSE, JSON, Message
from counterseal_web.operations import Payload

CHARSETS = ("utf-8", "utf8")

MEDIA_TYPES: dict[Payload, tuple[str, ...]] = {
    Payload.NONE: (),
    Payload.JSON: (JSON,),
    Payload.FORM: (JSON, FORM),
    Payload.TOKEN: (JOSE,),
}
"""What each kind of body may call itself."""


class UnsupportedMediaTypeError(Exception):
    """
    The body is of a type that the call does not read.

    Attributes:
        accepted: The media types that it reads.
        problem: What is wrong with the one that came.
    """

    def __init__(self, accepted: tuple[str, ...], problem: str) -> None:
        super().__init__(problem)
        self.accepted = accepted
        self.problem = problem


def demand_type(message: Message, payload: Payload) -> None:
    """
    Refuse a body of another type than *payload* has.

    Raises:
        UnsupportedMediaTypeError: It is.
    """
    if payload is Payload.NONE:
        return
    accepted = MEDIA_TYPES[payload]
    if message.media_type not in accepted:
        raise UnsupportedMediaTypeError(accepted, f"not {' or '.join(accepted)}")
    if message.charset not in CHARSETS:
        raise UnsupportedMediaTypeError(accepted, "a charset that is not UTF-8")


def read_body(message: Message) -> Mapping[str, Any]:
    """
    Return the body as a document, from JSON or from a form.

    Raises:
        InvalidField: It is malformed, or no JSON object.
    """
    body = read_form(message.body) if message.media_type == FORM else cs.read_json(message.body)
    if not isinstance(body, Mapping):
        raise InvalidField("body", "not a JSON object")
    return body


def text(body: Mapping[str, Any], name: str) -> str:
    """
    Return a member that has to be there.

    Raises:
        InvalidField: It is missing, empty or not a text.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidField(name, "missing, empty or not a text")
    return value


def optional_text(body: Mapping[str, Any], name: str) -> str | None:
    """
    Return a member that may be missing.

    Raises:
        InvalidField: It is not a text.
    """
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(name, "not a text")


def named(value: str, field: str) -> Guid:
    """
    Return the GUID that *value* is.

    Raises:
        NotFound: It is none, and so names nothing.
    """
    try:
        return parse(value, field=field)
    except InvalidField:
        raise NotFound from None
