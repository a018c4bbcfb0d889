"""What an origin wants asked: content, buttons, and how the answer comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

import attrs


@attrs.frozen(kw_only=True)
class TextContent:
    """Plain text."""

    text: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class HtmlContent:
    """An HTML document; the device decides how much of it to render."""

    html: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Pair:
    """One line of a template."""

    key: str = attrs.field(repr=False)
    value: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class PairsContent:
    """A title with key/value pairs."""

    title: str = attrs.field(repr=False)
    pairs: tuple[Pair, ...]


Content: TypeAlias = TextContent | HtmlContent | PairsContent


@attrs.frozen(kw_only=True)
class Button:
    """
    One choice.

    Attributes:
        strong: Whether the answer has to be signed by a strong key.
        style: Opaque text for the device; None if there is none.
        approving: Whether choosing it is an approval.
    """

    title: str = attrs.field(repr=False)
    strong: bool
    style: str | None = attrs.field(default=None, repr=False)
    approving: bool = False


DEFAULT_BUTTONS = (
    Button(title="Approve", strong=True, approving=True),
    Button(title="Reject", strong=False),
)


@attrs.frozen(kw_only=True)
class Question:
    """
    One question to one account, as the origin puts it.

    Attributes:
        account_id: The origin's own id of the account.
        duration: How long it may be answered; None takes the policy's default.
        additional_info: Opaque text or JSON object, shown to the device and returned.
        show_code: Whether the person types a code that the origin shows.
        show_notification: Whether a bell is rung at all.
    """

    account_id: str
    content: Content
    buttons: tuple[Button, ...] = DEFAULT_BUTTONS
    duration: timedelta | None = None
    additional_info: Any = attrs.field(default=None, repr=False)
    transaction_id: str | None = attrs.field(default=None, repr=False)
    callback: str | None = attrs.field(default=None, repr=False)
    notification_title: str | None = attrs.field(default=None, repr=False)
    notification_body: str | None = attrs.field(default=None, repr=False)
    show_code: bool = False
    show_notification: bool = True
