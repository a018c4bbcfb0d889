"""
The type `document`: a person approves files, exactly as they are.

`resource` says what they are about. `arguments` are `{"documents": [...]}`, each with `name`,
`size` in bytes, media `type`, `sha256` in base64url, and the https `url` where the device fetches
it. The device compares size and hash with what it fetched before it displays the file.
"""

from __future__ import annotations

import re
from typing import Any

from counterseal.actions.members import (
    URL,
    Arguments,
    Branch,
    Kind,
    Leaf,
    check_members,
    member_rows,
)
from counterseal.actions.rendering import group_digits, visible_text
from counterseal.actions.types import ActionType, Rendering, Texts, texts_of
from counterseal.errors import InvalidField
from counterseal.models import Action, Attachment, Pair, PairsContent
from counterseal.wire.members import read_object

DOCUMENTS = 8
"""The most documents of one action: each has five rows, and a person has to compare them all."""

NAME_LENGTH = 255
MEDIA_TYPE_LENGTH = 127

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
"""RFC 6838, 4.2, in lower case and without parameters."""

_SHA256 = re.compile("[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""32 bytes; the last character has two bits to spare, which are 0."""

_SEPARATOR = re.compile(r"[/\\]")


def _name_problem(value: Any, _: Arguments) -> str | None:
    if not isinstance(value, str) or not 1 <= len(value) <= NAME_LENGTH:
        return f"not a text of 1 to {NAME_LENGTH} characters"
    return "a path, not the name of a file" if _SEPARATOR.search(value) else None


def _size_problem(value: Any, _: Arguments) -> str | None:
    # `type` and not `isinstance`, so that True is not a number.
    return None if type(value) is int and value >= 0 else "not a number of bytes"


def _media_type_problem(value: Any, _: Arguments) -> str | None:
    if isinstance(value, str) and len(value) <= MEDIA_TYPE_LENGTH and _MEDIA_TYPE.fullmatch(value):
        return None
    return "not a media type in lower case and without parameters, like application/pdf"


def _sha256_problem(value: Any, _: Arguments) -> str | None:
    if isinstance(value, str) and _SHA256.fullmatch(value):
        return None
    return "not SHA-256 in base64url, 43 characters"


def _display(value: str, _: Arguments, __: Texts) -> str:
    return visible_text(value)


def _display_size(value: int, _: Arguments, texts: Texts) -> str:
    return f"{group_digits(str(value))} {texts['bytes']}"


FIELD = "action.arguments.documents"

MEMBERS: dict[str, Leaf | Branch] = {
    "name": Leaf("document", Kind(_name_problem, _display), required=True),
    "size": Leaf("size", Kind(_size_problem, _display_size), required=True),
    "type": Leaf("type", Kind(_media_type_problem, _display), required=True),
    "sha256": Leaf("sha256", Kind(_sha256_problem, _display), required=True),
    "url": Leaf("url", URL, required=True),
}
"""A document's members, in the order of the rows."""


def check(action: Action) -> None:
    """Refuse arguments that are not a list of documents, or have two documents of one name."""
    read_object(action.arguments, {"documents"}, "action.arguments")
    documents = action.arguments.get("documents")
    if not isinstance(documents, list) or not 1 <= len(documents) <= DOCUMENTS:
        raise InvalidField(FIELD, f"not a list of 1 to {DOCUMENTS} documents")
    names: set[str] = set()
    for index, document in enumerate(documents):
        check_members(document, MEMBERS, f"{FIELD}[{index}]")
        if document["name"] in names:
            raise InvalidField(f"{FIELD}[{index}].name", "another document's")
        names.add(document["name"])


def render(action: Action, texts: Texts) -> Rendering:
    """Return what the documents are about, and five rows and an attachment for each."""
    documents: list[dict[str, Any]] = action.arguments["documents"]
    rows = [Pair(key=texts["resource"], value=visible_text(action.resource))]
    for number, document in enumerate(documents, 1):
        suffix = f" {number}" if len(documents) > 1 else ""
        rows += [
            Pair(key=row.key + suffix, value=row.value)
            for row in member_rows(document, MEMBERS, texts)
        ]
    return Rendering(
        content=PairsContent(title=texts["title"], pairs=tuple(rows)),
        attachments=tuple([Attachment(**document) for document in documents]),
        attachment_field=f"{FIELD}[{{index}}].url",
    )


DOCUMENT = ActionType(
    name="document",
    check=check,
    render=render,
    texts=texts_of("document"),
)
"""Files that a person approves."""
