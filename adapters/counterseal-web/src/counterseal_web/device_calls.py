"""Device calls: what is done when a device calls."""

from __future__ import annotations

from http import HTTPStatus

import counterseal as cs
from counterseal.models import DeviceCall
from counterseal.wire.enrolment import read_peek
from counterseal_web.bodies import named
from counterseal_web.calls import Call
from counterseal_web.documents import (
    answered_document,
    bound_document,
    invited_document,
    own_document,
    pending_document,
    shown_document,
    status_document,
)
from counterseal_web.messages import Reply
from counterseal_web.service import Service


def peek(service: Service, call: Call) -> Reply:
    """Tell which App Space a session token is for; changes nothing."""
    app_space = service.enrolments.peek(read_peek(call.document))
    return Reply(document=invited_document(app_space))


def finish_bind(service: Service, call: Call) -> Reply:
    """Finish a bind with a session token and new keys; may be repeated."""
    bound = service.enrolments.complete(cs.read_enrolment(call.document))
    return Reply(document=bound_document(bound))


def pending(service: Service, call: Call) -> Reply:
    """Return what the device's account is asked, oldest first."""
    return Reply(document=pending_document(service.answers.pending(_device_call(call))))


def show(service: Service, call: Call) -> Reply:
    """Return one request, to be shown: its display document is what the device signs."""
    guid = named(call.names["guid"], "guid")
    shown = service.answers.fetch(_device_call(call), guid)
    return Reply(document=shown_document(shown, service.ports.clock.now()))


def answer(service: Service, call: Call) -> Reply:
    """Accept an answer; the body is the answer, a compact JWS."""
    return Reply(document=answered_document(service.answers.answer(_device_call(call))))


def disown(service: Service, call: Call) -> Reply:
    """Accept that this was not me; the body is the disown, a compact JWS."""
    return Reply(document=answered_document(service.answers.disown(_device_call(call))))


def update(service: Service, call: Call) -> Reply:
    """Change the device's name or push addresses."""
    return Reply(document=own_document(service.devices.update(_device_call(call)), service.policy))


def rotate(service: Service, call: Call) -> Reply:
    """Replace the device's keys."""
    return Reply(document=own_document(service.devices.rotate(_device_call(call)), service.policy))


def status(service: Service, call: Call) -> Reply:
    """Tell the device what the service knows of it."""
    return Reply(
        document=status_document(service.devices.authenticate(_device_call(call)), service.policy)
    )


def endorsed_keys(service: Service, call: Call) -> Reply:
    """Return the service's key set, endorsed by each of its keys."""
    return Reply(document={"endorsed": service.keysets.endorse(_device_call(call))})


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


def _device_call(call: Call) -> DeviceCall:
    return DeviceCall(method=call.method, uri=call.uri, body=call.body, proof=call.proof)
