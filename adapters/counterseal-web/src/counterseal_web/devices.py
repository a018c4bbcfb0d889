"""Devices: the calls of a device, and the service's public keys."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

import counterseal as cs
from counterseal.bindings.documents.confirmation import DeviceDecision, NewDevice, NewDevices
from counterseal.bindings.documents.device import (
    AccountStatus,
    AnswerReply,
    Bond,
    DeviceStatus,
    EndedRequests,
    Endorsements,
    InvitedDevice,
    OpenRequest,
    OpenRequests,
    Peeked,
    ShownRequest,
)
from counterseal.bindings.documents.enrolment import read_peek
from counterseal.errors import InvalidField
from counterseal.models import DeviceCall, Guid
from counterseal.models.clients import MOST_PENDING
from counterseal.models.guid import parse
from counterseal.wire.members import write_record
from counterseal.wire.recognition import names_of
from counterseal_web.calls import Call
from counterseal_web.logins import LOGIN_API
from counterseal_web.members import read_guid
from counterseal_web.messages import EVENTS, PNG, Reply
from counterseal_web.operations import NOTHING, Audience, Operation, Payload
from counterseal_web.pending import EventStream, LongPoll, read_wait
from counterseal_web.service import Service


def peek_invitation(service: Service, call: Call) -> Reply:
    """Return the App Space and the account of a session token; changes nothing."""
    target = service.enrolments.peek(read_peek(call.document))
    languages = service.ports.actions.languages
    return Reply(document=write_record(Peeked.of(target, service.policy, languages)))


def complete_bind(service: Service, call: Call) -> Reply:
    """Complete a bind with a session token and new keys; may be repeated."""
    bound = service.enrolments.complete(cs.read_enrolment(call.document))
    return Reply(document=write_record(Bond.of(bound)))


def list_pending(service: Service, call: Call) -> Reply | LongPoll:
    """
    Return the open requests to the device's account, oldest first.

    With `wait`, it returns as soon as the list differs from `known`.
    """
    wait, known_guids = read_wait(call.query, service.settings), _read_known(call)
    if not wait:
        requests = tuple(map(OpenRequest.of, service.answers.pending(_device_call(call))))
        return Reply(document=write_record(OpenRequests(requests=requests)))
    watched = service.watch_list(_device_call(call), known_guids)
    if watched.is_awaited:
        return Reply(document=watched.document())
    return LongPoll(watched=watched, limit=wait, settings=service.settings)


def stream_pending(service: Service, call: Call) -> EventStream:
    """Stream the open requests to the device's account: the list at once, and at each change."""
    return EventStream(
        watched=service.watch_list(_device_call(call)),
        # A proof is fresh for so long; then the device proves itself again.
        life=service.policy.proof_past,
        settings=service.settings,
    )


def list_ended(service: Service, call: Call) -> Reply:
    """Return the requests to the device's account that ended last, newest first, 20 at most."""
    requests = EndedRequests(requests=service.answers.ended(_device_call(call)))
    return Reply(document=write_record(requests))


def show_request(service: Service, call: Call) -> Reply:
    """Return one request, to be shown: its display document is what the device signs."""
    guid = read_guid(call.names["guid"], "guid")
    challenge = service.answers.fetch(_device_call(call), guid)
    request = ShownRequest.of(challenge, now=service.ports.clock.now())
    return Reply(document=write_record(request))


def answer_request(service: Service, call: Call) -> Reply:
    """Accept an answer; the body is the answer, a compact JWS."""
    return Reply(document=write_record(AnswerReply.of(service.answers.answer(_device_call(call)))))


def disown_request(service: Service, call: Call) -> Reply:
    """Accept a disown ("this was not me"); the body is the disown, a compact JWS."""
    return Reply(document=write_record(AnswerReply.of(service.answers.disown(_device_call(call)))))


def update_device(service: Service, call: Call) -> Reply:
    """Change the device's name, push addresses, platform, app version or language."""
    return _status(service.devices.update(_device_call(call)))


def unbind_device(service: Service, call: Call) -> Reply:
    """Revoke the device that calls, for good; a repeated call is refused as `denied`."""
    service.devices.unbind(_device_call(call))
    return Reply(status=HTTPStatus.NO_CONTENT)


