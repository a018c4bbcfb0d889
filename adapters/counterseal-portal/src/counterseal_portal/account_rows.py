"""Account rows: devices and questions as the page of an account shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from counterseal.models import (
    UNFINISHED,
    Authority,
    Binding,
    BindingState,
    Challenge,
    ChallengeState,
    Guid,
)
from counterseal_portal.labels import ACTIONS, BINDINGS, CHALLENGES, CHANNELS, REASONS
from counterseal_portal.names import UNNAMED_DEVICE

LIVING = (
    BindingState.INVITED,
    BindingState.UNCONFIRMED,
    BindingState.ACTIVE,
    BindingState.SUSPENDED,
)
PENDING = (BindingState.INVITED, BindingState.EXPIRED)
CONTENT_CHARACTERS = 120
"""Characters of a question's content in a row."""


@attrs.frozen(kw_only=True)
class DeviceRow:
    """
    One device as the account's page shows it.

    Attributes:
        note: What its state leaves out; empty for nothing.
        system: With the version of the app; empty where it says nothing.
        push: How it is notified; empty if it is not.
        commands: Those that its state allows: the last segment of the path, and what it is called.
    """

    binding: Binding
    name: str
    state: str
    note: str
    system: str
    push: str
    commands: tuple[tuple[str, str], ...]

    @property
    def is_of_use(self) -> bool:
        """Whether it is a device or an invitation that works, or an invitation to make again."""
        return self.binding.state in LIVING or bool(self.commands)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """By what it is recognised, each with its label."""
        state = f"{self.state}, {self.note}" if self.note else self.state
        facts = (("State", state), ("System", self.system), ("Push", self.push))
        return tuple((label, value) for label, value in facts if value)


def renewable_invitation(
    bindings: tuple[Binding, ...], now: datetime, window: timedelta
) -> Guid | None:
    """
    Return the invitation to make again: an origin's newest that was not used; None for none.

    Args:
        bindings: Of the account.
        now: The time.
        window: The policy's `renewal_window`.
    """
    invitations = [
        each
        for each in bindings
        if each.state in PENDING
        and each.origin is not None
        and each.bound_at is None
        and now - each.created_at < window
    ]
    newest = max(invitations, key=lambda each: each.created_at, default=None)
    return None if newest is None else newest.guid


def device_row(
    binding: Binding, *, may_invite: bool = False, may_be_lost: bool = False
) -> DeviceRow:
    """
    Return how the page shows *binding*.

    Args:
        binding: A device, a passkey or an invitation.
        may_invite: Whether it is an invitation that can be made again.
        may_be_lost: Whether its user can be helped once the device is lost.
    """
    was_used = binding.bound_at is not None or binding.state is BindingState.UNCONFIRMED
    version = f"app {binding.app_version}" if binding.app_version else ""
    return DeviceRow(
        binding=binding,
        name=binding.name or (UNNAMED_DEVICE if was_used else "Invitation"),
        state=BINDINGS[binding.state],
        note=_note(binding),
        system=", ".join(text for text in (binding.platform, version) if text),
        push=", ".join(CHANNELS[address.kind] for address in binding.addresses),
        commands=_commands(binding, may_invite=may_invite, may_be_lost=may_be_lost),
    )


def _note(binding: Binding) -> str:
    notes = []
    if binding.state is BindingState.SUSPENDED:
        by_provider = binding.suspended_by is Authority.IDP
        notes.append("by the Identity Provider" if by_provider else "by staff")
    if binding.strikes:
        notes.append(f"wrong PINs in a row: {binding.strikes}")
    return ", ".join(notes)


def _commands(
    binding: Binding, *, may_invite: bool, may_be_lost: bool
) -> tuple[tuple[str, str], ...]:
    commands = []
    if binding.state is BindingState.ACTIVE:
        commands.append(("suspend", "Suspend"))
    if binding.state is BindingState.SUSPENDED and binding.suspended_by is Authority.STAFF:
        commands.append(("resume", "Resume"))
    if may_invite:
        commands.append(("renew", "Invite again"))
    if may_be_lost and binding.answers and binding.state in LIVING and binding.bound_at is not None:
        commands.append(("lost", "Lost phone"))
    if binding.state in LIVING:
        commands.append(("revoke", "Revoke"))
    return tuple(commands)


@attrs.frozen(kw_only=True)
class QuestionRow:
    """
    One question that the person was asked, as far as the person who looks may see it.

    Attributes:
        kind: What kind of question it is.
        state: How it stands; *mark* is the class of that in the style.
        note: How the person answered: the button, and why they refused; empty for nothing.
        title: What it says first; empty where its content is hidden.
        content: The rest of that, shortened if it is long.
        is_open: Whether it can be answered, and withdrawn.
    """

    challenge: Challenge
    kind: str
    state: str
    mark: str
    note: str
    title: str
    content: str
    origin: str
    device: str
    is_open: bool


def question_row(
    challenge: Challenge, origins: Mapping[Guid, str], devices: tuple[DeviceRow, ...]
) -> QuestionRow:
    """Return how the page shows *challenge*, with the names of its origin and device."""
    state, mark = CHALLENGES[challenge.state], challenge.state.value.lower()
    outcome, notes = challenge.outcome, []
    if challenge.state is ChallengeState.ANSWERED and outcome is not None:
        state = "Approved" if challenge.approved else "Refused"
        mark = state.lower()
        if outcome.button is not None and challenge.buttons[outcome.button].title:
            notes.append(f"by “{challenge.buttons[outcome.button].title}”")
    if challenge.reason is not None and challenge.reason in REASONS:
        notes.append(f"the person says: {REASONS[challenge.reason]}")
    answered_by = None if outcome is None else outcome.device
    title, content = _content(challenge.display)
    return QuestionRow(
        challenge=challenge,
        kind=question_kind(challenge),
        state=state,
        mark=mark,
        note="; ".join(notes),
        title=title,
        content=content,
        origin=origins.get(challenge.origin, ""),
        device=next((each.name for each in devices if each.binding.guid == answered_by), ""),
        is_open=challenge.state in UNFINISHED,
    )


def question_kind(challenge: Challenge) -> str:
    """Return what kind of question *challenge* is: the type of its action, or who requested it."""
    if challenge.action is not None:
        return ACTIONS.get(challenge.action.type, challenge.action.type)
    if challenge.backchannel is not None:
        return "CIBA request"
    if challenge.channel is not None:
        return "Request of a realm"
    return "Question"


def _content(display: str) -> tuple[str, str]:
    """Return what a question says first, and the rest; both empty where its content is hidden."""
    if not display:
        return "", ""
    document = json.loads(display)
    content = document["content"]
    pairs = ", ".join(f"{pair['key']}: {pair['value']}" for pair in content.get("keys", ()))
    title = content.get("title") or content.get("text") or content.get("html")
    parts = (pairs, document.get("transactionId", ""))
    return _cut(str(title)), _cut(" · ".join(part for part in parts if part))


def _cut(text: str) -> str:
    return text if len(text) <= CONTENT_CHARACTERS else f"{text[: CONTENT_CHARACTERS - 1]}…"
