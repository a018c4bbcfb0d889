"""The outbox: what callbacks and notifications share: claims, and the jitter of retries."""

from __future__ import annotations

from counterseal._decisions.plan import Decision, Records, Tools, require
from counterseal.errors import DeadlineAhead, WrongState
from counterseal.machines import CALLBACK, NOTIFICATION, CallbackEvent, NotificationEvent, step
from counterseal.models import Callback, Notification, revise
from counterseal.rules.facts import Claiming

_BYTES = 4
_SPAN = (1 << 8 * _BYTES) - 1


def claim_callback(stored: Records, tools: Tools) -> Decision[Callback]:
    """
    Decide whether a worker gets the callback's next attempt, for as long as the policy says.

    WrongState, if it is not queued, and DeadlineAhead, if its attempt is not due or claimed by
    another worker, are refusals of the decision: they are raised, and not audited.
    """
    callback = require(stored[0], Callback)
    facts = Claiming(now=tools.now, record=callback)
    try:
        state = step(CALLBACK, callback.state, CallbackEvent.CLAIM, facts)
    except (WrongState, DeadlineAhead) as refusal:
        # Losing the claim race is expected; do not audit it.
        return Decision(result=callback, refusal=refusal)
    lease_until = tools.now + tools.policy.callback_lease
    claimed_callback = revise(callback, state=state, lease_until=lease_until)
    return Decision(result=claimed_callback, writes=(claimed_callback,))


def claim_notification(stored: Records, tools: Tools) -> Decision[Notification]:
    """Decide whether a worker gets the notification's next attempt, as `claim_callback` does."""
    notification = require(stored[0], Notification)
    facts = Claiming(now=tools.now, record=notification)
    try:
        state = step(NOTIFICATION, notification.state, NotificationEvent.CLAIM, facts)
    except (WrongState, DeadlineAhead) as refusal:
        return Decision(result=notification, refusal=refusal)
    lease_until = tools.now + tools.policy.push_lease
    claimed_notification = revise(notification, state=state, lease_until=lease_until)
    return Decision(result=claimed_notification, writes=(claimed_notification,))


def draw_jitter(tools: Tools) -> float:
    """Return a random share, from 0 to 1, of the longest jitter that the policy allows."""
    return int.from_bytes(tools.entropy(_BYTES)) / _SPAN
