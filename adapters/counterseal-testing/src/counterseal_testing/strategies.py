"""
Hypothesis strategies for what goes into a service: questions, challenges as JSON, texts, times.

What a strategy makes, the given policy has room for; `broken_challenges` makes the opposite,
and says which field is to blame.

Those that others draw from are built once for each policy: Hypothesis validates every strategy
that it meets, and that took more time than drawing from it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from counterseal._input_limits import shows_something
from counterseal.ijson import INTEGER_LIMIT
from counterseal.models import (
    DEFAULT_BUTTONS,
    Action,
    AddressKind,
    Button,
    Content,
    Guid,
    HtmlContent,
    Pair,
    PairsContent,
    PushAddress,
    Question,
    TextContent,
)
from counterseal.models.guid import ENTROPY_BYTES, PARTITIONS, mint
from counterseal.policy import STANDARD, Policy

__all__ = [
    "account_ids",
    "broken_challenges",
    "buttons",
    "challenges",
    "contents",
    "durations",
    "guids",
    "i_json",
    "moments",
    "push_addresses",
    "questions",
    "texts",
]

UTF8_BYTES = 4
"""The most that one character takes."""

JSON_BYTES = 6
"""The most that one character takes in JSON: `\\u001f`."""

NOT_CHARACTERS = "".join(
    [chr(point) for point in range(0xFDD0, 0xFDF0)]
    + [chr(plane * 0x10000 + low) for plane in range(17) for low in (0xFFFE, 0xFFFF)]
)
"""RFC 7493, 2.1: what no text may hold, besides surrogates."""

ODD_TEXTS = (
    "0",
    "Zoë",
    "Zoe\u0308",
    "\u202ereversed\u202c",
    "\x00\x1f\x7f",
    "<b>&amp;</b>",
    "👩‍👩‍👧",
    "\ufeff ",
    "' OR 1=1 --",
)
"""Texts that have broken programs before."""


_built_once = lru_cache(maxsize=256)


def texts(*, limit: int = 64, blank: bool = False) -> SearchStrategy[str]:
    """
    Make texts that I-JSON can hold.

    Args:
        limit: Bytes of UTF-8, at most.
        blank: Whether what shows nothing is enough.
    """
    return _texts(limit, blank)


@_built_once
def _texts(limit: int, blank: bool) -> SearchStrategy[str]:  # noqa: FBT001 (private, and cached)
    characters = st.characters(codec="utf-8", exclude_characters=NOT_CHARACTERS)
    strategy = st.text(characters, max_size=min(limit // UTF8_BYTES, 64))
    odd = st.sampled_from([text for text in ODD_TEXTS if len(text.encode()) <= limit])
    every = strategy | odd
    return every if blank else every.filter(shows_something)


def i_json(*, leaves: int = 12) -> SearchStrategy[Any]:
    """Make JSON values that I-JSON can hold; see `counterseal.ijson`."""
    return _i_json(leaves)


@_built_once
def _i_json(leaves: int) -> SearchStrategy[Any]:
    numbers = st.integers(-INTEGER_LIMIT, INTEGER_LIMIT) | st.floats(
        allow_nan=False, allow_infinity=False
    ).filter(lambda number: abs(number) <= INTEGER_LIMIT or not number.is_integer())
    return st.recursive(
        st.none() | st.booleans() | numbers | texts(blank=True),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(texts(blank=True), inner, max_size=4)
        ),
        max_leaves=leaves,
    )


def guids(partition: int | None = None) -> SearchStrategy[Guid]:
    """Make GUIDs of this service, in one partition if it is given."""
    partitions = st.integers(0, PARTITIONS - 1) if partition is None else st.just(partition)
    entropy = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
    return st.builds(mint, partitions, entropy)


def account_ids(policy: Policy = STANDARD) -> SearchStrategy[str]:
    """Make an origin's own ids of accounts."""
    return _account_ids(policy.account_id_bytes)


@_built_once
def _account_ids(limit: int) -> SearchStrategy[str]:
    return texts(limit=limit, blank=True).filter(bool)


