"""
Print the display document as a device shows it to the person.

A question in HTML is printed as the lines of its text, and below it its source, which is signed.

Of an action, the rows that say what the agent says about itself have a frame of their own, as in
the browser device: the last rows before the end of the approval, if they have the labels of
`CLAIMS` in the action's language. `ActionTypes.render` lets no row of a type have such a label.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs

from counterseal.actions import COMMON_TEXTS
from counterseal.device import read_html
from counterseal.errors import MalformedToken
from counterseal.wire.members import parse_time
from counterseal.wire.visible import Name
from counterseal_server.screen import Screen
from counterseal_server.words import FALLBACK, Words, load_words

CLAIMS = ("agent", "run", "purpose")
"""What the agent says about itself, by the names of their labels, in the order of the rows."""


@attrs.frozen(kw_only=True)
class _Parts:
    """
    What the program says, and apart from that what the origin says.

    Attributes:
        content: Paragraphs, and tables of labels with their values.
        claims: What the agent says about itself.
        claimant: The title of the claims: who says so, the agent or who asks.
        source: Of a question in HTML, sentences on how *content* was read from it, and the source
            itself, unless it is *content*.
        action: What an approval is for, and the documents that belong to it.
    """

    who: list[tuple[str, str]]
    content: list[str | list[tuple[str, str]]]
    claims: list[tuple[str, str]]
    claimant: str
    source: tuple[str, str | None] | None
    action: list[tuple[str, str]]
    buttons: list[tuple[str, str]]
    until: str


SAID_BY_ORIGIN = {"ipAddress": "ip_address", "place": "place", "browser": "browser"}
"""What the origin says of where the act comes from, which nobody has verified: its labels."""


def show_challenge(
    screen: Screen,
    display: dict[str, Any],
    *,
    in_local_time: bool = False,
    owner: Iterable[tuple[str, str]] = (),
    language: str = FALLBACK,
) -> None:
    """
    Show a display document.

    Markup is printed as text. Nothing is rendered, and nothing is left out: what the lines of a
    question in HTML do not say is in its source.

    Args:
        display: The document, whose shape the core has checked.
        in_local_time: Whether the moments outside of the question are in local time, too.
        owner: Whose the App Space is, as labels with their values; no document says that.
        language: That of the words around the question, one of `words.LANGUAGES`.
    """
    words = load_words("counterseal_server", language)
    parts = _parts(display, words, in_local_time=in_local_time)
    app_space, *who = parts.who
    screen.facts([app_space, *owner, *who])
    # The type of an action has written hidden characters out.
    screen.framed(words.say("question_frame"), parts.content, escaped=bool(parts.action))
    if parts.source is not None:
        note, source = parts.source
        screen.say(note)
        if source is not None:
            screen.framed(words.say("source_frame"), [source])
    if parts.claims:
        screen.framed(parts.claimant, [parts.claims], escaped=True)
    if parts.action:
        screen.facts(parts.action)
    screen.facts(parts.buttons)
    screen.facts([(words.say("answer_before"), parts.until)])


def button_line(display: dict[str, Any], index: int | None) -> str:
    """Return the text for the chosen button; None is a disown."""
    if index is None:
        return 'none: "this was not me"'
    return f"[{index}] {display['buttons'][index]['title']}"


def compact(value: object) -> str:
    """Return *value* as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def format_moment(text: str, *, in_local_time: bool) -> str:
    """
    Return a moment as a person reads it.

    Args:
        text: RFC 3339, in UTC.
        in_local_time: Whether the local time comes first, unless it is UTC.
    """
    if not in_local_time:
        return text
    try:
        local = parse_time(text).astimezone()
    except (MalformedToken, OverflowError):  # the local time may be in the year 0 or 10000
        return text
    return f"{local:%Y-%m-%d %H:%M:%S %Z} ({text})" if local.utcoffset() else text


