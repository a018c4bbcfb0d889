"""Approved actions: what a person has approved, and the one use that it allows."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.action import ActionTerms
from counterseal.models.guid import Guid, derive_guid, partition_of
from counterseal.models.record import Index


class ActionState(enum.Enum):
    """The states of an approved action; `counterseal.machines` says how they follow."""

    APPROVED = "APPROVED"
    USED = "USED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class UseState(enum.Enum):
    """
    What is known of the use of an approved action.

    It is UNKNOWN from the moment of the use until the origin reports, and stays so if the origin
    never does: the action may have been executed.
    """

    UNKNOWN = "UNKNOWN"
    EXECUTED = "EXECUTED"
    FAILED = "FAILED"


@attrs.frozen(kw_only=True)
class ApprovedAction:
    """
    An action that a person has approved, until it is used, withdrawn or too old.

    The commit of the approving answer creates it. Its GUID follows from the challenge's.

    Attributes:
        challenge: The challenge that was approved.
        device: The binding whose key signed the approval.
        origin: Who asked; nobody else may use it.
        terms: What was approved, as the challenge has it.
        created_at: When it was approved.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: ActionState
    challenge: Guid
    account: Guid
    origin: Guid
    app_space: Guid
    device: Guid
    terms: ActionTerms
    created_at: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to expire it; None once it is used, withdrawn or expired."""
        return self.terms.valid_until if self.state is ActionState.APPROVED else None

    @property
    def index(self) -> Index:
        """The keys that it is found by."""
        return Index(account=self.account)

    def state_at(self, now: datetime) -> ActionState:
        """Return the state at *now*: it is EXPIRED from `valid_until` on, unless it was used."""
        if self.state is ActionState.APPROVED and now >= self.terms.valid_until:
            return ActionState.EXPIRED
        return self.state


@attrs.frozen(kw_only=True)
class ActionUse:
    """
    The use of an approved action; there is at most one.

    The commit that uses the action creates it. Its GUID follows from the challenge's.

    Attributes:
        presented: Whether the arguments were presented, and matched what was approved.
        receipt: What the service signed about the use, a compact JWS.
        detail: What the origin reported of the outcome, in its own words.
        created_at: When the action was used.
        reported_at: When the origin reported the outcome; None before.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: UseState
    challenge: Guid
    account: Guid
    origin: Guid
    app_space: Guid
    presented: bool
    receipt: str = attrs.field(repr=False)
    detail: str | None = attrs.field(default=None, repr=False)
    created_at: datetime = attrs.field(validator=fields.utc)
    reported_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None

    @property
    def index(self) -> Index:
        """The keys that it is found by."""
        return Index(account=self.account)


def approved_action_guid(challenge: Guid) -> Guid:
    """Return the GUID of what an approving answer to *challenge* creates."""
    return derive_guid(partition_of(challenge), f"approved action {challenge}")


def action_use_guid(challenge: Guid) -> Guid:
    """Return the GUID of the use of the action that *challenge* asked about."""
    return derive_guid(partition_of(challenge), f"action use {challenge}")
