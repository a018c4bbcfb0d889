"""Who calls: an administrator, an origin and a phone, each with its own credential."""

import json

import attrs
from exchanges.recorder import PUBLIC, Recorder

from counterseal.device import SoftwareDevice
from counterseal.wire.cx1 import write_basic, write_cx1
from counterseal.wire.enrolment import enrolment_document

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PIN = "1379"


def written(document):
    """Return JSON as the cast writes it."""
    return json.dumps(document, ensure_ascii=False).encode()


@attrs.define
class Caller:
    """Whoever calls with an `Authorization` header."""

    recorder: Recorder
    authorization: object  # from method, target and body

    def call(self, about, method, target, document=None, *, form=None, body=b"", key=None, **more):
        """Send JSON, a form, or *body* as it is."""
        headers = more.pop("headers", {})
        if document is not None:
            headers = headers | {"Content-Type": JSON}
            body = written(document)
        if form is not None:
            headers = headers | {"Content-Type": FORM}
            body = form.encode()
        if key is not None:
            headers = headers | {"Idempotency-Key": key}
        headers = headers | {"Authorization": self.authorization(method, target, body)}
        return self.recorder.send(about, method, target, headers=headers, body=body, **more)


def by_basic(recorder, guid, key):
    """Return an origin that calls with Basic."""
    header = write_basic(key, guid=guid)
    return Caller(recorder, lambda method, target, body: header)  # noqa: ARG005 (the same always)


def by_cx1(recorder, guid, key):
    """Return an origin or administrator that signs by CX1."""

    def authorization(method, target, body):
        now, uri = recorder.clock.now(), PUBLIC + target
        return write_cx1(
            key,
            method=method,
            uri=uri,
            milliseconds=int(now.timestamp() * 1000),
            guid=guid,
            body=body,
        )

    return Caller(recorder, authorization)


@attrs.define
class Handset:
    """A phone whose calls go over HTTP."""

    recorder: Recorder
    device: SoftwareDevice

    def enrolment(self, invitation, **more):
        """Return the body that finishes a bind."""
        token, space = invitation["sessionToken"], invitation["appSpaceGuid"]
        return written(enrolment_document(self.device.enrolment(token, space, pin=PIN, **more)))

    def call(self, about, method, target, body=b"", *, media_type=JSON):
        """Send *body* with a proof for just this request."""
        call = self.device.call(method, PUBLIC + target, body)
        headers = {"Counterseal-Proof": call.proof}
        if body:
            headers["Content-Type"] = media_type
        return self.recorder.send(about, method, target, headers=headers, body=body)

    def sign(self, about, target, token):
        """Send an answer or a disown."""
        return self.call(about, "POST", target, token.encode(), media_type="application/jwt")
