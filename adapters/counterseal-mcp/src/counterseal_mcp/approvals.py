"""
What the tools do, as an origin: ask, look, verify and use, report.

Nothing here is asynchronous, and nothing knows MCP.
"""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal import Refused, Unavailable, verify_use_receipt
from counterseal.challenges.documents.action import action_digest
from counterseal.challenges.documents.messages import write_warning
from counterseal.memory import SystemClock
from counterseal.models import Action, Guid
from counterseal.ports import Clock
from counterseal.wire.members import format_time
from counterseal_client import (
    ActionProgress,
    Approval,
    Client,
    EvidenceRefused,
    KnownAction,
    NotSent,
    PendingRequest,
    Trust,
    require_approved,
)
from counterseal_mcp.pending_requests import PendingRequests, StateUnavailable
from counterseal_mcp.refusals import CallRefused
from counterseal_mcp.tool_arguments import AskArguments, ReportArguments, RequireArguments

HIDDEN = {ActionProgress.DISOWNED: "declined"}
"""What an agent is not shown: that the person says somebody else is behind a request."""


@attrs.frozen(kw_only=True)
class Approvals:
    """
    Asks people, and uses their approvals; threads may share it.

    Every method raises an error of the core or of the client; `refusals.call_refused` says what
    it means to an agent.

    Attributes:
        client: The client of the origin.
        trust: The service's keys.
        pending_requests: What was asked here.
    """

    client: Client
    trust: Trust
    pending_requests: PendingRequests = attrs.field(factory=PendingRequests)
    clock: Clock = attrs.field(factory=SystemClock)

    def ask(self, arguments: AskArguments) -> dict[str, Any]:
        """
        Ask the person, and return the id and the deadlines.

        With a key, it may be a request that was asked before, so its state is what the service
        says now. Without one, a request that cannot be stored is cancelled, since its approval
        could not be used. `warnings` are those of the service, and missing if there are none.
        """
        pending_request = self.client.ask(
            arguments.account_id,
            arguments.action,
            duration=arguments.duration,
            idempotency_key=arguments.key,
        )
        try:
            self.pending_requests.add(pending_request, self.clock.now())
        except StateUnavailable:
            if arguments.key is None:  # with a key, a repeated call stores it, or has stored it
                with suppress(Refused, Unavailable):
                    self.client.cancel(pending_request)
            raise
        if arguments.key is not None:
            members = self._known_progress(pending_request)
        else:
            members = self._progress(pending_request, "pending", pending_request.expires_at)
        if pending_request.warnings:
            members["warnings"] = list(map(write_warning, pending_request.warnings))
        return members

    def status(self, guid: Guid) -> dict[str, Any]:
        """Return how far the request has come, as the service says; this proves nothing."""
        return self._known_progress(self._load(guid))

    def is_finished(self, guid: Guid, seconds: int) -> bool:
        """Wait for the answer for *seconds* at most, and tell whether the request has ended."""
        wait = timedelta(seconds=seconds)
        return self.client.wait(self._load(guid), wait).finished

    def require(self, arguments: RequireArguments) -> dict[str, Any]:
        """
        Verify the answer, and use the approval for *arguments*.

        The service compares the arguments and counts the use. What it replies is verified: its
        receipt must name this action, and the action must have these arguments. If the call was
        sent and there is no reply of the service, the approval may be used: `use_unknown`.
        """
        pending_request = self._load(arguments.guid)
        reply = self.client.status(pending_request)
        approval = require_approved(reply, pending_request, self.trust)
        try:
            used = self.client.consume(pending_request, arguments.arguments)
        except NotSent:
            raise
        except Unavailable as error:
            raise self._use_unknown(pending_request) from error
        self._require_use(pending_request, arguments, used)
        return _used(approval, used)

    def report(self, arguments: ReportArguments) -> dict[str, Any]:
        """Report what came of the use."""
        pending_request = self._load(arguments.guid)
        self.client.report(pending_request, arguments.outcome, detail=arguments.detail)
        return {"id": pending_request.guid, "outcome": arguments.outcome.value}

    def _load(self, guid: Guid) -> PendingRequest:
        pending_request = self.pending_requests.load(guid)
        if pending_request is None:
            raise CallRefused("unknown_request")
        return pending_request

    def _use_unknown(self, pending_request: PendingRequest) -> CallRefused:
        """Return the refusal after a use without a reply, with the state if it can be read."""
        try:
            action = self.client.action(pending_request)
        except (Refused, Unavailable):
            return CallRefused("use_unknown")
        return CallRefused("use_unknown", state=_state(action))

    def _known_progress(self, pending_request: PendingRequest) -> dict[str, Any]:
        action = self.client.action(pending_request)
        deadline = {
            ActionProgress.PENDING: pending_request.expires_at,
            ActionProgress.APPROVED: action.valid_until,
        }.get(action.state)
        members = self._progress(pending_request, _state(action), deadline)
        if action.use is not None:
            members["outcome"] = action.use.state.value.lower()
        return members

    def _progress(
        self, pending_request: PendingRequest, state: str, deadline: datetime | None
    ) -> dict[str, Any]:
        now = self.clock.now()
        seconds = 0 if deadline is None else math.floor((deadline - now).total_seconds())
        return {
            "id": pending_request.guid,
            "state": state,
            "answer_until": format_time(pending_request.expires_at),
            "use_until": format_time(pending_request.valid_until or pending_request.expires_at),
            "seconds_remaining": max(0, seconds),
        }

    def _require_use(
        self, pending_request: PendingRequest, arguments: RequireArguments, used: KnownAction
    ) -> None:
        if used.use is None:
            raise EvidenceRefused("use")
        try:
            receipt = verify_use_receipt(
                used.use.receipt, trusted=self.trust.keys, thumbprint=self.trust.thumbprint
            )
        except Refused as error:
            raise EvidenceRefused(f"use receipt: {error.code}") from None
        expected = (pending_request.guid, pending_request.account, pending_request.origin)
        for name, holds in (
            ("proven", receipt.proven),
            ("request", (receipt.challenge, receipt.account, receipt.origin) == expected),
            ("presented", receipt.presented),
            ("action", receipt.action == _digest(pending_request, arguments)),
        ):
            if not holds:
                raise EvidenceRefused(f"use receipt: {name}")


def _state(action: KnownAction) -> str:
    return HIDDEN.get(action.state, action.state.value.lower())


def _digest(pending_request: PendingRequest, arguments: RequireArguments) -> str | None:
    """Return the digest of the action that was asked about, but with these arguments."""
    action = pending_request.action
    if not isinstance(action, Action):
        return None
    return action_digest(
        attrs.evolve(action, arguments=arguments.arguments), pending_request.origin
    )


def _used(approval: Approval, used: KnownAction) -> dict[str, Any]:
    use = used.use
    if use is None:  # `_require_use` has refused this
        raise EvidenceRefused("use")
    return {
        "id": approval.request,
        "state": "used",
        "approved_by": approval.account_id,
        "approved_at": format_time(approval.at),
        "used_at": format_time(use.at),
        "digest": used.digest,
        "receipt": approval.receipt,
        "use_receipt": use.receipt,
    }
