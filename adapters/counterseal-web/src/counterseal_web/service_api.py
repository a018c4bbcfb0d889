"""The service API: the calls of an origin (privakey-wire 2.1)."""

from __future__ import annotations

from functools import partial

from counterseal_web import service_calls as calls
from counterseal_web.messages import EVENTS
from counterseal_web.operations import NOTHING, Audience, Operation, Payload

ACCOUNT_ID = {"accountId": "The origin's own id of the account."}
WAIT = {"wait": "Seconds to wait for the request to end; answered as it stands after that."}
GUID = {"requestGuid": "The request's GUID."}

_call = partial(Operation, audience=Audience.ORIGIN, accepts=Payload.FORM)
_by_id = partial(_call, needs=ACCOUNT_ID, refuses=("unreachable",))
_by_guid = partial(_call, refuses=("not_found",))

SERVICE_API = (
    _call(
        "bindAccount",
        "PUT",
        "/account/bind",
        calls.bind_account,
        {200: "Invitation", 201: "Invitation"},
        takes="Bind",
        refuses=(
            "unreachable",
            "wrong_kind",
            "too_many_bindings",
            "key_in_progress",
            "key_reused",
            "too_often",
        ),
        by_key=True,
    ),
    _by_id("getAccount", "GET", "/account/getAccount", calls.get_account, {200: "Account"}),
    _by_guid("accountByGuid", "GET", "/account/{guid}", calls.account_by_guid, {200: "Account"}),
    _call(
        "revokeAccount",
        "PATCH",
        "/account/revoke",
        calls.revoke_account,
        NOTHING,
        takes="AccountName",
        refuses=("unreachable", "wrong_kind"),
    ),
    _call(
        "addRequest",
        "POST",
        "/request/add",
        calls.add_request,
        {201: "IssuedRequest"},
        takes="Question",
        refuses=(
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
        calls.get_request,
        {200: "Request"},
        needs=GUID,
        query=WAIT,
    ),
    _by_guid(
        "requestByGuid",
        "GET",
        "/request/{guid}",
        calls.request_by_guid,
        {200: "Request"},
        query=WAIT,
    ),
    _call(
        "requestEvents",
        "GET",
        "/request/events",
        calls.request_events,
        {200: "Events"},
        needs=GUID,
        refuses=("not_found", "busy"),
        media_type=EVENTS,
    ),
    _by_id("getRequests", "GET", "/request/getAll", calls.get_requests, {200: "Requests"}),
    _call(
        "cancelRequest",
        "PATCH",
        "/request/cancel",
        calls.cancel_request,
        {200: "Request"},
        takes="RequestName",
        refuses=("not_found", "wrong_state", "deadline_passed"),
    ),
    _by_id("getDevices", "GET", "/device/getAll", calls.get_devices, {200: "Devices"}),
    _by_guid(
        "revokeDevice", "PATCH", "/device/revoke", calls.revoke_device, NOTHING, takes="DeviceName"
    ),
)
