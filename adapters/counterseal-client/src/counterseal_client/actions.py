"""The calls about an approved action: use it once, report what came of it, or give it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterseal.approvals.documents import (
    ActionName,
    ActionProgress,
    KnownAction,
    UseOutcome,
    UseReport,
    UseRequest,
)
from counterseal.ijson import compact
from counterseal.wire.members import read_record, write_record
from counterseal_client.calls import Call, Calls
from counterseal_client.connection import ATTEMPTS
from counterseal_client.errors import demand, require_evidence
from counterseal_client.pending_request import PendingRequest, guid_of
from counterseal_client.transport import Reply


class ActionCalls:
    """The calls of an origin about the actions that it asked about; `Client` has them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def consume(self, request: PendingRequest | str, arguments: Mapping[str, Any]) -> KnownAction:
        """
        Use an approved action for the arguments that are about to be executed.

        It succeeds once, for all callers together. Execute the action if this returns, never if it
        raises. The call is made once: if its reply is lost, the action may count as used, and
        nobody may execute it; `action` says what the service knows.

        Args:
            request: The request whose action the person has approved.
            arguments: The arguments as they are executed, and not as they were asked.

        Raises:
            NoApproval: The person has not approved, or the approval was ended.
            ActionUsed: It was used before.
            ArgumentsDiffer: These are not the arguments that the person approved.
            Finished: The time of the approval has passed.
            Unavailable: The service was not reached, or its reply was lost.
            EvidenceRefused: The reply is about another request or action.
            InvalidField: *arguments* cannot be written as JSON.
        """
        demand("arguments", arguments, Mapping)
        use = UseRequest(request=guid_of(request), arguments=dict(arguments))
        action = self._send("consume", write_record(use), request, attempts=1)
        require_evidence(action.state is ActionProgress.USED, "state")
        return action

    def report(
        self, request: PendingRequest | str, outcome: UseOutcome, *, detail: str | None = None
    ) -> KnownAction:
        """
        Report what came of a use; the same report again changes nothing.

        Raises:
            Finished: Another outcome was reported, or the action was not used.
            EvidenceRefused: The reply is about another request or action.
        """
        demand("outcome", outcome, UseOutcome)
        report = UseReport(request=guid_of(request), outcome=outcome, detail=detail)
        return self._send("report", write_record(report), request)

    def withdraw(self, request: PendingRequest | str) -> KnownAction:
        """
        Give an approval back unused; again, it changes nothing.

        Raises:
            ActionUsed: It was used.
            NoApproval: The person has not approved.
            Finished: The time of the approval has passed.
            EvidenceRefused: The reply is about another request or action.
        """
        name = ActionName(request=guid_of(request))
        return self._send("withdraw", write_record(name), request)

    def action(self, request: PendingRequest | str) -> KnownAction:
        """
        Return what the service knows of an action: the approval and its use.

        Raises:
            NotFound: This origin has no request of that GUID.
            EvidenceRefused: The reply is about another request or action.
        """
        call = Call(method="GET", path=f"action/{guid_of(request)}")
        return _known_action(self._calls.call(call), request)

    def _send(
        self,
        verb: str,
        document: dict[str, Any],
        request: PendingRequest | str,
        *,
        attempts: int = ATTEMPTS,
    ) -> KnownAction:
        body = compact(document)
        call = Call(method="POST", path=f"action/{verb}", body=body, attempts=attempts)
        return _known_action(self._calls.call(call), request)


def _known_action(reply: Reply, request: PendingRequest | str) -> KnownAction:
    action = reply.read(lambda document: read_record(KnownAction, document))
    require_evidence(action.request == guid_of(request), "requestGuid")
    if isinstance(request, PendingRequest):
        require_evidence(action.digest == request.action_digest, "digest")
    return action
