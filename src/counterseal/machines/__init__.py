"""
The machines: five charts, declared as data, and the only way to move.

Everything that can change a state is in this room, and nothing else may change one.
A chart's class body is its table: each event on its target, with the rules that guard it
passed by reference.
There are no callbacks, no listeners and nothing asynchronous.

- Rules that refuse are `validators`: each raises one typed error before anything moves.
- A `cond` only chooses between two targets of one event; the unconditional row stands last.
- The rows of one state and event carry the same validators, which `step` runs once.

`python-statemachine` gives the declaration, its structural validation and an independent judge.
Its engine costs several signature checks a decision, and an instance shared by two threads
answers wrongly; so `step` walks the rows, compiled once at import, and the tests prove over every
state, event and outcome of the rules that both agree.
"""

from __future__ import annotations

from counterseal.machines.chart import Cell, Chart, Row, compiled, markdown, mermaid, step, table
from counterseal.machines.charts import (
    BINDING,
    CALLBACK,
    CHALLENGE,
    CHARTS,
    LOGIN,
    NOTIFICATION,
    BindingEvent,
    CallbackEvent,
    ChallengeEvent,
    LoginEvent,
    NotificationEvent,
)

__all__ = [
    "BINDING",
    "CALLBACK",
    "CHALLENGE",
    "CHARTS",
    "LOGIN",
    "NOTIFICATION",
    "BindingEvent",
    "CallbackEvent",
    "Cell",
    "ChallengeEvent",
    "Chart",
    "LoginEvent",
    "NotificationEvent",
    "Row",
    "compiled",
    "markdown",
    "mermaid",
    "step",
    "table",
]
