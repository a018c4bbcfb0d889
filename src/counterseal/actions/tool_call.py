"""
The type `tool-call`: a program, mostly an agent, wants to call a tool.

`resource` is the tool's name, and `arguments` are those of the call, whatever they are. Each value
is a row of path and JSON (`counterseal.actions.rendering`); nothing is shortened or left out. A
person cannot check a call with more than 40 rows, or with rows of more than 4,000 characters in
all, so it is refused.

The texts are a title and one label; a row of an argument has no label but its path, which begins
with `$`.
"""

from __future__ import annotations

from counterseal.actions.rendering import argument_rows, visible_text
from counterseal.actions.types import ActionType, Rendering, Texts, texts_of
from counterseal.errors import InvalidField
from counterseal.models import Action, Pair, PairsContent

ROWS = 40
"""The most rows of arguments."""

CHARACTERS = 4_000
"""The most characters of these rows, paths and values together, as they are displayed."""


def check(action: Action) -> None:
    """Refuse arguments with more rows or characters than a person can check."""
    rows = argument_rows(action.arguments)
    if len(rows) > ROWS:
        raise InvalidField("action.arguments", f"{len(rows)} rows to check, more than {ROWS}")
    characters = sum([len(row.key) + len(row.value) for row in rows])
    if characters > CHARACTERS:
        problem = f"{characters} characters to check, more than {CHARACTERS}"
        raise InvalidField("action.arguments", problem)


def render(action: Action, texts: Texts) -> Rendering:
    """Return the tool and a row for each argument."""
    tool = Pair(key=texts["tool"], value=visible_text(action.resource))
    rows = (tool, *argument_rows(action.arguments))
    return Rendering(content=PairsContent(title=texts["title"], pairs=rows))


TOOL_CALL = ActionType(
    name="tool-call",
    check=check,
    render=render,
    texts=texts_of("tool-call"),
)
"""Any call of a tool."""