def _parts(display: dict[str, Any], words: Words, *, in_local_time: bool) -> _Parts:
    who = [
        (words.say("account_at"), display["appSpace"]["name"]),
        (words.say("asked_by"), display["origin"]["name"]),
        (words.say("account"), Name(display["account"]["id"])),
    ]
    if "transactionId" in display:
        who.append((words.say("transaction"), display["transactionId"]))
    for name, label in SAID_BY_ORIGIN.items():
        if name in display.get("context", {}):
            who.append((words.say(label), display["context"][name]))
    if "additionalInfo" in display:
        who.append((words.say("additional"), compact(display["additionalInfo"])))
    # The strength is before the title, so that no title can pretend another one.
    buttons = [
        (f"[{index}] {_strength(button, words)}, {_meaning(button, words)}:", button["title"])
        for index, button in enumerate(display["buttons"])
    ]
    content, claims = _content(display)
    return _Parts(
        who=who,
        content=content,
        claims=claims,
        claimant=_name_claimant(display, claims, words),
        source=_source(display["content"], words),
        action=_action(display, words, in_local_time=in_local_time),
        buttons=buttons,
        until=format_moment(display["expiresAt"], in_local_time=in_local_time),
    )


def _action(display: dict[str, Any], words: Words, *, in_local_time: bool) -> list[tuple[str, str]]:
    action = display.get("action")
    if action is None:
        return []
    end = format_moment(action["validUntil"], in_local_time=in_local_time)
    facts = [
        (words.say("action"), action["type"]),
        (words.say("digest"), action["digest"]),
        (words.say("usable_until"), end),
    ]
    for attachment in action.get("attachments", ()):
        kind = words.say("kind", type=attachment["type"], size=attachment["size"])
        facts += [
            (words.say("document"), attachment["name"]),
            ("", kind),
            ("", attachment["url"]),
            ("", f"SHA-256 {attachment['sha256']}"),
        ]
    return facts


def _content(
    display: dict[str, Any],
) -> tuple[list[str | list[tuple[str, str]]], list[tuple[str, str]]]:
    """Return what is asked, and apart from it what the agent says about itself."""
    content = display["content"]
    if "text" in content:
        return [content["text"]], []
    if "html" in content:
        html_text = read_html(content["html"])
        return [content["html"]] if html_text is None else list(html_text.lines), []
    rows = [(pair["key"], pair["value"]) for pair in content["keys"]]
    claims: list[tuple[str, str]] = []
    if "action" in display and rows and rows[-1][1] == _format_end(display["action"]["validUntil"]):
        end = rows.pop()
        for label in reversed(_claim_labels(display)):
            if rows and rows[-1][0] == label:
                claims.insert(0, rows.pop())
        rows.append(end)
    return [content["title"], rows], claims


def _source(content: dict[str, Any], words: Words) -> tuple[str, str | None] | None:
    if "html" not in content:
        return None
    html_text = read_html(content["html"])
    if html_text is None:
        return words.say("html_unread"), None
    counts = {
        "scripts": html_text.scripts,
        "styles": html_text.styles,
        "comments": html_text.comments,
        "pictures": html_text.pictures,
    }
    omitted = [words.say(name, count=count) for name, count in counts.items() if count]
    return " ".join([words.say("html_read"), *omitted]), content["html"]


def _claim_labels(display: dict[str, Any]) -> list[str]:
    """Return the labels of claims in the language of the action; none if they are not known."""
    texts = COMMON_TEXTS.get(display["action"]["language"], {})
    return [texts[name] for name in CLAIMS if name in texts]


def _format_end(valid_until: str) -> str:
    """Return the end of an approval as the service writes it in a row."""
    return f"{valid_until[:10]} {valid_until[11:19]} UTC"


def _name_claimant(display: dict[str, Any], claims: list[tuple[str, str]], words: Words) -> str:
    """Say who makes the claims: the agent if it is named, else who asks."""
    is_agent = bool(claims) and claims[0][0] == _claim_labels(display)[0]
    return words.say("agent_says" if is_agent else "origin_says")


def _strength(button: dict[str, Any], words: Words) -> str:
    return words.say("strong" if button["strong"] else "weak")


def _meaning(button: dict[str, Any], words: Words) -> str:
    return words.say("approves" if button["approves"] else "refuses")
