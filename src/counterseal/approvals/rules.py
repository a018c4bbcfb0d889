"""
Rules of actions: who may use what a person has approved, for which arguments, and when.

That an approval is used once, its chart says. Facts contain the digest of the arguments that were
presented, which the use case computed: no caller of the package can name a digest.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from counterseal import keys
from counterseal.accounts.rules import Deadline, answers_for
from counterseal.errors import (
    ApproverInactive,
    ArgumentsDiffer,
    ArgumentsMissing,
    Foreign,
)
from counterseal.models import (
    Account,
    ActionUse,
    ApprovedAction,
    Guid,
)
from counterseal.policy import Policy


@attrs.define(kw_only=True)
class WithdrawalFacts(Deadline):
    """Facts of a withdrawal, and the origin that asks for it."""

    action: ApprovedAction
    origin: Guid


@attrs.define(kw_only=True)
class UseFacts(WithdrawalFacts):
    """
    Facts of a use.

    Attributes:
        account: The account whose person approved.
        digest: Of the action with the arguments that were presented; None if none were.
    """

    policy: Policy
    account: Account
    digest: str | None


@attrs.define(kw_only=True)
class ReportFacts:
    """Facts of a report, and the origin that makes it."""

    use: ActionUse
    origin: Guid


class OfOrigin(Protocol):
    """Facts of what one origin asks of its own action."""

    @property
    def action(self) -> ApprovedAction:
        """The approved action as stored."""

    @property
    def origin(self) -> Guid:
        """The origin that asks."""


def own_action(facts: OfOrigin) -> None:
    """Refuse every origin but the one that asked for the approval."""
    if facts.action.origin != facts.origin:
        raise Foreign


def own_use(facts: ReportFacts) -> None:
    """Refuse a report by an origin that did not use the action."""
    if facts.use.origin != facts.origin:
        raise Foreign


def approver_active(facts: UseFacts) -> None:
    """Refuse what was approved by a device that may no longer answer for the account."""
    if not answers_for(facts.account, facts.action.device):
        raise ApproverInactive


def arguments_match(facts: UseFacts) -> None:
    """
    Refuse other arguments than those that were approved.

    Without arguments, an action is used only where the policy does not require them.
    """
    if facts.digest is None:
        if facts.policy.arguments_required:
            raise ArgumentsMissing
        return
    keys.require_equal(facts.digest, facts.action.terms.digest, ArgumentsDiffer)
