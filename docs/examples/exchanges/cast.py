"""Who calls: an administrator, an origin and a phone, each with its own credential."""

import json

import attrs
from exchanges.recorder import PUBLIC, Recorder

from counterseal import keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.credentials.documents import write_basic, write_cx1, write_signature
from counterseal.device import SoftwareDevice

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PIN = "1379"
NONCE_BYTES = 16


def written(document):
    """Return JSON as the cast writes it."""
    return json.dumps(document, ensure_ascii=False).encode()


@attrs.define
class Caller:
    """Whoever calls with a credential; *sign* returns the headers that show it."""

    recorder: Recorder
    sign: object  # from method, target, headers and body

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
        headers = headers | self.sign(method, target, headers, body)
        return self.recorder.send(about, method, target, headers=headers, body=body, **more)


def by_basic(recorder, guid, key):
    """Return an origin that calls with Basic."""
    return Caller(recorder, lambda *_: {"Authorization": write_basic(key, guid=guid)})


def by_cx1(recorder, guid, key):
    """Return an origin or administrator that signs by CX1."""

    def sign(method, target, _, body):
        header = write_cx1(
            key,
            method=method,
            uri=PUBLIC + target,
            milliseconds=int(recorder.clock.now().timestamp() * 1000),
            guid=guid,
            body=body,
        )
        return {"Authorization": header}

    return Caller(recorder, sign)


def by_signature(recorder, guid, key, entropy):
    """Return an origin or administrator that signs messages."""

    def sign(method, target, headers, body):
        return dict(
            write_signature(
                key,
                guid=guid,
                method=method,
                uri=PUBLIC + target,
                headers=headers.items(),
                body=body,
                created=int(recorder.clock.now().timestamp()),
                nonce=keys.b64url(entropy.token(NONCE_BYTES)),
            )
        )

    return Caller(recorder, sign)


@attrs.define
class Handset:
    """A phone whose calls go over HTTP."""

    recorder: Recorder
    device: SoftwareDevice

    def enrolment(self, invitation, **more):
        """Return the body that finishes a bind."""
        token, space = invitation["sessionToken"], invitation["appSpaceGuid"]
        return written(enrolment_document(self.device.enrolment(token, space, pin=PIN, **more)))

    def call(self, about, method, target, body=b"", *, media_type=JSON, **options):
        """Send *body* with a proof for just this request; *options* are those of the recorder."""
        call = self.device.signed_call(method, PUBLIC + target, body)
        headers = {"Counterseal-Proof": call.proof}
        if body:
            headers["Content-Type"] = media_type
        return self.recorder.send(about, method, target, headers=headers, body=body, **options)

    def sign(self, about, target, token):
        """Send an answer or a disown."""
        return self.call(about, "POST", target, token.encode(), media_type="application/jose")
