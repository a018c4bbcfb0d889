"""Details: the action that a client asks about, from its `authorization_details` (RFC 9396)."""

from __future__ import annotations

from typing import Any

import attrs

from counterseal.challenges.documents.action import read_action
from counterseal.errors import InvalidField
from counterseal.models import Action, ActionTerms, Origin, Question
from counterseal.policy import Policy
from counterseal.wire.members import format_time
from counterseal_ciba.authentication import AuthenticationRequest
from counterseal_ciba.errors import OAuthError, invalid_details

ACTION_TYPE = "urn:counterseal:action"
"""The type of authorization details for all types of actions that the service renders."""

MEMBERS = frozenset({"type", "action"})


def question_of(request: AuthenticationRequest, origin: Origin, policy: Policy) -> Question:
    """
    Return the question that a request asks, for as long as *policy* allows at most.

    Args:
        request: The client's.
        origin: The client.
        policy: What counts for the client.

    Raises:
        OAuthError: The details are not those of an action, or the binding message has no place.
    """
    action, life = action_of(request, origin), request.requested_expiry
    if life is not None:
        _, longest = policy.action_lives(action)
        life = min(life, longest)
    return Question(account_id=request.account_id, content=action, duration=life)


def action_of(request: AuthenticationRequest, origin: Origin) -> Action:
    """
    Return the action that a request asks about; without details, it is to log in at the client.

    The binding message is shown as its purpose, beside what its type renders.

    Raises:
        OAuthError: As `question_of`.
    """
    if request.details is None:
        return _with_purpose(
            Action(type="login", resource=origin.name, arguments={}), request.binding_message
        )
    if request.details.get("type") != ACTION_TYPE:
        raise invalid_details("type: unknown")
    if request.details.keys() != MEMBERS:
        raise invalid_details("not of exactly type and action")
    try:
        action = read_action(request.details["action"])
    except InvalidField as refusal:
        raise invalid_details(f"{refusal.field}: {refusal.problem}") from None
    if request.binding_message is not None and action.purpose is not None:
        raise OAuthError("invalid_binding_message", "the action has a purpose, which is shown")
    return _with_purpose(action, request.binding_message)


def granted_details(terms: ActionTerms) -> list[dict[str, Any]]:
    """Return what an access token is for (RFC 9396, 7): the action, by its digest."""
    action = {
        "type": terms.type,
        "digest": terms.digest,
        "validUntil": format_time(terms.valid_until),
    }
    return [{"type": ACTION_TYPE, "action": action}]


def _with_purpose(action: Action, binding_message: str | None) -> Action:
    if binding_message is None:
        return action
    return attrs.evolve(action, purpose=binding_message)