def lock_own_account(service: Service, call: Call) -> Reply:
    """Lock the account of the device that calls; only an administrator unlocks it."""
    service.devices.lock(_device_call(call))
    return Reply(status=HTTPStatus.NO_CONTENT)


def rotate_keys(service: Service, call: Call) -> Reply:
    """Replace the device's keys."""
    return _status(service.devices.rotate(_device_call(call)))


def invite_device(service: Service, call: Call) -> Reply:
    """Invite another device of the account; what it binds is unconfirmed at first."""
    invitation = service.confirmations.invite(_device_call(call))
    invited_device = InvitedDevice(
        device=invitation.binding,
        token=invitation.token,
        expires_at=invitation.deadline,
        link=service.bind_link(invitation),
    )
    return Reply(document=write_record(invited_device))


def list_unconfirmed(service: Service, call: Call) -> Reply:
    """Return the new devices of the account that wait to be confirmed, with their keys."""
    new_devices = tuple(map(NewDevice.of, service.confirmations.pending(_device_call(call))))
    return Reply(document=write_record(NewDevices(confirmations=new_devices)))


def decide_on_device(service: Service, call: Call) -> Reply:
    """Add, move to or refuse a new device; the body is the confirmation, a compact JWS."""
    binding = service.confirmations.decide(_device_call(call))
    decision = DeviceDecision(device=binding.guid, state=binding.state)
    return Reply(document=write_record(decision))


def get_status(service: Service, call: Call) -> Reply:
    """Return the status of the device."""
    device, company = service.devices.status(_device_call(call))
    status = AccountStatus.of(
        device.binding,
        attempts_left=device.attempts_left,
        account=device.account.guid,
        app_space=device.app_space.guid,
        **names_of(device.app_space, company, device.account),
        web_push_key=service.settings.webpush_key,
        color=device.app_space.brand_color,
        logo=device.app_space.logo_digest,
        languages=service.ports.actions.languages,
    )
    return Reply(document=write_record(status))


def get_endorsed_keys(service: Service, call: Call) -> Reply:
    """Return the service's key set, endorsed by each of its keys."""
    endorsements = Endorsements(endorsed=service.keysets.endorse(_device_call(call)))
    return Reply(document=write_record(endorsements))


def record_telemetry(service: Service, call: Call) -> Reply:
    """Record an event; it goes to the audit log."""
    service.telemetry.record(_device_call(call))
    return Reply(status=HTTPStatus.NO_CONTENT)


def get_service_keys(service: Service, call: Call) -> Reply:  # noqa: ARG001 (a handler's)
    """Return the service's public keys (RFC 7517)."""
    return Reply(
        document=cs.jwks_document(service.ports.signer.jwks()),
        headers={"Cache-Control": "public, max-age=300"},
    )


def get_logo(service: Service, call: Call) -> Reply:
    """Return an App Space's logo, by the SHA-256 that a device has learned."""
    app_space = read_guid(call.names["app_space"], "app_space")
    png = service.logos.read(app_space, call.names["logo"])
    return Reply(content=png, media_type=PNG, headers=LOGO_HEADERS)


def _read_known(call: Call) -> frozenset[Guid]:
    """
    Return the requests that the device knows of.

    Raises:
        InvalidField: `known` is no list of GUIDs, or has more than anybody may be asked at once.
    """
    guids = call.query.get("known")
    if not guids:
        return frozenset()
    texts = guids.split(",", MOST_PENDING)
    if len(texts) > MOST_PENDING:
        raise InvalidField("known", f"more than {MOST_PENDING}")
    return frozenset(parse(text, field="known") for text in texts)


def _status(device: cs.AuthenticatedDevice) -> Reply:
    status = DeviceStatus.of(device.binding, attempts_left=device.attempts_left)
    return Reply(document=write_record(status))


def _device_call(call: Call) -> DeviceCall:
    return DeviceCall(method=call.method, uri=call.uri, body=call.body, proof=call.proof)


