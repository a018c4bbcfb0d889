"""Counterseal, as the origin of the requests uses it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import attrs

from counterseal import Actions, ActionStatus, Challenges, Issued, Policy, Ports
from counterseal.approvals.documents import ActionProgress, progress_of
from counterseal.challenges.documents.action import action_digest
from counterseal.errors import ActionUsed, ArgumentsDiffer, NotApproved
from counterseal.models import Guid, RelyingParty, UseState
from counterseal_sql.own_data.approval_request import ApprovalRequest


class ApprovalService(Protocol):
    """
    The calls that the requests of one origin need.

    Each raises `Unavailable` if it may be repeated, and another `Refused` for good, unless the
    refusal has a `retry_after`.
    """

    @property
    def repeat_for(self) -> timedelta:
        """How long a repeated `ask` returns the same challenge."""

    def now(self) -> datetime:
        """Return the time, in UTC."""

    def ask(self, request: ApprovalRequest) -> Issued:
        """Ask the person; with the same key, the same challenge is returned."""

    def find_use(self, request: ApprovalRequest) -> Guid | None:
        """Return the GUID of the use that exists of the challenge; None if there is none."""

    def use(self, request: ApprovalRequest) -> Guid | None:
        """
        Use the approval for the action of *request*, or find that it was used for this action.

        Returns:
            The GUID of the use; None while the person may still answer.

        Raises:
            NotApproved: There will be no approval; `status` says why.
            ArgumentsDiffer: The action of *request* is not the one that was approved.
        """

    def report(self, request: ApprovalRequest) -> None:
        """Report that the action was executed."""


class LocalService:
    """
    Counterseal in this process.

    Args:
        ports: Its adapters.
        policy: The service's.
        party: The origin that asks, in its App Space.
    """

    def __init__(self, ports: Ports, policy: Policy, party: RelyingParty) -> None:
        self._clock = ports.clock
        self._challenges = Challenges(ports, policy)
        self._actions = Actions(ports, policy)
        self._party = party
        self.repeat_for = policy.idempotency_life

    def now(self) -> datetime:
        """Return the time of the service's clock."""
        return self._clock.now()

    def ask(self, request: ApprovalRequest) -> Issued:
        """Ask the person; raises as `Challenges.issue`."""
        return self._challenges.issue(self._party, request.question, idempotency_key=request.key)

    def find_use(self, request: ApprovalRequest) -> Guid | None:
        """Return the GUID of the use, if there is one; raises as `Actions.status`."""
        use = self._status(request).use
        return None if use is None else use.guid

    def use(self, request: ApprovalRequest) -> Guid | None:
        """Use the approval, or find its use; raises as `Actions.consume`, and `NotApproved`."""
        status = self._status(request)
        progress = progress_of(status.challenge, status.action)
        if progress is ActionProgress.PENDING:
            return None
        if progress not in {ActionProgress.APPROVED, ActionProgress.USED}:
            raise NotApproved(progress.value.lower())
        self._require_approved_action(request, status)
        if status.use is not None:
            return status.use.guid
        try:
            consumed = self._actions.consume(self._party, status.challenge.guid, request.arguments)
        except ActionUsed:
            # Another process of the program was faster.
            return self.find_use(request)
        return consumed.use.guid

    def report(self, request: ApprovalRequest) -> None:
        """Report that the action was executed; raises as `Actions.report`."""
        self._actions.report(self._party, _challenge_of(request), UseState.EXECUTED)

    def _status(self, request: ApprovalRequest) -> ActionStatus:
        return self._actions.status(self._party, _challenge_of(request))

    def _require_approved_action(self, request: ApprovalRequest, status: ActionStatus) -> None:
        """Refuse a row whose action has changed since the person was asked."""
        terms = status.challenge.action
        if terms is None:
            raise NotApproved("no_action")
        action = attrs.evolve(request.action, valid_until=terms.valid_until)
        if action_digest(action, self._party.origin.guid) != terms.digest:
            raise ArgumentsDiffer


def _challenge_of(request: ApprovalRequest) -> Guid:
    if request.challenge is None:
        raise NotApproved("pending")
    return request.challenge
