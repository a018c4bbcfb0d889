"""
Capabilities: what each adds to the decisions of nouns.

Tenancy, credentials, identity, bindings, challenges and the outbox import no capability. A use case
hands a function of this module to its decision, and the function calls the capability that the
record belongs to. The function imports the capability when it is first needed, so a program without
approvals, CIBA, a realm, account events or administrators' sessions does not load them.
"""

from __future__ import annotations

from datetime import datetime

from counterseal._plan import Tools
from counterseal.models import (
    Account,
    Binding,
    Callback,
    Challenge,
    DeadReason,
    Delivery,
    LoggedEvent,
    Origin,
    Record,
)


def after_ending(challenge: Challenge, at: datetime) -> tuple[Record, ...]:
    """Return what is stored with *challenge*, which an answer ended *at* this time."""
    if challenge.action is None:
        return ()
    from counterseal.approvals.decisions import approve  # noqa: PLC0415

    return approve(challenge, at)


def compose_callback(
    tools: Tools, callback: Callback, origin: Origin, subject: Record, account: Account | None
) -> Delivery | DeadReason | None:
    """Compose the callback about *subject*; None for a challenge that no capability requested."""
    if isinstance(subject, LoggedEvent):
        from counterseal.events.decisions import compose_event  # noqa: PLC0415

        return compose_event(tools, callback, origin, subject, account)
    if not isinstance(subject, Challenge):
        return None
    if subject.backchannel is not None:
        from counterseal.ciba.decisions.backchannel import compose_ping  # noqa: PLC0415

        return compose_ping(tools, callback, origin, subject.backchannel)
    if subject.channel is not None:
        from counterseal.ciba.decisions.realm_requests import compose_outcome  # noqa: PLC0415

        return compose_outcome(tools, callback, origin, subject, subject.channel)
    return None


async def demand_inviter(binding: Binding, tools: Tools) -> None:
    """
    Require that the session in which an administrator invited a device is active, if one did.

    Raises:
        WrongState: The session has ended.
    """
    if binding.session is None:
        return
    from counterseal.operators.decisions.proofs import demand_inviting_session  # noqa: PLC0415

    await demand_inviting_session(binding, tools)
