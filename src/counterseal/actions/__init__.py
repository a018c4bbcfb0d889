"""
Actions: how each type of action is checked, and displayed to the person who approves it.

A type is data, its texts by language, and two pure functions: `check` refuses arguments that do
not fit, and `render` returns what is displayed. A service has a registry of types; an action of
another type is refused, and never displayed as it came. Two different actions never have the same
rendering, so who signs what is displayed signs one action.

- `counterseal.actions.types`: a type, its rendering, and the registry
- `counterseal.actions.rendering`: texts that a person can read exactly, and rows of any arguments
- `counterseal.actions.members`: the members that a type's arguments have, and their rows
- `counterseal.actions.members`: amounts of money
- `counterseal.actions.payment`, `login`, `document` and `tool_call`: the types that exist
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