LOGO_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Another logo has another address; a browser that opens this one as a page runs nothing."""

PROVEN = ("denied", "unreachable", "identity_withdrawn")
"""Problems of every call with a proof."""

ENDED = ("not_found", "wrong_state", "deadline_passed", "strong_key_missed")

_open = partial(Operation, audience=Audience.ANYBODY, from_pages=True)
_call = partial(Operation, audience=Audience.DEVICE, refuses=PROVEN, from_pages=True)

DEVICE_API = (
    *LOGIN_API,
    _open(
        "lookAtInvitation",
        "POST",
        "/device/invitation",
        peek_invitation,
        {200: "Invited"},
        takes="Look",
        refuses=("denied", "deadline_passed"),
    ),
    _open(
        "finishBind",
        "POST",
        "/device/bind",
        complete_bind,
        {200: "Bound"},
        takes="Enrolment",
        refuses=(
            "denied",
            "unreachable",
            "not_found",
            "unfit_key",
            "keys_incomplete",
            "not_possessed",
            "token_spent",
            "wrong_state",
            "deadline_passed",
            "new_device_forbidden",
            "asking_only",
            "too_many_bindings",
        ),
    ),
    _call(
        "pendingRequests",
        "GET",
        "/device/requests",
        list_pending,
        {200: "Pending"},
        query={
            "wait": "Seconds to wait for a list that is not `known`; answered as it stands after"
            " that.",
            "known": "With `wait`: the GUIDs of the requests that the device knows, separated by"
            " commas; none if it is missing.",
        },
    ),
    _call(
        "pendingEvents",
        "GET",
        "/device/requests/events",
        stream_pending,
        {200: "PendingEvents"},
        refuses=(*PROVEN, "busy"),
        media_type=EVENTS,
    ),
    _call("endedRequests", "GET", "/device/history", list_ended, {200: "Ended"}),
    _call(
        "showRequest",
        "GET",
        "/device/requests/{guid}",
        show_request,
        {200: "Shown"},
        refuses=(*PROVEN, "not_found", "deadline_passed"),
    ),
    _call(
        "answerRequest",
        "POST",
        "/device/answer",
        answer_request,
        {200: "Answered"},
        accepts=Payload.TOKEN,
        takes="Token",
        refuses=(*PROVEN, *ENDED, "code_missing", "wrong_code"),
    ),
    _call(
        "disownRequest",
        "POST",
        "/device/disown",
        disown_request,
        {200: "Answered"},
        accepts=Payload.TOKEN,
        takes="Token",
        refuses=(*PROVEN, *ENDED),
    ),
    _call("updateDevice", "PATCH", "/device", update_device, {200: "Device"}, takes="Update"),
    _call("unbindDevice", "DELETE", "/device", unbind_device, NOTHING),
    _call("lockOwnAccount", "POST", "/device/lock", lock_own_account, NOTHING),
    _call(
        "rotateKeys",
        "POST",
        "/device/rotate",
        rotate_keys,
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
    _call(
        "inviteDevice",
        "POST",
        "/device/invitations",
        invite_device,
        {200: "InvitedDevice"},
        refuses=(*PROVEN, "new_device_forbidden", "too_many_bindings", "too_often"),
    ),
    _call("newDevices", "GET", "/device/confirmations", list_unconfirmed, {200: "NewDevices"}),
    _call(
        "decideOnDevice",
        "POST",
        "/device/confirmations",
        decide_on_device,
        {200: "DeviceDecision"},
        accepts=Payload.TOKEN,
        takes="Token",
        refuses=(*PROVEN, *ENDED, "new_device_forbidden", "too_many_bindings"),
    ),
    _call("deviceStatus", "GET", "/device/status", get_status, {200: "Status"}),
    _call("endorsedKeys", "GET", "/device/keys", get_endorsed_keys, {200: "Endorsed"}),
    _call(
        "recordTelemetry",
        "POST",
        "/device/telemetry",
        record_telemetry,
        NOTHING,
        takes="TelemetryEvent",
        refuses=(*PROVEN, "too_often"),
    ),
    _open(
        "logo",
        "GET",
        "/device/logo/{app_space}/{logo}",
        get_logo,
        {200: "Logo"},
        refuses=("not_found",),
        media_type=PNG,
    ),
    _open("serviceKeys", "GET", "/.well-known/jwks.json", get_service_keys, {200: "KeySet"}),
)
