"""Origins: the calls of an origin, which are those of the CX service, and their handlers."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

import counterseal as cs
from counterseal.accounts.documents import (
    BindInvitation,
    Comparison,
    DeviceName,
    RequestName,
    account_document,
    device_document,
    invitation_document,
)
from counterseal.challenges.documents.messages import processed_document
from counterseal.challenges.documents.question import read_account_id, read_user_info
from counterseal.errors import WrongState
from counterseal.models import Clients, Guid, RelyingParty
from counterseal.wire.members import read_record, write_record
from counterseal_web.actions import ACTION_API
from counterseal_web.calls import Call
from counterseal_web.ceremonies import CEREMONY_API
from counterseal_web.members import read_guid, read_number
from counterseal_web.messages import EVENTS, Reply
from counterseal_web.operations import NOTHING, Audience, Operation, Payload
from counterseal_web.pending import EventStream, LongPoll, read_wait
from counterseal_web.service import Service

EVENTS_AT_ONCE = 100
"""Events that one reply looks at, unless the call says otherwise."""

CREATED = HTTPStatus.CREATED
OK = HTTPStatus.OK
NO_CONTENT = HTTPStatus.NO_CONTENT


def bind_account(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Invite a device of a user; creates the account at first use."""
    body, settings = call.document, service.settings
    # Clients of the Privakey CX service write their links themselves.
    app = None if party.origin.clients is Clients.CX else settings.app_url
    invitation = service.invitations.invite(
        party,
        read_account_id(body, party.origin.profile),
        user_info=read_user_info(body, party.origin.profile),
        idempotency_key=call.idempotency_key,
    )
    return Reply(
        status=CREATED if invitation.account_created else OK,
        document=invitation_document(
            BindInvitation(
                account=invitation.account.guid,
                app_space=invitation.app_space.guid,
                app_space_name=invitation.app_space.name,
                token=invitation.token,
                expires_at=invitation.deadline,
                app=app,
                service=None if app is None else settings.public_url,
            ),
            party.origin.token_form,
        ),
        headers={"Location": f"{call.root}/account/{invitation.account.guid}"},
    )


