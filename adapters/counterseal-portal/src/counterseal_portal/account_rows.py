"""Account rows: devices and questions as the page of an account shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from counterseal.models import Authority, Binding, BindingState, Challenge, ChallengeState, Guid
from counterseal_portal.labels import BINDINGS, CHALLENGES, CHANNELS, REASONS
from counterseal_portal.names import UNNAMED_DEVICE

LIVING = (
    BindingState.INVITED,
    BindingState.UNCONFIRMED,
    BindingState.ACTIVE,
    BindingState.SUSPENDED,
)
PENDING = (BindingState.INVITED, BindingState.EXPIRED)


@attrs.frozen
class DeviceRow:
    """
    One device as the account's page shows it.

    Attributes:
        commands: Those that its state allows: the last segment of the path, and what it is called.
    """

    binding: Binding
    name: str
    state: str
    facts: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]

    @property
    def is_of_use(self) -> bool:
        """Whether it is a device or an invitation that works, or an invitation to make again."""
        return self.binding.state in LIVING or bool(self.commands)


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


def device_row(binding: Binding, *, may_invite: bool = False) -> DeviceRow:
    """Return how the page shows *binding*; *may_invite* is whether it can be made again."""
    was_used = binding.bound_at is not None or binding.state is BindingState.UNCONFIRMED
    name = binding.name or (UNNAMED_DEVICE if was_used else "Invitation")
    return DeviceRow(
        binding=binding,
        name=name,
        state=BINDINGS[binding.state],
        facts=_facts(binding),
        commands=_commands(binding, may_invite=may_invite),
    )


def _facts(binding: Binding) -> tuple[tuple[str, str], ...]:
    facts = [
        ("System", binding.platform),
        ("App version", binding.app_version),
        ("Push", ", ".join(CHANNELS[address.kind] for address in binding.addresses)),
    ]
    if binding.state is BindingState.SUSPENDED:
        by = "the Identity Provider" if binding.suspended_by is Authority.IDP else "staff"
        facts.append(("Suspended by", by))
    if binding.strikes:
        facts.append(("Wrong PINs in a row", str(binding.strikes)))
    return tuple((label, value) for label, value in facts if value)


def _commands(binding: Binding, *, may_invite: bool) -> tuple[tuple[str, str], ...]:
    commands = []
    if binding.state is BindingState.ACTIVE:
        commands.append(("suspend", "Suspend"))
    if binding.state is BindingState.SUSPENDED and binding.suspended_by is Authority.STAFF:
        commands.append(("resume", "Resume"))
    if may_invite:
        commands.append(("renew", "Invite again"))
    if binding.state in LIVING:
        commands.append(("revoke", "Revoke"))
    return tuple(commands)


@attrs.frozen
class QuestionRow:
    """One question that the person was asked, as far as the person who looks may see it."""

    challenge: Challenge
    state: str
    title: str
    button: str
    reason: str
    origin: str
    device: str


def question_row(
    challenge: Challenge, origins: Mapping[Guid, str], devices: tuple[DeviceRow, ...]
) -> QuestionRow:
    """Return how the page shows *challenge*, with the names of its origin and device."""
    state, button = CHALLENGES[challenge.state], ""
    outcome = challenge.outcome
    if challenge.state is ChallengeState.ANSWERED and outcome is not None:
        state = "Approved" if challenge.approved else "Refused"
        if outcome.button is not None:
            button = challenge.buttons[outcome.button].title
    reason = "" if challenge.reason is None else REASONS.get(challenge.reason, "")
    answered_by = None if outcome is None else outcome.device
    device = next((each.name for each in devices if each.binding.guid == answered_by), "")
    origin = origins.get(challenge.origin, "")
    return QuestionRow(challenge, state, _title(challenge.display), button, reason, origin, device)


def _title(display: str) -> str:
    """Return what a question says first; empty where its content is hidden."""
    if not display:
        return ""
    content = json.loads(display)["content"]
    return str(content.get("title") or content.get("text") or content.get("html"))