def moments() -> SearchStrategy[datetime]:
    """Make times that the wire can say: in UTC, to the millisecond."""
    begin = datetime(2000, 1, 1, tzinfo=UTC)
    milliseconds = st.integers(0, 50 * 365 * 86_400_000)
    return milliseconds.map(lambda count: begin + timedelta(milliseconds=count))


def durations(policy: Policy = STANDARD) -> SearchStrategy[timedelta]:
    """Make durations that a challenge may have, in whole seconds."""
    return _durations(int(policy.challenge_life_limit.total_seconds()))


@_built_once
def _durations(limit: int) -> SearchStrategy[timedelta]:
    return st.integers(1, limit).map(lambda seconds: timedelta(seconds=seconds))


def push_addresses(policy: Policy = STANDARD) -> SearchStrategy[tuple[PushAddress, ...]]:
    """Make the push addresses of one device."""
    address = st.builds(
        PushAddress,
        kind=st.sampled_from(AddressKind),
        value=texts(limit=policy.address_bytes, blank=True).filter(bool),
    )
    limit = min(policy.addresses_limit, 3)
    return st.lists(address, max_size=limit, unique=True).map(tuple)


def contents(policy: Policy = STANDARD) -> SearchStrategy[Content]:
    """Make content of every form: text, HTML, and a title with pairs."""
    return _contents(policy)