def get_account(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Return an account, by the origin's own id."""
    return Reply(
        document=account_document(service.accounts.get(party, call.parameter("accountId")))
    )


def account_by_guid(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Return an account, by its GUID."""
    guid = read_guid(call.names["guid"], "guid")
    return Reply(document=account_document(service.accounts.get_by_guid(party, guid)))


def revoke_account(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Revoke all devices and open invitations of an account."""
    service.accounts.revoke(party, read_account_id(call.document, party.origin.profile))
    return Reply(status=NO_CONTENT)


def get_devices(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Return the devices of an account, revoked ones too, and open invitations, oldest first."""
    account_id = call.parameter("accountId")
    devices = service.accounts.list_devices(party, account_id)
    if not devices:
        # An account that there is none of is 404: clients read it as nothing to revoke (0031).
        service.accounts.get(party, account_id)
    return Reply(document=[device_document(binding) for binding in devices])


def revoke_device(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Revoke a device, or an open invitation; a repeated call does nothing."""
    guid = read_guid(read_record(DeviceName, call.document).device, "deviceGuid")
    try:
        service.devices.revoke(guid, by=party)
    except WrongState:
        # Already revoked, so the request is satisfied: clients revoke all that `getAll` lists.
        # The core still raises, because a program may need to know that it came too late.
        return Reply(status=NO_CONTENT)
    return Reply(status=NO_CONTENT)


def confirm_device(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Confirm a new device by the comparison code that its user has read out."""
    comparison = read_record(Comparison, call.document)
    guid = read_guid(comparison.device, "deviceGuid")
    service.confirmations.compare(party, guid, comparison.code)
    return Reply(status=NO_CONTENT)


def add_request(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Ask an account a question."""
    question = cs.read_question(call.document, profile=party.origin.profile)
    issued = service.challenges.issue(
        party,
        question,
        idempotency_key=call.idempotency_key,
        app_origins=service.settings.app_origins,
    )
    return Reply(
        status=CREATED,
        document=processed_document(
            issued.challenge,
            now=service.ports.clock.now(),
            code=issued.code,
            warnings=issued.warnings,
        ),
        headers={"Location": f"{call.root}/request/{issued.challenge.guid}"},
    )


def get_request(service: Service, call: Call, party: RelyingParty) -> Reply | LongPoll:
    """Return a request, at once or, with `wait`, when it has ended."""
    return _await_end(service, call, party, read_guid(call.parameter("requestGuid"), "requestGuid"))


def request_by_guid(service: Service, call: Call, party: RelyingParty) -> Reply | LongPoll:
    """Return a request, under the URL in `Location`."""
    return _await_end(service, call, party, read_guid(call.names["guid"], "guid"))


def request_events(service: Service, call: Call, party: RelyingParty) -> EventStream:
    """Stream the states of a request until it has ended, as Server-Sent Events."""
    guid = read_guid(call.parameter("requestGuid"), "requestGuid")
    return EventStream(watched=service.watch_request(party, guid), settings=service.settings)


def get_requests(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Return the open requests of an account that this origin has made, oldest first."""
    waiting = service.challenges.pending(party, call.parameter("accountId"))
    now = service.ports.clock.now()
    return Reply(document=[processed_document(each, now=now) for each in waiting])


def cancel_request(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Cancel a question."""
    guid = read_guid(read_record(RequestName, call.document).request, "requestGuid")
    ended = service.challenges.cancel(party, guid)
    return Reply(document=processed_document(ended, now=service.ports.clock.now()))


def get_events(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Return the events of the App Space's accounts that this origin wants, oldest first."""
    limit = read_number(call.query, "limit")
    page = service.events.read(
        party,
        after=call.query.get("after"),
        limit=EVENTS_AT_ONCE if limit is None else limit,
    )
    return Reply(document=write_record(page))


def _await_end(service: Service, call: Call, party: RelyingParty, guid: Guid) -> Reply | LongPoll:
    """
    Return the request as it stands, or, with `wait`, what waits until it has ended.

    Raises:
        InvalidField: `wait` is no number of seconds.
        NotFound: There is no such request.
        Foreign: Another origin issued it.
        Unavailable: A port failed.
    """
    wait = read_wait(call.query, service.settings)
    watched = service.watch_request(party, guid)
    if not wait or watched.is_final:
        return Reply(document=watched.document())
    return LongPoll(watched=watched, limit=wait, settings=service.settings)


ACCOUNT_ID = {"accountId": "The origin's own id of the account."}
WAIT = {
    "wait": "Seconds to wait for the request to end, 30 at most by default; then it is answered as"
    " it stands. If too many wait, it is so at once: with 200, `PENDING` or `SEEN`, and"
    " `Retry-After`."
}
GUID = {"requestGuid": "The request's GUID."}

_call = partial(Operation, audience=Audience.ORIGIN, accepts=Payload.FORM)
_by_id = partial(_call, needs=ACCOUNT_ID, refuses=("unreachable",))
_by_guid = partial(_call, refuses=("not_found",))
_NOT_FOUND = ("asking_only", "not_found")
_UNREACHABLE = ("asking_only", "unreachable")

ORIGIN_API = (
    _call(
        "bindAccount",
        "PUT",
        "/account/bind",
        bind_account,
        {200: "Invitation", 201: "Invitation"},
        takes="Bind",
        refuses=(
            "asking_only",
            "unreachable",
            "wrong_kind",
            "too_many_bindings",
            "key_in_progress",
            "key_reused",
            "too_often",
        ),
        by_key=True,
    ),
    _by_id(
        "getAccount",
        "GET",
        "/account/getAccount",
        get_account,
        {200: "Account"},
        refuses=_UNREACHABLE,
    ),
    _by_guid(
        "accountByGuid",
        "GET",
        "/account/{guid}",
        account_by_guid,
        {200: "Account"},
        refuses=_NOT_FOUND,
    ),
    _call(
        "revokeAccount",
        "PATCH",
        "/account/revoke",
        revoke_account,
        NOTHING,
        takes="AccountName",
        refuses=(*_UNREACHABLE, "wrong_kind"),
    ),
    _call(
        "addRequest",
        "POST",
        "/request/add",
        add_request,
        {201: "IssuedRequest"},
        takes="Question",
        refuses=(
            "action_type_unknown",
            "callback_forbidden",
            "callback_uncallable",
            "unreachable",
            "code_demanded",
            "key_in_progress",
            "key_reused",
            "too_many_pending",
            "too_often",
        ),
        by_key=True,
    ),
    _by_guid(
        "getRequest",
        "GET",
        "/request/getRequest",
        get_request,
        {200: "Request"},
        needs=GUID,
        query=WAIT,
    ),
    _by_guid(
        "requestByGuid",
        "GET",
        "/request/{guid}",
        request_by_guid,
        {200: "Request"},
        query=WAIT,
    ),
    _call(
        "requestEvents",
        "GET",
        "/request/events",
        request_events,
        {200: "Events"},
        needs=GUID,
        refuses=("not_found", "busy"),
        media_type=EVENTS,
    ),
    _by_id("getRequests", "GET", "/request/getAll", get_requests, {200: "Requests"}),
    _call(
        "cancelRequest",
        "PATCH",
        "/request/cancel",
        cancel_request,
        {200: "Request"},
        takes="RequestName",
        refuses=("not_found", "wrong_state", "deadline_passed"),
    ),
    _by_id(
        "getDevices",
        "GET",
        "/device/getAll",
        get_devices,
        {200: "Devices"},
        refuses=_UNREACHABLE,
    ),
    _call(
        "confirmDevice",
        "POST",
        "/device/confirm",
        confirm_device,
        NOTHING,
        takes="Comparison",
        refuses=(
            *_NOT_FOUND,
            "unreachable",
            "wrong_state",
            "deadline_passed",
            "wrong_code",
            "new_device_forbidden",
            "too_many_bindings",
            "too_often",
        ),
    ),
    _by_guid(
        "revokeDevice",
        "PATCH",
        "/device/revoke",
        revoke_device,
        NOTHING,
        takes="DeviceName",
        refuses=_NOT_FOUND,
    ),
    _call(
        "getEvents",
        "GET",
        "/events",
        get_events,
        {200: "AccountEvents"},
        refuses=("asking_only",),
        query={
            "after": "The `next` of an earlier reply; without it, the oldest event that is kept"
            " comes first.",
            "limit": "How many events are looked at, 100 unless it says otherwise, 1000 at most;"
            " those that the origin does not want are left out.",
        },
    ),
    *ACTION_API,
    *CEREMONY_API,
)
