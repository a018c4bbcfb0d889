"""Rules of input: what a call brings fits the policy, or is refused with the name of the field."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from ipaddress import ip_address

from counterseal import ijson
from counterseal.challenges.documents.display import BUTTONS_AT_LEAST
from counterseal.errors import HtmlRefused, InvalidField
from counterseal.models import (
    Action,
    AppSpace,
    Button,
    Content,
    HtmlContent,
    HtmlUse,
    PairsContent,
    PushAddress,
    Question,
    RequestContext,
    TextContent,
)
from counterseal.models.action import is_language
from counterseal.policy import Policy
from counterseal.wire.members import MILLISECOND

_VISIBLE_ASCII = re.compile("[!-~]")
"""Visible ASCII: a quick check, which most texts pass."""

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\U00013441\U00013442\U0001d159")
"""Letters and symbols that are drawn as a blank."""

_VISIBLE = frozenset(
    {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No"}
    | {"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"}
    | {"Cn", "Co"}
)
"""
The categories of visible characters: letters, numbers, punctuation and symbols.

Unassigned and private characters are among them, since a font may have a glyph for them.
"""

_APP_TEXT = re.compile("[!-~](?:[ -~]{0,62}[!-~])?")
"""What a device says of its app: visible ASCII, so that every list can show it as it is."""

CONTEXT_BYTES = 256
"""The most bytes of each text that an origin says of a request's context."""

LIST_LIMIT = 1000
"""The most records that one call lists, which limits the memory that it takes."""


def text_fits(
    value: str | None, limit: int, field: str, *, empty: bool = False, trimmed: bool = False
) -> int:
    """
    Return how many bytes of UTF-8 a text has; InvalidField refuses one that does not fit.

    Args:
        value: None always fits, and has no bytes; half a surrogate pair never fits.
        limit: The most bytes of UTF-8.
        empty: Whether it may be empty.
        trimmed: Whether an invisible text is refused as empty: white space, controls, marks without
            a letter, and characters that draw nothing.
    """
    if value is None:
        return 0
    if not isinstance(value, str):
        raise InvalidField(field, "not a text")
    size = len(value)
    if not value.isascii():
        ijson.check(value, field=field)
        size = len(value.encode("utf-8"))
    if not empty and (not value or (trimmed and not shows_something(value))):
        raise InvalidField(field, "empty")
    if size > limit:
        raise InvalidField(field, f"longer than {limit} bytes")
    return size


def shows_something(text: str) -> bool:
    """Tell whether *text* has a visible character."""
    return _VISIBLE_ASCII.search(text) is not None or any(
        character not in _BLANK and unicodedata.category(character) in _VISIBLE
        for character in text
    )


def limit_fits(limit: int) -> None:
    """Refuse a limit below 1 or above `LIST_LIMIT`."""
    if not 1 <= limit <= LIST_LIMIT:
        raise InvalidField("limit", f"not within 1 and {LIST_LIMIT}")


def question_fits(question: Question, policy: Policy) -> None:
    """Refuse a question that exceeds the policy, or that I-JSON cannot hold."""
    text_fits(question.account_id, policy.account_id_bytes, "accountId")
    content_fits(question.content, policy)
    _buttons_fit(question.buttons, policy)
    if question.additional_info is not None:
        _document_fits(question.additional_info, policy.additional_info_bytes, "additionalInfo")
    text_fits(question.transaction_id, policy.transaction_id_bytes, "transactionId", empty=True)
    text_fits(question.callback, policy.callback_bytes, "callback")
    text_fits(question.notification_title, policy.title_bytes, "notificationTitle", empty=True)
    text_fits(question.notification_body, policy.title_bytes, "notificationBody", empty=True)
    if question.context is not None:
        _context_fits(question.context)


def html_allowed(question: Question, app_space: AppSpace) -> None:
    """Refuse HTML where the App Space does."""
    if app_space.html is HtmlUse.REFUSE and isinstance(question.content, HtmlContent):
        raise HtmlRefused("content", "HTML, which the App Space refuses")


