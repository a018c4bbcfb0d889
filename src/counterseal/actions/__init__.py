"""
Actions: how each type of action is checked, and displayed to the person who approves it.

A type is data, its texts by language, and two pure functions: `check` refuses arguments that do
not fit, and `render` returns what is displayed. A service has a registry of types; an action of
another type is refused, and never displayed as it came. Two different actions never have the same
rendering, so who signs what is displayed signs one action.

- `counterseal.actions.types`: a type, its rendering, and the registry
- `counterseal.actions.texts`: texts that a person can read exactly, and rows of arguments
- `counterseal.actions.tool_call`: `tool-call`, any call of a tool
"""

from __future__ import annotations

from counterseal.actions.texts import argument_rows, visible_text
from counterseal.actions.tool_call import TOOL_CALL
from counterseal.actions.types import COMMON_TEXTS, ActionType, ActionTypes, Rendering, Texts

STANDARD_ACTIONS = ActionTypes(TOOL_CALL)
"""The types that every service has; register others beside them."""

__all__ = [
    "COMMON_TEXTS",
    "STANDARD_ACTIONS",
    "TOOL_CALL",
    "ActionType",
    "ActionTypes",
    "Rendering",
    "Texts",
    "argument_rows",
    "visible_text",
]