@_built_once
def _contents(policy: Policy) -> SearchStrategy[Content]:
    short = texts(limit=min(policy.content_bytes // JSON_BYTES // 8, 256))
    pair = st.builds(Pair, key=short, value=short | st.just(""))
    pairs = st.lists(pair, max_size=min(policy.pairs_limit, 3)).map(tuple)
    return (
        st.builds(TextContent, text=short)
        | st.builds(HtmlContent, html=short.map(lambda text: f"<html>{text}</html>"))
        | st.builds(PairsContent, title=texts(limit=policy.title_bytes), pairs=pairs)
    )


@st.composite
def buttons(draw: DrawFn, policy: Policy = STANDARD) -> tuple[Button, ...]:
    """Make two buttons or more, of which at least one approves and at least one does not."""
    count = draw(st.integers(2, min(policy.buttons_limit, 5)))
    approving = draw(_flags(count))
    if len(set(approving)) == 1:
        approving[draw(st.integers(0, count - 1))] ^= True
    return tuple(draw(_buttons_that(approves, policy)) for approves in approving)


@_built_once
def _flags(count: int) -> SearchStrategy[list[bool]]:
    return st.lists(st.booleans(), min_size=count, max_size=count)


@_built_once
def _buttons_that(approves: bool, policy: Policy) -> SearchStrategy[Button]:  # noqa: FBT001
    return st.builds(
        Button,
        title=texts(limit=policy.button_bytes),
        strong=st.booleans(),
        style=st.none() | texts(limit=min(policy.style_bytes, 64), blank=True),
        approving=st.just(approves),
    )


_buttons = _built_once(buttons)


@st.composite
def questions(
    draw: DrawFn,
    policy: Policy = STANDARD,
    *,
    account_id: str | None = None,
    callback: str | None = None,
) -> Question:
    """
    Make questions of every form.

    Args:
        draw: Hypothesis gives it.
        policy: Has room for them.
        account_id: Who is asked; None makes one up.
        callback: The address that some of them name; None names none.
    """
    return Question(
        account_id=draw(account_ids(policy)) if account_id is None else account_id,
        callback=draw(st.sampled_from([None, callback])),
        **{name: draw(values) for name, values in _question_members(policy).items()},
    )


@_built_once
def _question_members(policy: Policy) -> dict[str, SearchStrategy[Any]]:
    notification = st.none() | texts(limit=policy.title_bytes, blank=True)
    return {
        "content": contents(policy),
        "buttons": _buttons(policy),
        "duration": st.none() | durations(policy),
        "additional_info": st.none()
        | texts(limit=256, blank=True)
        | st.dictionaries(texts(), i_json(leaves=4), max_size=3),
        "transaction_id": st.none() | texts(limit=policy.transaction_id_bytes, blank=True),
        "notification_title": notification,
        "notification_body": notification,
        "show_code": st.booleans(),
        "show_notification": st.booleans(),
    }


@st.composite
def challenges(draw: DrawFn, policy: Policy = STANDARD) -> dict[str, Any]:
    """Make challenges as origins send them: the JSON that `read_question` takes."""
    document: dict[str, Any] = {
        "accountId": draw(account_ids(policy)),
        "content": draw(_content_documents(policy)),
    }
    question = draw(_buttons(policy))
    room = all(len(button.title) <= policy.button_bytes for button in DEFAULT_BUTTONS)
    if not room or draw(st.booleans()):
        document["buttons"] = [
            {"title": button.title, "strongAuth": draw(_FLAG), "approving": button.approving}
            | ({} if button.style is None else {"style": button.style})
            for button in question
        ]
    return document | draw(_optional_members(policy))


_FLAG = st.booleans() | st.sampled_from(["true", "false"])


@_built_once
def _content_documents(policy: Policy) -> SearchStrategy[Any]:
    return contents(policy).map(_content_document)


@_built_once
def _optional_members(policy: Policy) -> SearchStrategy[dict[str, Any]]:
    optional: dict[str, SearchStrategy[Any]] = {
        "duration": durations(policy).flatmap(
            lambda span: st.sampled_from(_spellings(int(span.total_seconds())))
        ),
        "additionalInfo": texts(blank=True)
        | st.dictionaries(texts(), i_json(leaves=4), max_size=3),
        "transactionId": texts(limit=policy.transaction_id_bytes, blank=True),
        "notificationTitle": texts(limit=policy.title_bytes, blank=True),
        "notificationBody": texts(limit=policy.title_bytes, blank=True),
        "showNotification": _FLAG,
        "showCode": _FLAG,
    }
    return st.fixed_dictionaries({}, optional=optional)


_challenges = _built_once(challenges)


@st.composite
def broken_challenges(draw: DrawFn, policy: Policy = STANDARD) -> tuple[dict[str, Any], str]:
    """Make challenges with one fault, each with the field that its refusal has to name."""
    document = draw(_challenges(policy))
    document.setdefault("buttons", [{"title": "Yes", "strongAuth": True} for _ in range(2)])
    spoil, field = draw(st.sampled_from(_FAULTS))
    spoil(document)
    return document, field


def _content_document(content: Content) -> Any:
    if isinstance(content, HtmlContent):
        return content.html
    if isinstance(content, TextContent):
        return {"text": content.text}
    if isinstance(content, Action):
        raise TypeError("no challenge here is about an action")
    return {
        "title": content.title,
        "keys": [{"key": pair.key, "value": pair.value} for pair in content.pairs],
    }


def _spellings(seconds: int) -> list[str | int]:
    minutes = [f"{seconds // 60}m"] if seconds % 60 == 0 else []
    return [f"{seconds}s", f"{seconds}", seconds, *minutes]


def _member(name: str, value: Any) -> tuple[Callable[[dict[str, Any]], None], str]:
    return lambda document: document.update({name: value}), name


def _button(name: str, value: Any) -> tuple[Callable[[dict[str, Any]], None], str]:
    return lambda document: document["buttons"][0].update({name: value}), f"buttons[0].{name}"


_FAULTS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    _member("accountId", ""),
    _member("accountId", 7),
    _member("showcode", "true"),
    _member("button", []),
    _member("content", None),
    _member("content", ["a list"]),
    (lambda document: document.update(content={"text": ""}), "content.text"),
    (lambda document: document.update(content={"title": 1}), "content.title"),
    (lambda document: document.update(content={"title": "x", "keys": [1]}), "content.keys[0]"),
    _member("buttons", "Approve"),
    _member("duration", "-1m"),
    _member("duration", "ten"),
    _member("duration", 60.5),
    _member("additionalInfo", 1),
    _member("transactionId", 1),
    _member("callback", 1),
    _member("showCode", "maybe"),
    _member("showNotification", 0),
    _member("deviceGuid", "not a GUID"),
    _button("title", ""),
    _button("strong_auth", "false"),
    _button("strongAuth", "maybe"),
    _button("approving", "maybe"),
    _button("style", 1),
]
