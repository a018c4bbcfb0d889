"""
Actions: how each type of action is checked, and displayed to the person who approves it.

A type is data, its texts by language, and two pure functions: `check` refuses arguments that do
not fit, and `render` returns what is displayed. A service has a registry of types; an action of
another type is refused, and never displayed as it came. Two different actions never have the same
rendering, so who signs what is displayed signs one action.

- `counterseal.actions.types`: a type, its rendering, and the registry
- `counterseal.actions.texts`: texts that a person can read exactly, and rows of any arguments
- `counterseal.actions.members`: the members that a type's arguments have, and their rows
- `counterseal.actions.amounts`: amounts of money
- `counterseal.actions.payment`, `login`, `document` and `tool_call`: the types that exist
"""

from __future__ import annotations

from counterseal.actions.amounts import AMOUNT, CURRENCY, PERCENTAGE
from counterseal.actions.document import DOCUMENT
from counterseal.actions.login import LOGIN
from counterseal.actions.members import (
    DATE,
    DOMAIN,
    FLAG,
    IP_ADDRESS,
    TIME,
    URL,
    Branch,
    Kind,
    Leaf,
    check_members,
    choice_of,
    count_from,
    member_rows,
    text_of,
)
from counterseal.actions.payment import PAYMENT
from counterseal.actions.texts import Texts, argument_rows, visible_text
from counterseal.actions.tool_call import TOOL_CALL
from counterseal.actions.types import COMMON_TEXTS, ActionType, ActionTypes, Rendering

STANDARD_ACTIONS = ActionTypes(PAYMENT, TOOL_CALL, LOGIN, DOCUMENT)
"""The types that every service has; register others beside them."""

__all__ = [
    "AMOUNT",
    "COMMON_TEXTS",
    "CURRENCY",
    "DATE",
    "DOCUMENT",
    "DOMAIN",
    "FLAG",
    "IP_ADDRESS",
    "LOGIN",
    "PAYMENT",
    "PERCENTAGE",
    "STANDARD_ACTIONS",
    "TIME",
    "TOOL_CALL",
    "URL",
    "ActionType",
    "ActionTypes",
    "Branch",
    "Kind",
    "Leaf",
    "Rendering",
    "Texts",
    "argument_rows",
    "check_members",
    "choice_of",
    "count_from",
    "member_rows",
    "text_of",
    "visible_text",
]
