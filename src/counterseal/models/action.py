"""Actions: what somebody wants to do, and asks a person to approve."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import ijson
from counterseal.errors import InvalidField
from counterseal.models import fields

TYPE_LENGTH = 64
"""Characters of a type."""

LANGUAGE_LENGTH = 35
"""Characters of a language tag (RFC 5646, 4.4.1)."""

DEFAULT_LANGUAGE = "en"
"""Of a rendering, where neither the origin nor a device has named another."""

TEXT_BYTES = 256
"""The most bytes of UTF-8 of a resource, an agent and a run each."""

PURPOSE_BYTES = 1024
"""The most bytes of UTF-8 of a purpose."""

_TYPE = re.compile(r"[a-z][a-z0-9]*([-.:][a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*")


def is_language(value: object) -> bool:
    """Tell whether *value* is a language tag, such as `en` or `de-AT` (RFC 5646)."""
    return (
        isinstance(value, str)
        and len(value) <= LANGUAGE_LENGTH
        and _LANGUAGE.fullmatch(value) is not None
    )


@attrs.frozen(kw_only=True)
class Attachment:
    """
    A file that belongs to an action; the device fetches it and compares its hash.

    Attributes:
        name: The file's name.
        size: Bytes.
        type: Its media type.
        sha256: SHA-256 of its bytes, base64url.
        url: Where the device fetches it, https.
    """

    name: str = attrs.field(repr=False)
    size: int = attrs.field(validator=fields.count)
    type: str
    sha256: str
    url: str = attrs.field(repr=False)


def _arguments(value: object) -> dict[str, Any]:
    """Return a copy of the arguments, so that nobody can change them afterwards."""
    if not isinstance(value, Mapping):
        raise InvalidField("action.arguments", "not a JSON object")
    arguments = dict(value)
    ijson.check(arguments, field="action.arguments")
    copied: dict[str, Any] = _copied(arguments)
    return copied


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(item) for item in value]
    number = ijson.to_integer(value)
    return value if number is None else number


def _type(_: Any, __: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or len(value) > TYPE_LENGTH or not _TYPE.fullmatch(value):
        raise InvalidField(
            "action.type",
            f"not 1 to {TYPE_LENGTH} lower-case letters and digits, in parts by '-', '.' or ':'",
        )


def _language(_: Any, __: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not is_language(value):
        raise InvalidField("action.language", "not a language tag like en or de")


def _resource(_: Any, attribute: attrs.Attribute[Any], value: object) -> None:
    field = f"action.{attribute.name}"
    limit = PURPOSE_BYTES if attribute.name == "purpose" else TEXT_BYTES
    if not isinstance(value, str) or not value:
        raise InvalidField(field, "missing, empty or not a text")
    ijson.check(value, field=field)
    if len(value.encode("utf-8")) > limit:
        raise InvalidField(field, f"longer than {limit} bytes")


def _optional_text(owner: Any, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        _resource(owner, attribute, value)


def _valid_until(_: Any, __: attrs.Attribute[Any], value: datetime | None) -> None:
    if value is None:
        return
    try:
        fields.utc(_, __, value)
    except InvalidField as error:
        raise InvalidField("action.validUntil", error.problem) from None


@attrs.frozen(kw_only=True)
class Action:
    """
    One action that a person is asked to approve.

    A registered type renders it (`counterseal.actions`); nobody is asked about another one.
    The arguments are copied, and whole numbers are integers afterwards.

    Attributes:
        type: `payment`, `tool-call`, `login`, `document`, or a type that the service registers.
        resource: The tool's name, or what the action acts on.
        arguments: A JSON object (I-JSON, RFC 7493).
        agent: The program that wants to act; None if there is none.
        run: The agent's run, task or conversation; None if it has none.
        purpose: Why, in the words of the origin; None if it does not say.
        valid_until: Until when an approval may be used; None lets the service decide.
        language: Of the rendering; no part of the digest. None for that of the device that is
            asked.

    Raises:
        InvalidField: A member does not fit; it is named as in JSON, like `action.validUntil`.
    """

    type: str = attrs.field(validator=_type)
    resource: str = attrs.field(validator=_resource)
    arguments: Mapping[str, Any] = attrs.field(converter=_arguments, repr=False)
    agent: str | None = attrs.field(default=None, validator=_optional_text)
    run: str | None = attrs.field(default=None, validator=_optional_text)
    purpose: str | None = attrs.field(default=None, validator=_optional_text, repr=False)
    valid_until: datetime | None = attrs.field(default=None, validator=_valid_until)
    language: str | None = attrs.field(default=None, validator=_language)


@attrs.frozen(kw_only=True)
class ActionTerms:
    """
    What a person is asked to approve, without the arguments.

    Attributes:
        type: The type of the action, which has a renderer.
        document: All members that the digest covers but `arguments`, in canonical form (RFC 8785).
        digest: SHA-256 of the whole in canonical form, base64url; the display document has it.
        valid_until: From then on, an approval can no longer be used.
    """

    type: str
    document: str = attrs.field(repr=False)
    digest: str
    valid_until: datetime = attrs.field(validator=fields.utc)
