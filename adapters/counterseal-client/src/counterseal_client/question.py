"""Questions as an origin's client sends them: the JSON of `request/add`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from counterseal import read_json, read_question
from counterseal.errors import InvalidField
from counterseal.ijson import compact
from counterseal.models import Button, Content, HtmlContent, PairsContent, TextContent
from counterseal.wire.question import content_document
from counterseal_client.errors import demand


def json_body(**members: object) -> bytes:
    """
    Return the body that holds *members*; those that are None are left out.

    Raises:
        InvalidField: I-JSON cannot hold one of them.
    """
    return compact({name: value for name, value in members.items() if value is not None})


def question_body(
    account_id: str,
    content: Content | str,
    buttons: Iterable[Button] | None,
    duration: timedelta | None,
    **members: object,
) -> bytes:
    """
    Return the body that asks a question, once the service could read it.

    Args:
        account_id: The origin's own id of the user.
        content: Text is plain text, also where it looks like HTML.
        buttons: None for the service's own two.
        duration: None for the service's own.
        members: The others, as they are named on the wire.

    Raises:
        InvalidField: It is malformed; the error names the member.
        Unfit: An argument is of another type.
    """
    demand("content", content, str, TextContent, HtmlContent, PairsContent)
    if buttons is not None:
        demand("buttons", buttons, Iterable)
        buttons = tuple(buttons)
        for index, button in enumerate(buttons):
            demand(f"buttons[{index}]", button, Button)
    if duration is not None:
        demand("duration", duration, timedelta)
    body = json_body(
        accountId=account_id,
        content={"text": content} if isinstance(content, str) else content_document(content),
        buttons=None if buttons is None else [_button(button) for button in buttons],
        duration=None if duration is None else _seconds(duration),
        **members,
    )
    read_question(read_json(body))
    return body


def _seconds(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    if not seconds.is_integer():
        raise InvalidField("duration", "not whole seconds")
    return f"{int(seconds)}s"


def _button(button: Button) -> dict[str, Any]:
    document: dict[str, Any] = {
        "title": button.title,
        "strongAuth": button.strong,
        "approving": button.approving,
    }
    return document if button.style is None else document | {"style": button.style}
