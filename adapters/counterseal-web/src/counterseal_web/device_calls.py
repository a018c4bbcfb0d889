"""Device calls: what is done when a device calls."""

from __future__ import annotations

from http import HTTPStatus

import counterseal as cs
from counterseal.models import Binding, DeviceCall
from counterseal.wire.device import (
    AccountStatus,
    AnswerReply,
    Bond,
    DeviceStatus,
    Endorsements,
    OpenRequest,
    OpenRequests,
    Peeked,
    ShownRequest,
)
from counterseal.wire.enrolment import read_peek
from counterseal.wire.members import write_record
from counterseal_web.bodies import named
from counterseal_web.calls import Call
from counterseal_web.messages import Reply
from counterseal_web.service import Service


def peek(service: Service, call: Call) -> Reply:
    """Tell which App Space a session token is for; changes nothing."""
    app_space = service.enrolments.peek(read_peek(call.document))
    peeked = Peeked(app_space=app_space.guid, app_space_name=app_space.name)
    return Reply(document=write_record(peeked))


def finish_bind(service: Service, call: Call) -> Reply:
    """Finish a bind with a session token and new keys; may be repeated."""
    bound = service.enrolments.complete(cs.read_enrolment(call.document))
    return Reply(document=write_record(Bond.of(bound)))


def pending(service: Service, call: Call) -> Reply:
    """Return what the device's account is asked, oldest first."""
    requests = tuple(map(OpenRequest.of, service.answers.pending(_device_call(call))))
    return Reply(document=write_record(OpenRequests(requests=requests)))


def show(service: Service, call: Call) -> Reply:
    """Return one request, to be shown: its display document is what the device signs."""
    guid = named(call.names["guid"], "guid")
    challenge = service.answers.fetch(_device_call(call), guid)
    request = ShownRequest.of(challenge, now=service.ports.clock.now())
    return Reply(document=write_record(request))


def answer(service: Service, call: Call) -> Reply:
    """Accept an answer; the body is the answer, a compact JWS."""
    return Reply(document=write_record(AnswerReply.of(service.answers.answer(_device_call(call)))))


def disown(service: Service, call: Call) -> Reply:
    """Accept that this was not me; the body is the disown, a compact JWS."""
    return Reply(document=write_record(AnswerReply.of(service.answers.disown(_device_call(call)))))


def update(service: Service, call: Call) -> Reply:
    """Change the device's name or push addresses."""
    return _status(service, service.devices.update(_device_call(call)))


def rotate(service: Service, call: Call) -> Reply:
    """Replace the device's keys."""
    return _status(service, service.devices.rotate(_device_call(call)))


def status(service: Service, call: Call) -> Reply:
    """Tell the device what the service knows of it."""
    authenticated = service.devices.authenticate(_device_call(call))
    status = AccountStatus.of(
        authenticated.binding,
        attempts_left=_attempts_left(service, authenticated.binding),
        account=authenticated.account.guid,
        app_space=authenticated.app_space.guid,
        app_space_name=authenticated.app_space.name,
    )
    return Reply(document=write_record(status))


def endorsed_keys(service: Service, call: Call) -> Reply:
    """Return the service's key set, endorsed by each of its keys."""
    endorsements = Endorsements(endorsed=service.keysets.endorse(_device_call(call)))
    return Reply(document=write_record(endorsements))


def telemetry(service: Service, call: Call) -> Reply:
    """Record an event; it goes to the audit log."""
    service.telemetry.record(_device_call(call))
    return Reply(status=HTTPStatus.NO_CONTENT)


def service_keys(service: Service, call: Call) -> Reply:  # noqa: ARG001 (a handler's)
    """Return the service's public keys (RFC 7517)."""
    return Reply(
        document=cs.jwks_document(service.ports.signer.jwks()),
        headers={"Cache-Control": "public, max-age=300"},
    )


def _status(service: Service, binding: Binding) -> Reply:
    status = DeviceStatus.of(binding, attempts_left=_attempts_left(service, binding))
    return Reply(document=write_record(status))


def _attempts_left(service: Service, binding: Binding) -> int:
    return max(0, service.policy.strike_limit - binding.strikes)


def _device_call(call: Call) -> DeviceCall:
    return DeviceCall(method=call.method, uri=call.uri, body=call.body, proof=call.proof)
