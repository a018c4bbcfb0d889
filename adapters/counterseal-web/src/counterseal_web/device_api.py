"""The device API: the calls of a device, and the service's public keys."""

from __future__ import annotations

from functools import partial

from counterseal_web import device_calls as calls
from counterseal_web import login_calls as logins
from counterseal_web.operations import NOTHING, Audience, Operation, Payload

PROVEN = ("denied", "unreachable", "identity_withdrawn")
"""What every call with a proof may be told."""

ENDED = ("not_found", "wrong_state", "deadline_passed", "strong_key_missed")

_open = partial(Operation, audience=Audience.ANYBODY)
_call = partial(Operation, audience=Audience.DEVICE, refuses=PROVEN)

DEVICE_API = (
    _open(
        "redirect",
        "POST",
        "/device/login/redirect",
        logins.redirect,
        {200: "Begun"},
        takes="NewLogin",
        refuses=("not_found", "wrong_kind", "return_forbidden", "too_often"),
    ),
    _open(
        "comeBack",
        "GET",
        "/device/login/return",
        logins.come_back,
        {303: None},
        needs={"state": "As the log-in's address had it."},
        query={
            "code": "The authorization code.",
            "iss": "The issuer (RFC 9207).",
            "error": "Why there is no code.",
        },
        refuses=("denied", "deadline_passed"),
    ),
    _open(
        "authenticate",
        "POST",
        "/device/login/authenticate",
        logins.authenticate,
        {200: "LoggedIn"},
        takes="LoginReturn",
        refuses=(
            "denied",
            "unreachable",
            "identity_withdrawn",
            "wrong_state",
            "deadline_passed",
            "too_many_bindings",
        ),
    ),
    _open(
        "logOut",
        "POST",
        "/device/login/logout/{app_space}",
        logins.log_out,
        NOTHING,
        takes="LoggedOut",
        accepts=Payload.FORM,
        refuses=("not_found",),
    ),
    _open(
        "lookAtInvitation",
        "POST",
        "/device/invitation",
        calls.peek,
        {200: "Invited"},
        takes="Look",
        refuses=("denied", "deadline_passed"),
    ),
    _open(
        "finishBind",
        "POST",
        "/device/bind",
        calls.finish_bind,
        {200: "Bound"},
        takes="Enrolment",
        refuses=(
            "denied",
            "unreachable",
            "unfit_key",
            "keys_incomplete",
            "not_possessed",
            "token_spent",
            "wrong_state",
            "deadline_passed",
        ),
    ),
    _call("pendingRequests", "GET", "/device/requests", calls.pending, {200: "Pending"}),
    _call(
        "showRequest",
        "GET",
        "/device/requests/{guid}",
        calls.show,
        {200: "Shown"},
        refuses=(*PROVEN, "not_found", "deadline_passed"),
    ),
    _call(
        "answerRequest",
        "POST",
        "/device/answer",
        calls.answer,
        {200: "Answered"},
        accepts=Payload.TOKEN,
        takes="Token",
        refuses=(*PROVEN, *ENDED, "code_missing", "wrong_code"),
    ),
    _call(
        "disownRequest",
        "POST",
        "/device/disown",
        calls.disown,
        {200: "Answered"},
        accepts=Payload.TOKEN,
        takes="Token",
        refuses=(*PROVEN, *ENDED),
    ),
    _call("updateDevice", "PATCH", "/device", calls.update, {200: "Device"}, takes="Update"),
    _call(
        "rotateKeys",
        "POST",
        "/device/rotate",
        calls.rotate,
        {200: "Device"},
        takes="Rotation",
        refuses=(
            *PROVEN,
            "unfit_key",
            "keys_incomplete",
            "not_possessed",
            "not_endorsed",
            "strong_key_missed",
        ),
    ),
    _call("deviceStatus", "GET", "/device/status", calls.status, {200: "Status"}),
    _call("endorsedKeys", "GET", "/device/keys", calls.endorsed_keys, {200: "Endorsed"}),
    _call(
        "recordTelemetry",
        "POST",
        "/device/telemetry",
        calls.telemetry,
        NOTHING,
        takes="TelemetryEvent",
        refuses=(*PROVEN, "too_often"),
    ),
    _open("serviceKeys", "GET", "/.well-known/jwks.json", calls.service_keys, {200: "KeySet"}),
)
