"""
Rules of actions that a question asks for: what is shown, hosts of documents, ends and reminders.

What a person has approved, and its use, are of `approvals.rules`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import attrs

from counterseal import ijson
from counterseal._input_limits import content_fits
from counterseal.actions import ActionTypes
from counterseal.challenges.documents.action import action_digest, action_document
from counterseal.challenges.documents.display import DisplayedAction
from counterseal.challenges.documents.messages import DOCUMENT_HOST, RequestWarning
from counterseal.errors import DocumentHostRefused, InvalidField
from counterseal.models import (
    DEFAULT_BUTTONS,
    DEFAULT_LANGUAGE,
    Action,
    ActionTerms,
    AppSpace,
    BindingState,
    Challenge,
    Device,
    Guid,
    Question,
)
from counterseal.models.document_hosts import hosts_beyond
from counterseal.policy import Policy
from counterseal.wire.members import truncate

NEVER = datetime.min.replace(tzinfo=UTC)
"""Before every time at which a device was seen."""


def reminder_due_at(challenge: Challenge, policy: Policy) -> datetime | None:
    """
    Return when devices are notified once more of a challenge for an action; None if never.

    It is in the middle of the challenge's life, if this is longer than the policy's
    `action_reminder`.
    """
    life = challenge.deadline - challenge.issued_at
    return challenge.issued_at + life / 2 if life > policy.action_reminder else None


@attrs.frozen(kw_only=True)
class AskedAction:
    """
    The action that a question asks for, and what it is displayed by.

    Attributes:
        types: The types that the service renders.
        client: The origin that asks, which the digest covers.
        now: When it asks.
        life: How long the question may be answered.
    """

    question: Question
    action: Action
    types: ActionTypes
    client: Guid
    now: datetime
    life: timedelta
    policy: Policy

    def choose_language(self, devices: tuple[Device, ...] = ()) -> str:
        """
        Return the language in which the person is shown the action.

        It is the one that the origin has named; or else that of the only device that is asked; or
        else that of the device that was seen last, of those that may answer; or else English.

        Args:
            devices: Of the account; none where they are not known yet.
        """
        if self.action.language is not None:
            return self.action.language
        speaking = [
            device
            for device in reversed(devices)
            if device.language and device.answers and device.state is BindingState.ACTIVE
        ]
        if not speaking:
            return DEFAULT_LANGUAGE
        chosen = [device for device in speaking if device.binding == self.question.device]
        tag = max(chosen or speaking, key=_last_seen).language
        return self.types.find_language(self.action.type, tag)

    def display(self, language: str) -> DisplayedAction:
        """
        Return the action with what the person is shown of it in *language*.

        Raises:
            ActionTypeUnknown: No type of that name is registered.
            InvalidField: A member does not fit; an approving button takes a weak key; or
                the question also has `additionalInfo`, which nobody would render.
        """
        question, types = self.question, self.types
        if question.additional_info is not None:
            raise InvalidField("additionalInfo", "not beside an action")
        for index, button in enumerate(question.buttons):
            if button.approving and not button.strong:
                raise InvalidField(
                    f"buttons[{index}].strongAuth", "not true, and it approves an action"
                )
        valid_until = _valid_until(self.action, truncate(self.now), self.life, self.policy)
        action = attrs.evolve(self.action, valid_until=valid_until, language=language)
        rendering = types.render(action)
        content_fits(rendering.content, self.policy)
        document = action_document(action, self.client)
        digest = action_digest(action, self.client)
        del document["arguments"]
        terms = ActionTerms(
            type=action.type,
            document=ijson.canonical(document).decode(),  # `action_digest` has checked it
            digest=digest,
            valid_until=valid_until,
        )
        buttons = question.buttons
        return DisplayedAction(
            buttons=types.buttons(action) if buttons == DEFAULT_BUTTONS else buttons,
            terms=terms,
            content=rendering.content,
            attachments=rendering.attachments,
            attachment_field=rendering.attachment_field,
            language=language,
        )


def _last_seen(device: Device) -> datetime:
    return device.last_seen_at or NEVER


def documents_allowed(action: DisplayedAction, app_space: AppSpace) -> None:
    """Refuse a document of *action* at a host that *app_space* does not list, if it lists any."""
    if app_space.document_hosts:
        for field, host in _documents_beyond(action, app_space.document_hosts):
            raise DocumentHostRefused(field, f"the App Space takes no documents from {host}")


def document_warnings(
    action: DisplayedAction, app_origins: Collection[str]
) -> tuple[RequestWarning, ...]:
    """
    Return a warning for each document of *action* that the service's app cannot fetch.

    Args:
        app_origins: The web origins from which the app in the browser may fetch documents.
    """
    return tuple(
        RequestWarning(code=DOCUMENT_HOST, field=field, host=host)
        for field, host in _documents_beyond(action, app_origins)
    )


def _documents_beyond(
    action: DisplayedAction, origins: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the field and the host of each document that is at none of *origins*."""
    addresses = [attachment.url for attachment in action.attachments]
    for index, host in hosts_beyond(addresses, origins):
        yield action.attachment_field.format(index=index), host


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
