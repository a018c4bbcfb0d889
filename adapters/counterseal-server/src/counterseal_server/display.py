"""Print the display document as a device shows it to the person."""

from __future__ import annotations

import json
from typing import Any

import attrs

from counterseal_server.screen import Screen


@attrs.frozen(kw_only=True)
class _Parts:
    """
    What the program says, and apart from that what the origin says.

    Attributes:
        content: Paragraphs, and tables of labels with their values.
        action: What an approval is for, and the documents that belong to it.
    """

    who: list[tuple[str, str]]
    content: list[str | list[tuple[str, str]]]
    action: list[tuple[str, str]]
    buttons: list[tuple[str, str]]
    until: str


SAID_BY_ORIGIN = {
    "ipAddress": "IP address (they say)",
    "place": "Place (they say)",
    "browser": "Browser (they say)",
}
"""What the origin says of where the act comes from, which nobody has verified."""


def show(screen: Screen, display: dict[str, Any]) -> None:
    """
    Show a display document.

    Markup is printed as text; nothing is rendered, and nothing is left out.

    Args:
        display: The document, whose shape the core has checked.
    """
    parts = _parts(display)
    screen.facts(parts.who)
    # The type of an action has written hidden characters out.
    screen.framed("the question", parts.content, escaped=bool(parts.action))
    if parts.action:
        screen.facts(parts.action)
    screen.facts(parts.buttons)
    screen.facts([("Answer before", parts.until)])


def button_line(display: dict[str, Any], index: int | None) -> str:
    """Return the text for the chosen button; None is a disown."""
    if index is None:
        return 'none: "this was not me"'
    return f"[{index}] {display['buttons'][index]['title']}"


def compact(value: object) -> str:
    """Return *value* as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parts(display: dict[str, Any]) -> _Parts:
    who = [
        ("App Space", display["appSpace"]["name"]),
        ("Asked by", display["origin"]["name"]),
        ("Account", display["account"]["id"]),
    ]
    if "transactionId" in display:
        who.append(("Transaction", display["transactionId"]))
    for name, label in SAID_BY_ORIGIN.items():
        if name in display.get("context", {}):
            who.append((label, display["context"][name]))
    if "additionalInfo" in display:
        who.append(("Additional", compact(display["additionalInfo"])))
    # The strength is before the title, so that no title can pretend another one.
    buttons = [
        (f"[{index}] {_strength(button)}, {_meaning(button)}:", button["title"])
        for index, button in enumerate(display["buttons"])
    ]
    return _Parts(
        who=who,
        content=_content(display["content"]),
        action=_action(display),
        buttons=buttons,
        until=display["expiresAt"],
    )


def _action(display: dict[str, Any]) -> list[tuple[str, str]]:
    action = display.get("action")
    if action is None:
        return []
    facts = [
        ("Action", action["type"]),
        ("Digest", action["digest"]),
        ("Usable until", action["validUntil"]),
    ]
    for attachment in action.get("attachments", ()):
        kind = f"{attachment['type']}, {attachment['size']} bytes"
        facts += [
            ("Document", attachment["name"]),
            ("", kind),
            ("", attachment["url"]),
            ("", f"SHA-256 {attachment['sha256']}"),
        ]
    return facts


def _content(content: dict[str, Any]) -> list[str | list[tuple[str, str]]]:
    if "text" in content:
        return [content["text"]]
    if "html" in content:
        return [content["html"]]
    pairs = [(pair["key"], pair["value"]) for pair in content["keys"]]
    return [content["title"], pairs]


def _strength(button: dict[str, Any]) -> str:
    return "strong" if button["strong"] else "weak"


def _meaning(button: dict[str, Any]) -> str:
    return "approves" if button["approves"] else "refuses"
