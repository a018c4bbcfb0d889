"""
A challenge as an origin sends it: the JSON of the Privakey CX call `request/add`.

Members: `accountId`, `content`, `buttons`, `duration`, `callback`, `additionalInfo`,
`transactionId`, `notificationTitle`, `notificationBody`, `showNotification`, `showCode`;
`approving` of a button is an addition.
Other members are refused by name, since a misspelt member would be neither shown nor signed.

Where the call leaves a choice:

- `content` is a text, an HTML document (a text that begins with `<html` or `<!doctype html`),
  an object `{title, keys: [{key, value}]}`, or the explicit `{text}` and `{html}`.
- A button may be an object or a text that holds one.
- A boolean may be the text `true` or `false`, for bodies that were form-encoded.
- `duration` is a whole number and a unit, `s`, `m`, `h` or `d`; without a unit, or as a number, it
  is seconds.
- Two forms of the CX clients are read if the profile says so: a number as `accountId`, and a
  line of a template without `value`.
- If no button says `approving`, the first one approves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from counterseal import ijson
from counterseal.errors import InvalidField
from counterseal.models import (
    DEFAULT_BUTTONS,
    Button,
    ClientProfile,
    Content,
    HtmlContent,
    Pair,
    PairsContent,
    Question,
    TextContent,
)
from counterseal.models.clients import CURRENT
from counterseal.wire.account import read_account_id
from counterseal.wire.members import require_known

QUESTION_MEMBERS = frozenset(
    {
        "accountId",
        "content",
        "buttons",
        "duration",
        "callback",
        "additionalInfo",
        "transactionId",
        "notificationTitle",
        "notificationBody",
        "showNotification",
        "showCode",
    }
)
BUTTON_MEMBERS = frozenset({"title", "strongAuth", "style", "approving"})
CONTENT_MEMBERS = frozenset({"text", "html", "title", "keys"})
PAIR_MEMBERS = frozenset({"key", "value"})

_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")
_LONGEST = 999_999_999
"""In any unit; a `timedelta` has room for as many days."""

_UNIT = {
    "": timedelta(seconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_HTML = re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)

_OBJECT = (dict, Mapping)
"""The types of a JSON object; `dict` first, since that check is faster and nearly always true."""


def read_question(
    body: object, *, account_id: str | None = None, profile: ClientProfile = CURRENT
) -> Question:
    """
    Read a challenge that came as JSON.

    Args:
        body: The parsed document.
        account_id: The value if `accountId` is missing; None requires the member.
        profile: Of the origin's clients.

    Raises:
        InvalidField: A member is missing, unknown or malformed; the error names it.
    """
    if not isinstance(body, _OBJECT):
        raise InvalidField("challenge", "not a JSON object")
    require_known(body, QUESTION_MEMBERS)
    if account_id is None or "accountId" in body:
        account_id = read_account_id(body, profile)
    return Question(
        account_id=account_id,
        content=_content(body.get("content"), profile),
        buttons=_buttons(body.get("buttons")),
        duration=read_duration(body["duration"]) if body.get("duration") is not None else None,
        additional_info=_additional_info(body.get("additionalInfo")),
        transaction_id=_optional_text(body, "transactionId"),
        callback=_optional_text(body, "callback"),
        notification_title=_optional_text(body, "notificationTitle"),
        notification_body=_optional_text(body, "notificationBody"),
        show_code=_flag(body.get("showCode", False), "showCode"),
        show_notification=_flag(body.get("showNotification", True), "showNotification"),
    )


def read_duration(value: object) -> timedelta:
    """
    Read a duration such as `90s`, `2m`, `1h` or `90`, which is seconds as the number 90 is.

    Raises:
        InvalidField: *value* is not an integer of at most nine digits, alone or with one of the
            units `s`, `m`, `h` and `d`.
    """
    number = ijson.to_integer(value)
    if number is not None and 0 <= number <= _LONGEST:
        value = str(number)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidField("duration", "not a whole number with s, m, h or d, like 90s or 2m")
    return int(match[1]) * _UNIT[match[2]]


def question_document(question: Question) -> dict[str, Any]:
    """Return all members of *question*, so that two questions can be compared."""
    return {
        "accountId": question.account_id,
        "content": content_document(question.content),
        "buttons": [
            [button.title, button.strong, button.style, button.approving]
            for button in question.buttons
        ],
        "duration": None if question.duration is None else question.duration.total_seconds(),
        "additionalInfo": question.additional_info,
        "transactionId": question.transaction_id,
        "callback": question.callback,
        "notificationTitle": question.notification_title,
        "notificationBody": question.notification_body,
        "showCode": question.show_code,
        "showNotification": question.show_notification,
    }


def content_document(content: Content) -> dict[str, Any]:
    """Return the content as in the display document, always with its kind."""
    if isinstance(content, TextContent):
        return {"text": content.text}
    if isinstance(content, HtmlContent):
        return {"html": content.html}
    return {
        "title": content.title,
        "keys": [{"key": pair.key, "value": pair.value} for pair in content.pairs],
    }


def _content(value: object, profile: ClientProfile) -> Content:
    if isinstance(value, str):
        return HtmlContent(html=value) if _HTML.match(value) else TextContent(text=value)
    if not isinstance(value, _OBJECT):
        raise InvalidField("content", "missing, or neither a text nor an object")
    require_known(value, CONTENT_MEMBERS, prefix="content.")
    for alone in ("text", "html"):
        if alone in value:
            _require_alone(value, alone)
            text = _text(value, alone, "content.")
            return TextContent(text=text) if alone == "text" else HtmlContent(html=text)
    pairs = _sequence(value.get("keys", ()), "content.keys")
    return PairsContent(
        title=_text(value, "title", "content."),
        pairs=tuple(
            [_pair(pair, f"content.keys[{index}]", profile) for index, pair in enumerate(pairs)]
        ),
    )


def _require_alone(content: Mapping[str, Any], alone: str) -> None:
    for name in content:
        if name != alone:
            raise InvalidField(f"content.{name}", f"not allowed beside content.{alone}")


def _pair(value: object, field: str, profile: ClientProfile) -> Pair:
    if not isinstance(value, _OBJECT):
        raise InvalidField(field, "not a JSON object")
    prefix = f"{field}."
    require_known(value, PAIR_MEMBERS, prefix=prefix)
    key = _text(value, "key", prefix)
    if profile.empty_values and value.get("value") is None:
        return Pair(key=key, value="")
    return Pair(key=key, value=_text(value, "value", prefix, empty=True))


def _buttons(value: object) -> tuple[Button, ...]:
    if value is None:
        return DEFAULT_BUTTONS
    buttons = [
        _button(button, f"buttons[{index}]")
        for index, button in enumerate(_sequence(value, "buttons"))
    ]
    if all(approving is None for _, approving in buttons):
        buttons = [(members, index == 0) for index, (members, _) in enumerate(buttons)]
    return tuple([Button(**members, approving=bool(approving)) for members, approving in buttons])


def _button(value: object, field: str) -> tuple[dict[str, Any], bool | None]:
    """Return a button's members, and its `approving`; None if it is absent."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        value = ijson.parse(value, field=field)
    if not isinstance(value, _OBJECT):
        raise InvalidField(field, "neither an object nor a text of JSON that is one")
    prefix = f"{field}."
    require_known(value, BUTTON_MEMBERS, prefix=prefix)
    if "strongAuth" not in value:
        raise InvalidField(f"{prefix}strongAuth", "missing")
    members = {
        "title": _text(value, "title", prefix),
        "strong": _flag(value["strongAuth"], "strongAuth", prefix),
        "style": _optional_text(value, "style", prefix),
    }
    approving = value.get("approving")
    return members, None if approving is None else _flag(approving, "approving", prefix)


def _additional_info(value: object) -> Any:
    if value is None or isinstance(value, (str, dict, Mapping)):
        return value
    raise InvalidField("additionalInfo", "neither a text nor an object")


def _sequence(value: object, field: str) -> list[object] | tuple[object, ...]:
    if not isinstance(value, (list, tuple)):
        raise InvalidField(field, "not a list")
    return value


def _flag(value: object, name: str, prefix: str = "") -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise InvalidField(prefix + name, "neither true nor false")


def _text(body: Mapping[str, Any], name: str, prefix: str = "", *, empty: bool = False) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise InvalidField(prefix + name, "missing, empty or not a text")
    return value


def _optional_text(body: Mapping[str, Any], name: str, prefix: str = "") -> str | None:
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(prefix + name, "not a text")
