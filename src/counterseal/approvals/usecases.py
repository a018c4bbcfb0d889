"""Actions: an origin uses what a person has approved, once, and reports the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from counterseal._audit_context import AuditContext
from counterseal._plan import records
from counterseal._transaction import UseCase
from counterseal.approvals import decisions
from counterseal.approvals.decisions import ActionStatus, ConsumedAction
from counterseal.models import ActionUse, ApprovedAction, Guid, RelyingParty, UseState
from counterseal.ports import Due
from counterseal.tenancy.rules.authorization import OriginPermission


@attrs.frozen
class Actions(UseCase):
    """
    Use approved actions as the origin that asked for them, and expire them as a worker.

    `Challenges.issue` asks for an action (`Question.content` is an `Action`), and each verb here
    names the challenge that it returned. Each can raise `NotFound`, there is no such challenge,
    or its account was erased; `Foreign`, another origin issued it; `NotApproved`, it asked for no
    action, or there is no approval to use; its `status` says which.
    """

    def consume(
        self, party: RelyingParty, challenge: Guid, arguments: Mapping[str, Any]
    ) -> ConsumedAction:
        """
        Use an approved action for the arguments that are about to be executed.

        It succeeds at most once, for all callers together. Execute the action if this
        returns, and never if it raises: if the reply was lost, the action may be used already.

        Args:
            party: The origin that asked.
            challenge: The challenge that was approved.
            arguments: The arguments as they are executed, and not as they were asked.

        Raises:
            ActionUsed: It was used before.
            ArgumentsDiffer: These are not the arguments that the person approved.
            DeadlinePassed: The approval's time has passed.
            AccountLocked: The account is locked.
            ApproverInactive: The device that approved may no longer answer for the account.
            InvalidField: *arguments* cannot be written as I-JSON, or are no object.
        """
        context = self._permit(party, OriginPermission.ASK, "action.consume", challenge)
        return self._within(party.app_space, party.origin).act(
            context, decisions.consume, challenge, party.origin.guid, arguments
        )

    def consume_unpresented(self, party: RelyingParty, challenge: Guid) -> ConsumedAction:
        """
        Use an approved action without naming the arguments, as some protocols do.

        The use's receipt says so: nothing has compared what is executed with what was approved.

        Raises:
            ArgumentsMissing: The policy's `arguments_required` forbids it.
            ActionUsed, DeadlinePassed, AccountLocked, ApproverInactive: As of `consume`.
        """
        context = self._permit(party, OriginPermission.ASK, "action.consume", challenge)
        return self._within(party.app_space, party.origin).act(
            context, decisions.consume_unpresented, challenge, party.origin.guid
        )

    def report(
        self,
        party: RelyingParty,
        challenge: Guid,
        outcome: UseState,
        *,
        detail: str | None = None,
    ) -> ActionUse:
        """
        Report the outcome of a use; the same report again changes nothing.

        Args:
            party: The origin that used the action.
            challenge: The challenge that was approved.
            outcome: EXECUTED or FAILED.
            detail: What else there is to say, at most 1,024 bytes; stored, and shown to nobody but
                the origin.

        Raises:
            InvalidField: *outcome* is UNKNOWN, or *detail* is empty or too long.
            WrongState: The action was not used, or another outcome was reported.
        """
        context = self._permit(party, OriginPermission.ASK, "action.report", challenge)
        return self._within(party.app_space, party.origin).act(
            context, decisions.report, challenge, party.origin.guid, outcome, detail
        )

    def withdraw(self, party: RelyingParty, challenge: Guid) -> ApprovedAction:
        """
        Give an approval back unused; again, it changes nothing.

        `Challenges.cancel` withdraws a question that is still open.

        Raises:
            ActionUsed: It was used.
            DeadlinePassed: Its time has passed.
        """
        context = self._permit(party, OriginPermission.ASK, "action.withdraw", challenge)
        return self._within(party.app_space, party.origin).act(
            context, decisions.withdraw, challenge, party.origin.guid
        )

    def status(self, party: RelyingParty, challenge: Guid) -> ActionStatus:
        """Return what is known of the action: the question, the approval and the use."""
        context = self._permit(party, OriginPermission.ASK, "action.status", challenge)
        return self._transactions.act(context, decisions.read_status, challenge, party.origin.guid)

    def expire(self, limit: int = 100) -> int:
        """
        Expire approved actions whose time has passed; return how many.

        Raises:
            Unavailable: A port failed; earlier actions stay expired.
        """
        due = self.ports.store.due(Due.ACTION, self.ports.clock.now(), limit)
        context = AuditContext(event="action.expire", actor="worker")
        return self._transactions.sweep(context, due, records, decisions.expire)