def challenge_life(question: Question, policy: Policy) -> timedelta:
    """
    Return how long the question may be answered, in whole milliseconds, as it is displayed.

    InvalidField refuses less than a second, or more than the policy's limit.
    """
    default, longest = policy.challenge_life, policy.challenge_life_limit
    if isinstance(question.content, Action):
        default, longest = policy.action_lives(question.content)
    life = default if question.duration is None else question.duration
    if life < timedelta(seconds=1):
        raise InvalidField("duration", "at least 1 second")
    if life > longest:
        limit = int(longest.total_seconds())
        raise InvalidField("duration", f"at most {limit} seconds")
    return life - life % MILLISECOND


def addresses_fit(addresses: tuple[PushAddress, ...], policy: Policy) -> None:
    """Refuse too many push addresses, or one that is too long."""
    if len(addresses) > policy.addresses_limit:
        raise InvalidField("addresses", f"more than {policy.addresses_limit}")
    for index, address in enumerate(addresses):
        text_fits(address.value, policy.address_bytes, f"addresses[{index}].value")


def app_fits(platform: str, app_version: str, language: str | None = None) -> None:
    """
    Refuse what a device says of its app, unless it is 1 to 64 of visible ASCII, or nothing.

    Of its language, everything is refused but a language tag, or nothing.
    """
    for field, text in (("platform", platform), ("appVersion", app_version)):
        if text and _APP_TEXT.fullmatch(text) is None:
            raise InvalidField(field, "not 1 to 64 characters of visible ASCII, with inner spaces")
    if language and not is_language(language):
        raise InvalidField("language", "not a language tag like en or de-AT")


def content_fits(content: Content, policy: Policy) -> None:
    """Refuse content that is too long; of an action, what has to fit is its rendering."""
    limit = policy.content_bytes
    if isinstance(content, TextContent):
        text_fits(content.text, limit, "content", trimmed=True)
    elif isinstance(content, HtmlContent):
        text_fits(content.html, limit, "content", trimmed=True)
    elif isinstance(content, PairsContent):
        total = text_fits(content.title, policy.title_bytes, "content.title", trimmed=True)
        if len(content.pairs) > policy.pairs_limit:
            raise InvalidField("content.keys", f"more than {policy.pairs_limit}")
        for index, pair in enumerate(content.pairs):
            total += text_fits(pair.key, limit, f"content.keys[{index}].key", trimmed=True)
            total += text_fits(pair.value, limit, f"content.keys[{index}].value", empty=True)
        if total > limit:
            raise InvalidField("content", f"longer than {limit} bytes in all")


def _buttons_fit(buttons: tuple[Button, ...], policy: Policy) -> None:
    if not BUTTONS_AT_LEAST <= len(buttons) <= policy.buttons_limit:
        raise InvalidField("buttons", f"not {BUTTONS_AT_LEAST} to {policy.buttons_limit} of them")
    for index, button in enumerate(buttons):
        text_fits(button.title, policy.button_bytes, f"buttons[{index}].title", trimmed=True)
        text_fits(button.style, policy.style_bytes, f"buttons[{index}].style", empty=True)
    if not any(button.approving for button in buttons):
        raise InvalidField("buttons", "none is approving")
    if all(button.approving for button in buttons):
        raise InvalidField("buttons", "all are approving, so that nobody could refuse")


def _context_fits(context: RequestContext) -> None:
    text_fits(context.ip_address, CONTEXT_BYTES, "context.ipAddress")
    if context.ip_address is not None:
        try:
            ip_address(context.ip_address)
        except ValueError:
            raise InvalidField("context.ipAddress", "not an IP address") from None
        if "%" in context.ip_address:
            raise InvalidField("context.ipAddress", "an IP address with a zone")
    text_fits(context.place, CONTEXT_BYTES, "context.place", trimmed=True)
    text_fits(context.browser, CONTEXT_BYTES, "context.browser", trimmed=True)
    if context == RequestContext():
        raise InvalidField("context", "empty")


def _document_fits(value: object, limit: int, field: str) -> None:
    ijson.check(value, field=field)
    if len(ijson.compact(value, field=field)) > limit:
        raise InvalidField(field, f"longer than {limit} bytes")
