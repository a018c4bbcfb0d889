"""
The type `site-action`: what a logged-in person does on a site, such as to delete a customer.

`resource` is where on the site. `arguments` are the members `action`, a text, and `details`, pairs
of label and value, in the person's language: the device shows each text as it is. Nothing is
shortened; a person cannot check more than 40 rows, or 4,000 characters, so more is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from counterseal.actions import (
    STANDARD_ACTIONS,
    ActionType,
    ActionTypes,
    Rendering,
    Texts,
    visible_text,
)
from counterseal.errors import InvalidField
from counterseal.models import Action, Pair, PairsContent
from counterseal.wire.members import read_object

NAME = "site-action"
ACTION_LENGTH = 256
"""Characters of the text that says what is done."""

ROWS = 40
"""The most rows of details."""

CHARACTERS = 4_000
"""The most characters of these rows, labels and values together, as they are displayed."""

TEXTS: Mapping[str, Texts] = MappingProxyType(
    {
        "en": MappingProxyType(
            {"title": "Confirm an action", "action": "Action", "resource": "Where"}
        ),
        "de": MappingProxyType(
            {"title": "Ein Vorhaben bestätigen", "action": "Vorhaben", "resource": "Wo"}
        ),
        "fr": MappingProxyType(
            {"title": "Confirmer une action", "action": "Action", "resource": "Où"}
        ),
        "es": MappingProxyType(
            {"title": "Confirmar una acción", "action": "Acción", "resource": "Dónde"}
        ),
        "it": MappingProxyType(
            {"title": "Conferma un'azione", "action": "Azione", "resource": "Dove"}
        ),
    }
)


def check(action: Action) -> None:
    """Refuse arguments of another form, or more of them than a person can check."""
    arguments = read_object(action.arguments, {"action", "details"}, "action.arguments")
    text, details = arguments.get("action"), arguments.get("details")
    if not isinstance(text, str) or not 1 <= len(text) <= ACTION_LENGTH:
        raise InvalidField(
            "action.arguments.action", f"not a text of 1 to {ACTION_LENGTH} characters"
        )
    if not isinstance(details, list):
        raise InvalidField("action.arguments.details", "not a list")
    if len(details) > ROWS:
        problem = f"{len(details)} rows to check, more than {ROWS}"
        raise InvalidField("action.arguments.details", problem)
    for index, detail in enumerate(details):
        if not _is_row(detail):
            raise InvalidField(f"action.arguments.details[{index}]", "not a label and a value")
    characters = sum(len(row.key) + len(row.value) for row in _rows(details))
    if characters > CHARACTERS:
        problem = f"{characters} characters to check, more than {CHARACTERS}"
        raise InvalidField("action.arguments.details", problem)


def render(action: Action, texts: Texts) -> Rendering:
    """Return what is done, where, and a row for each detail."""
    rows = (
        Pair(key=texts["action"], value=visible_text(action.arguments["action"])),
        Pair(key=texts["resource"], value=visible_text(action.resource)),
        *_rows(action.arguments["details"]),
    )
    return Rendering(content=PairsContent(title=texts["title"], pairs=rows))


def _is_row(detail: object) -> bool:
    return (
        isinstance(detail, list)
        and len(detail) == len(("label", "value"))
        and all(isinstance(text, str) for text in detail)
        and bool(detail[0])
    )


def _rows(details: list[list[str]]) -> list[Pair]:
    return [Pair(key=visible_text(label), value=visible_text(value)) for label, value in details]


SITE_ACTION = ActionType(name=NAME, check=check, render=render, texts=TEXTS)
"""Anything that a logged-in person does on a site."""

SITE_ACTIONS = ActionTypes(*STANDARD_ACTIONS, SITE_ACTION)
"""The types of actions that a project's users are asked about."""
