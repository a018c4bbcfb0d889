"""
Rules of actions that a question asks for: what is shown, until when it may be used, and reminders.

What a person has approved, and its use, are of `approvals.rules`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal import ijson
from counterseal._input_limits import content_fits
from counterseal.actions import ActionTypes
from counterseal.challenges.documents.action import action_digest, action_document
from counterseal.challenges.documents.display import DisplayedAction
from counterseal.errors import InvalidField
from counterseal.models import DEFAULT_BUTTONS, Action, ActionTerms, Challenge, Guid, Question
from counterseal.policy import Policy
from counterseal.wire.members import truncate


def reminder_due_at(challenge: Challenge, policy: Policy) -> datetime | None:
    """
    Return when devices are notified once more of a challenge for an action; None if never.

    It is in the middle of the challenge's life, if this is longer than the policy's
    `action_reminder`.
    """
    life = challenge.deadline - challenge.issued_at
    return challenge.issued_at + life / 2 if life > policy.action_reminder else None


def displayed_action(
    question: Question,
    types: ActionTypes,
    *,
    client: Guid,
    now: datetime,
    life: timedelta,
    policy: Policy,
) -> DisplayedAction:
    """
    Return the action that *question* asks for, with what a person is shown of it.

    Args:
        client: The origin that asks, which the digest covers.
        life: How long the question may be answered.

    Raises:
        ActionTypeUnknown: No type of that name is registered.
        InvalidField: A member does not fit; an approving button takes a weak key; or
            the question also has `additionalInfo`, which nobody would render.
    """
    action = question.content
    assert isinstance(action, Action)  # noqa: S101 (for the type checker)
    if question.additional_info is not None:
        raise InvalidField("additionalInfo", "not beside an action")
    for index, button in enumerate(question.buttons):
        if button.approving and not button.strong:
            raise InvalidField(
                f"buttons[{index}].strongAuth", "not true, and it approves an action"
            )
    action = attrs.evolve(action, valid_until=_valid_until(action, truncate(now), life, policy))
    rendering = types.render(action)
    content_fits(rendering.content, policy)
    document = action_document(action, client)
    digest = action_digest(action, client)
    del document["arguments"]
    assert action.valid_until is not None  # noqa: S101 (for the type checker)
    terms = ActionTerms(
        type=action.type,
        document=ijson.canonical(document).decode(),  # `action_digest` has checked it
        digest=digest,
        valid_until=action.valid_until,
    )
    buttons = question.buttons
    return DisplayedAction(
        buttons=types.buttons(action) if buttons == DEFAULT_BUTTONS else buttons,
        terms=terms,
        content=rendering.content,
        attachments=rendering.attachments,
        language=action.language,
    )


def _valid_until(action: Action, now: datetime, life: timedelta, policy: Policy) -> datetime:
    """Return until when an approval may be used; InvalidField refuses what is past or too far."""
    deadline = now + life
    if action.valid_until is None:
        return deadline + policy.action_validity
    if action.valid_until <= now:
        raise InvalidField("action.validUntil", "not in the future")
    if action.valid_until > deadline + policy.action_validity_limit:
        raise InvalidField("action.validUntil", "later than the policy allows")
    return action.valid_until
