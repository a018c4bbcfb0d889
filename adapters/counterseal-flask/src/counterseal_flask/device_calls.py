"""Device calls: what is done when a device calls."""

from __future__ import annotations

from http import HTTPStatus

import counterseal as cs
from counterseal.models import DeviceCall
from counterseal.wire.enrolment import read_look
from counterseal_flask.bodies import document, named
from counterseal_flask.documents import (
    answered_document,
    bound_document,
    invited_document,
    own_document,
    pending_document,
    shown_document,
    status_document,
)
from counterseal_flask.messages import Message, Reply
from counterseal_flask.service import Service


def look(service: Service, asked: Message) -> Reply:
    """Return the App Space that a session token is for."""
    app_space = service.enrolments.look(read_look(document(asked)))
    return Reply(document=invited_document(app_space))


def finish_bind(service: Service, asked: Message) -> Reply:
    """Finish a bind with a session token; the same again gets the same."""
    bound = service.enrolments.complete(cs.read_enrolment(document(asked)))
    return Reply(document=bound_document(bound))


def pending(service: Service, asked: Message) -> Reply:
    """Return what the device's account is asked."""
    return Reply(document=pending_document(service.answers.pending(_call(asked))))


def show(service: Service, asked: Message) -> Reply:
    """Return one request, to be shown."""
    guid = named(asked.names["guid"], "guid")
    shown = service.answers.fetch(_call(asked), guid)
    return Reply(document=shown_document(shown, service.ports.clock.now()))


def answer(service: Service, asked: Message) -> Reply:
    """Accept an answer."""
    return Reply(document=answered_document(service.answers.answer(_call(asked))))


def disown(service: Service, asked: Message) -> Reply:
    """Accept a disown."""
    return Reply(document=answered_document(service.answers.disown(_call(asked))))


def update(service: Service, asked: Message) -> Reply:
    """Change the device's name or push addresses."""
    return Reply(document=own_document(service.devices.update(_call(asked)), service.policy))


def rotate(service: Service, asked: Message) -> Reply:
    """Replace the device's keys."""
    return Reply(document=own_document(service.devices.rotate(_call(asked)), service.policy))


def status(service: Service, asked: Message) -> Reply:
    """Tell the device about itself."""
    return Reply(document=status_document(service.devices.prove(_call(asked)), service.policy))


def endorsed_keys(service: Service, asked: Message) -> Reply:
    """Return the service's keys, endorsed by each of them."""
    return Reply(document={"endorsed": service.keysets.endorsed(_call(asked))})


def telemetry(service: Service, asked: Message) -> Reply:
    """Record an event of the device."""
    service.telemetry.record(_call(asked))
    return Reply(status=HTTPStatus.NO_CONTENT)


def service_keys(service: Service, asked: Message) -> Reply:  # noqa: ARG001 (a handler's)
    """Return the service's public keys."""
    return Reply(
        document=cs.jwks_document(service.ports.signer.jwks()),
        headers={"Cache-Control": "public, max-age=300"},
    )


def _call(asked: Message) -> DeviceCall:
    return DeviceCall(method=asked.method, uri=asked.uri, body=asked.body, proof=asked.proof)
