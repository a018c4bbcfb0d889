"""Actions: the calls of an origin that uses what a person has approved, and their handlers."""

from __future__ import annotations

from functools import partial

from counterseal.approvals.documents import (
    ActionName,
    ActionProgress,
    KnownAction,
    UseReport,
    UseRequest,
    progress_of,
)
from counterseal.models import Guid, RelyingParty
from counterseal.wire.members import read_record, write_record
from counterseal_web.calls import Call
from counterseal_web.members import read_guid
from counterseal_web.messages import Reply
from counterseal_web.operations import Audience, Operation
from counterseal_web.service import Service


def get_action(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Return an action that this origin asked about: how far it has come, and its use."""
    return _status(service, party, read_guid(call.names["guid"], "guid"))


def consume_action(service: Service, call: Call, party: RelyingParty) -> Reply:
    """
    Use an approved action for the arguments that are about to be executed.

    It succeeds once. Execute the action after a 200, and never after anything else: if the reply
    is lost, the action counts as used.
    """
    request = read_record(UseRequest, call.document)
    guid = read_guid(request.request, "requestGuid")
    used = service.actions.consume(party, guid, request.arguments)
    # Nothing is read after the use: a store that fails now would hide that it succeeded.
    return _reply(KnownAction.of(guid, used.action.terms, ActionProgress.USED, used.use))


def report_action(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Report what came of a use; the same report again changes nothing."""
    report = read_record(UseReport, call.document)
    guid = read_guid(report.request, "requestGuid")
    service.actions.report(party, guid, report.state, detail=report.detail)
    return _status(service, party, guid)


def withdraw_action(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Give an approval back unused; again, it changes nothing."""
    guid = read_guid(read_record(ActionName, call.document).request, "requestGuid")
    action = service.actions.withdraw(party, guid)
    return _reply(KnownAction.of(guid, action.terms, ActionProgress.WITHDRAWN, None))


def _status(service: Service, party: RelyingParty, guid: Guid) -> Reply:
    status = service.actions.status(party, guid)
    terms = status.challenge.action
    assert terms is not None  # noqa: S101 (`status` refuses others; for the type checker)
    state = progress_of(status.challenge, status.action)
    return _reply(KnownAction.of(guid, terms, state, status.use))


def _reply(action: KnownAction) -> Reply:
    return Reply(document=write_record(action))


_call = partial(Operation, audience=Audience.ORIGIN, gives={200: "Action"})
_ENDED = ("not_found", "not_approved", "action_used", "deadline_passed")

ACTION_API = (
    _call("getAction", "GET", "/action/{guid}", get_action, refuses=("not_found", "not_approved")),
    _call(
        "consumeAction",
        "POST",
        "/action/consume",
        consume_action,
        takes="UseRequest",
        refuses=(*_ENDED, "arguments_differ", "approver_inactive", "unreachable"),
    ),
    _call(
        "reportAction",
        "POST",
        "/action/report",
        report_action,
        takes="UseReport",
        refuses=("not_found", "not_approved", "wrong_state"),
    ),
    _call(
        "withdrawAction",
        "POST",
        "/action/withdraw",
        withdraw_action,
        takes="RequestName",
        refuses=_ENDED,
    ),
)
"""The calls, beside those of `counterseal_web.origins`."""
