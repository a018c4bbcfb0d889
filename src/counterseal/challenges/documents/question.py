"""
What an origin sends: a challenge, as in the Privakey CX call `request/add`, and its account.

Members: `accountId`, `content`, `buttons`, `duration`, `callback`, `additionalInfo`,
`transactionId`, `notificationTitle`, `notificationBody`, `showNotification`, `showCode`;
`approving` of a button is an addition, and so is `deviceGuid`, the only device that is asked,
`context`, what the origin says of where the act comes from: `ipAddress`, `place`, `browser`, and
`action`, in place of `content`: an action to approve (`counterseal.challenges.documents.action`).
Other members are refused by name, since a misspelt member would be neither shown nor signed.

Where the call leaves a choice:

- `content` is a text, an HTML document (a text that begins with `<html` or `<!doctype html`),
  an object `{title, keys: [{key, value}]}`, or the explicit `{text}` and `{html}`.
- A button may be an object or a text that holds one.
- A boolean may be the text `true` or `false`, for bodies that were form-encoded.
- `duration` is a whole number and a unit, `s`, `m`, `h` or `d`; without a unit, or as a number, it
  is seconds.
- Three forms of the CX clients are read if the profile says so: an integer as `accountId`, which
  is read as its decimal text (programs disagree about that of `1.0` and `1e3`), an object as
  `userInfo`, which is read as its JSON text, and a line of a template without `value`.
- If no button says `approving`, the first one approves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from counterseal import ijson
from counterseal.challenges.documents.action import action_request_document, read_action
from counterseal.errors import InvalidField
from counterseal.models import (
    DEFAULT_BUTTONS,
    DEFAULT_LANGUAGE,
    Action,
    Button,
    ClientProfile,
    Content,
    Guid,
    HtmlContent,
    Pair,
    PairsContent,
    Question,
    RequestContext,
    TextContent,
)
from counterseal.models.clients import CURRENT
from counterseal.models.guid import parse
from counterseal.wire.members import read_object, read_optional_text, read_text, require_known

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
        "deviceGuid",
        "context",
        "action",
    }
)
BUTTON_MEMBERS = frozenset({"title", "strongAuth", "style", "approving"})
CONTENT_MEMBERS = frozenset({"text", "html", "title", "keys"})
CONTEXT_MEMBERS = frozenset({"ipAddress", "place", "browser"})
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


def read_question(
    body: object, *, account_id: str | None = None, profile: ClientProfile = CURRENT
) -> Question:
    """
    Read a challenge that came as JSON, from an origin whose clients have *profile*.

    *account_id* is the value if `accountId` is missing; None requires the member.
    """
    members = read_object(body, QUESTION_MEMBERS, "challenge", prefix="")
    if account_id is None or "accountId" in members:
        account_id = read_account_id(members, profile)
    duration = members.get("duration")
    return Question(
        account_id=account_id,
        content=_content_or_action(members, profile),
        buttons=_buttons(members.get("buttons")),
        duration=None if duration is None else read_duration(duration),
        additional_info=_additional_info(members.get("additionalInfo")),
        transaction_id=read_optional_text(members, "transactionId"),
        callback=read_optional_text(members, "callback"),
        notification_title=read_optional_text(members, "notificationTitle"),
        notification_body=read_optional_text(members, "notificationBody"),
        show_code=_flag(members.get("showCode", False), "showCode"),
        show_notification=_flag(members.get("showNotification", True), "showNotification"),
        device=read_device(members.get("deviceGuid")),
        context=_context(members.get("context")),
    )


def read_device(value: object) -> Guid | None:
    """Return the `deviceGuid` of a challenge; refuse what is neither None nor a GUID."""
    return None if value is None else parse(value, field="deviceGuid")


def read_account_id(body: Mapping[str, Any], profile: ClientProfile) -> str:
    """Return the `accountId` of *body*; refuse one that is missing, empty or of another type."""
    value = body.get("accountId")
    if profile.number_ids and isinstance(value, int) and not isinstance(value, bool):
        ijson.check(value, field="accountId")
        return str(value)
    if not isinstance(value, str) or not value:
        allowed = "a text or a whole number" if profile.number_ids else "a text"
        raise InvalidField("accountId", f"missing, empty or not {allowed}")
    return value


def read_user_info(body: Mapping[str, Any], profile: ClientProfile) -> str | None:
    """Return the `userInfo` of *body*; None if absent. Refuse what I-JSON cannot hold."""
    value = body.get("userInfo")
    if value is None or isinstance(value, str):
        return value
    if profile.object_user_info and isinstance(value, (dict, Mapping)):
        return ijson.compact(value, field="userInfo").decode()
    allowed = "a text or an object" if profile.object_user_info else "a text"
    raise InvalidField("userInfo", f"not {allowed}")


def read_duration(value: object) -> timedelta:
    """Read a duration such as `90s`, `2m`, `1h` or `90`, of nine digits at most."""
    number = ijson.to_integer(value)
    if number is not None and 0 <= number <= _LONGEST:
        value = str(number)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidField("duration", "not a whole number with s, m, h or d, like 90s or 2m")
    return int(match[1]) * _UNIT[match[2]]


def request_document(question: Question) -> dict[str, Any]:
    """Return the body of `request/add`; standard buttons, and what is None, are left out."""
    buttons = [
        {"title": button.title, "strongAuth": button.strong, "approving": button.approving}
        | ({} if button.style is None else {"style": button.style})
        for button in question.buttons
    ]
    seconds = None if question.duration is None else question.duration.total_seconds()
    if seconds is not None and not seconds.is_integer():
        raise InvalidField("duration", "not whole seconds")
    members = {
        "accountId": question.account_id,
        **_subject(question),
        "buttons": None if question.buttons == DEFAULT_BUTTONS else buttons,
        "duration": None if seconds is None else f"{int(seconds)}s",
        "callback": question.callback,
        "additionalInfo": question.additional_info,
        "transactionId": question.transaction_id,
        "notificationTitle": question.notification_title,
        "notificationBody": question.notification_body,
        "showNotification": question.show_notification,
        "showCode": question.show_code,
        "deviceGuid": question.device,
        "context": None if question.context is None else context_document(question.context),
    }
    return {name: value for name, value in members.items() if value is not None}


def question_document(question: Question) -> dict[str, Any]:
    """Return all members of *question*, so that two questions can be compared."""
    # A question without these is as it was before there were the members.
    added: dict[str, Any] = {} if question.device is None else {"deviceGuid": question.device}
    if question.context is not None:
        added["context"] = context_document(question.context)
    return added | {
        "accountId": question.account_id,
        # The language that a device chooses is no part of it: without one, an action is compared as
        # one in English, which is what earlier clients name.
        **_subject(question, language=DEFAULT_LANGUAGE),
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
    if isinstance(content, Action):
        raise TypeError("an action is displayed by its rendering")
    return {
        "title": content.title,
        "keys": [{"key": pair.key, "value": pair.value} for pair in content.pairs],
    }


def context_document(context: RequestContext) -> dict[str, str]:
    """Return the context as in the display document; what the origin does not say is left out."""
    members = {
        "ipAddress": context.ip_address,
        "place": context.place,
        "browser": context.browser,
    }
    return {name: value for name, value in members.items() if value is not None}


def _subject(question: Question, *, language: str | None = None) -> dict[str, Any]:
    """Return what the question is about, as `request/add` has it; *language* if it names none."""
    if not isinstance(question.content, Action):
        return {"content": content_document(question.content)}
    action = action_request_document(question.content)
    if language is not None:
        action.setdefault("language", language)
    return {"action": action}


def _content_or_action(members: Mapping[str, Any], profile: ClientProfile) -> Content:
    if "action" not in members:
        return _content(members.get("content"), profile)
    if "content" in members:
        raise InvalidField("action", "not beside content")
    return read_action(members["action"])


def _context(value: object) -> RequestContext | None:
    if value is None:
        return None
    members = read_object(value, CONTEXT_MEMBERS, "context")
    context = RequestContext(
        ip_address=read_optional_text(members, "ipAddress", "context."),
        place=read_optional_text(members, "place", "context."),
        browser=read_optional_text(members, "browser", "context."),
    )
    if context == RequestContext():
        raise InvalidField("context", "empty")
    return context


def _content(value: object, profile: ClientProfile) -> Content:
    if isinstance(value, str):
        return HtmlContent(html=value) if _HTML.match(value) else TextContent(text=value)
    if not isinstance(value, (dict, Mapping)):
        raise InvalidField("content", "missing, or neither a text nor an object")
    require_known(value, CONTENT_MEMBERS, prefix="content.")
    for alone in ("text", "html"):
        if alone in value:
            _require_alone(value, alone)
            text = read_text(value, alone, "content.")
            return TextContent(text=text) if alone == "text" else HtmlContent(html=text)
    pairs = _sequence(value.get("keys", ()), "content.keys")
    return PairsContent(
        title=read_text(value, "title", "content."),
        pairs=tuple(
            [_pair(pair, f"content.keys[{index}]", profile) for index, pair in enumerate(pairs)]
        ),
    )


def _require_alone(content: Mapping[str, Any], alone: str) -> None:
    for name in content:
        if name != alone:
            raise InvalidField(f"content.{name}", f"not allowed beside content.{alone}")


def _pair(value: object, field: str, profile: ClientProfile) -> Pair:
    members, prefix = read_object(value, PAIR_MEMBERS, field), f"{field}."
    key = read_text(members, "key", prefix)
    if profile.empty_values and members.get("value") is None:
        return Pair(key=key, value="")
    return Pair(key=key, value=read_text(members, "value", prefix, empty=True))


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
    if not isinstance(value, (dict, Mapping)):
        raise InvalidField(field, "neither an object nor a text of JSON that is one")
    prefix = f"{field}."
    require_known(value, BUTTON_MEMBERS, prefix=prefix)
    if "strongAuth" not in value:
        raise InvalidField(f"{prefix}strongAuth", "missing")
    members = {
        "title": read_text(value, "title", prefix),
        "strong": _flag(value["strongAuth"], "strongAuth", prefix),
        "style": read_optional_text(value, "style", prefix),
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
