"""
The type `login`: somebody logs in as the person, or does something else that carries a risk.

`resource` is where. The arguments say what the origin knows of it, all of it optional; nobody has
verified it. `transaction_id`, `date_time`, `service` and `action` have the names and lengths of the
type `urn:eudi:sca:login_risk_transaction:1` of EUDI TS12, 4.3.2 (version 1.0).
"""

from __future__ import annotations

from counterseal.actions.members import (
    IP_ADDRESS,
    TIME,
    Branch,
    Leaf,
    check_members,
    member_rows,
    text_of,
)
from counterseal.actions.rendering import visible_text
from counterseal.actions.types import ActionType, Rendering, Texts, texts_of
from counterseal.models import Action, Pair, PairsContent

MEMBERS: dict[str, Leaf | Branch] = {
    "action": Leaf("action", text_of(140)),
    "service": Leaf("service", text_of(100)),
    "client": Leaf("client", text_of(100)),
    "browser": Leaf("browser", text_of(256)),
    "place": Leaf("place", text_of(256)),
    "ip_address": Leaf("ipAddress", IP_ADDRESS),
    "date_time": Leaf("dateTime", TIME),
    "transaction_id": Leaf("transaction", text_of(36)),
}
"""The arguments, in the order of the rows."""


def check(action: Action) -> None:
    """Refuse arguments that are unknown or do not fit."""
    check_members(action.arguments, MEMBERS)


def render(action: Action, texts: Texts) -> Rendering:
    """Return where, and then each member."""
    resource = Pair(key=texts["resource"], value=visible_text(action.resource))
    rows = (resource, *member_rows(action.arguments, MEMBERS, texts))
    return Rendering(content=PairsContent(title=texts["title"], pairs=rows))


LOGIN = ActionType(
    name="login",
    check=check,
    render=render,
    texts=texts_of("login"),
)
"""A log-in, or another action that carries a risk."""
