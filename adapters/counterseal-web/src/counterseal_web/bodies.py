"""Bodies: what a call brings, read by the type that it says it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import counterseal as cs
from counterseal.errors import InvalidField, NotFound
from counterseal.models import Guid
from counterseal.models.guid import parse
from counterseal_web.calls import Call
from counterseal_web.forms import read_form
from counterseal_web.messages import FORM, JOSE, JSON
from counterseal_web.operations import Payload
from counterseal_web.problems import UnsupportedMediaTypeError

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
