"""A server around the core: which use case belongs to which request."""

import json
import logging
from dataclasses import dataclass, field
from datetime import timedelta

import counterseal as cs
from counterseal.bindings.documents.device import (
    AnswerReply,
    Bond,
    DeviceStatus,
    Endorsements,
    OpenRequest,
    OpenRequests,
    ShownRequest,
)
from counterseal.bindings.documents.enrolment import Update, enrolment_document, update_document
from counterseal.challenges.documents.messages import processed_document
from counterseal.credentials.documents import write_basic
from counterseal.device import SoftwareDevice
from counterseal.memory import memory_ports
from counterseal.models import DeviceCall, Scheme
from counterseal.wire.members import write_record
from counterseal.wire.problem import Problem, problem_document

log = logging.getLogger("bank")
BASE = "https://auth.example.com"  # configured, and never taken from a Host header
BODY_LIMIT = 64 * 1024  # refuse more before it is read


@dataclass(frozen=True)
class Request:
    """What any web framework can tell."""

    method: str
    path: str  # with its query, as it was sent
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def ensure_shop(ports: cs.Ports, policy: cs.Policy):
    """Return the shop in its App Space; the first call of all creates both."""
    return cs.Administration(ports, policy, by=cs.OPERATOR).ensure_tenancy(
        "example.com/shop",  # your own name for it, which never changes
        company="Example",
        app_space="Bank",
        origin="Web shop",
        callbacks=["https://shop.example.com/answered"],
    )


class Server:
    """One App Space, its own web shop, remote origins, and devices."""

    def __init__(self, ports: cs.Ports, policy: cs.Policy, shop):
        self.shop, self.now, self.policy = shop, ports.clock.now, policy
        self.authentication = cs.Authentication(ports, policy)
        self.invitations = cs.Invitations(ports, policy)
        self.enrolments = cs.Enrolments(ports, policy)
        self.devices = cs.Devices(ports, policy)
        self.challenges = cs.Challenges(ports, policy)
        self.answers = cs.Answers(ports, policy)
        self.keysets = cs.KeySets(ports, policy)
        self.callbacks = cs.Callbacks(ports, policy)
        self.notifications = cs.Notifications(ports, policy)

    # The shop's own pages: the session says who the user is

    def add_device(self, session):
        invitation = self.invitations.invite(self.shop, session["account_id"])
        return 200, {"link": invitation.link(public_url=BASE)}  # show it; never mail it

    def pay(self, session, order):
        question = cs.read_question(
            {
                "accountId": session["account_id"],
                "content": f"Pay {order['amount']} to {order['payee']}?",
                "showCode": True,
            }
        )
        issued = self.challenges.issue(self.shop, question, idempotency_key=order["id"])
        session["challenge"] = issued.challenge.guid
        return 202, {"code": issued.code}  # shown on this page, typed into the device

    def paid(self, session):
        challenge = self.challenges.status(self.shop, session["challenge"])
        return 200, {"state": challenge.state.value, "approved": challenge.approved}

    # The API of remote origins: the credential says who they are

    def add_request(self, request):
        party = self.authentication.authenticate(
            cs.SignedRequest(
                method=request.method,
                uri=BASE + request.path,
                body=request.body,
                authorization=request.headers.get("authorization", ""),
                headers=tuple(request.headers.items()),
            )
        )
        question = cs.read_question(cs.read_json(request.body))
        issued = self.challenges.issue(party, question)
        return 201, processed_document(issued.challenge, now=self.now())

    # The API of devices: the proof says who they are

    def bind(self, request):
        bound = self.enrolments.complete(cs.read_enrolment(cs.read_json(request.body)))
        return 200, write_record(Bond.of(bound))

    def pending(self, request):
        challenges = self.answers.pending(device_call(request))
        return 200, write_record(OpenRequests(requests=tuple(map(OpenRequest.of, challenges))))

    def show(self, request, challenge):
        shown = self.answers.fetch(device_call(request), challenge)
        return 200, write_record(ShownRequest.of(shown, now=self.now()))

    def answer(self, request):
        return 200, write_record(AnswerReply.of(self.answers.answer(device_call(request))))

    def disown(self, request):
        return 200, write_record(AnswerReply.of(self.answers.disown(device_call(request))))

    def rotate(self, request):
        return 200, self.device_status(self.devices.rotate(device_call(request)))

    def update(self, request):
        return 200, self.device_status(self.devices.update(device_call(request)))

    def unbind(self, request):
        self.devices.unbind(device_call(request))
        return 204, None

    def lock(self, request):
        self.devices.lock(device_call(request))
        return 204, None

    def service_keys(self, request):
        endorsed = self.keysets.endorse(device_call(request))
        return 200, write_record(Endorsements(endorsed=endorsed))

    def device_status(self, device):
        return write_record(DeviceStatus.of(device.binding, attempts_left=device.attempts_left))

    # Workers: as many as you like, every few seconds

    def work(self):
        self.challenges.expire()
        self.invitations.expire()
        for callback in self.callbacks.due():
            try:
                self.callbacks.attempt(callback)
            except (cs.Refused, cs.Unavailable) as problem:
                # Another worker has it, or it is due again when the lease is over.
                log.info("callback %s: %s", callback, problem.code)

    def notify(self):
        for notification in self.notifications.due():
            try:
                self.notifications.attempt(notification.guid)
            except (cs.Refused, cs.Unavailable) as problem:
                log.info("notification %s: %s", notification.guid, problem.code)
        self.notifications.wait(timedelta(seconds=1))  # or until a question is asked


def device_call(request):
    return DeviceCall(
        method=request.method,
        uri=BASE + request.path,
        body=request.body,
        proof=request.headers.get("counterseal-proof", ""),
    )


# Reply

STATUS = {
    "unauthorized": 401,
    "not_found": 404,
    "invalid_field": 400,
    "too_often": 429,
    "too_many_pending": 429,
}


def reply_to(handler, *arguments):
    """Call *handler*, and turn what it raises into an answer."""
    try:
        return handler(*arguments)
    except cs.Refused as refusal:
        log.info("refused: %s", refusal.code)  # the code is for the log
        status = STATUS.get(refusal.public_code, 403)
        problem = Problem(
            code=refusal.public_code,  # the public code is for the other side
            title="Refused.",
            status=status,
            attempts_left=getattr(refusal, "attempts_left", None),
            field=getattr(refusal, "field", None),
            detail=getattr(refusal, "problem", None),
        )
        return status, problem_document(problem)  # as application/problem+json
    except cs.Unavailable as failure:
        log.warning("unavailable: %s", failure.code)
        problem = Problem(code="unavailable", title="Try again later.", status=503)
        return 503, problem_document(problem)


# A walk through it


def main():
    ports, policy = memory_ports(), cs.STANDARD
    shop = ensure_shop(ports, policy).origin
    secret = cs.Credentials(ports, policy, by=cs.OPERATOR).issue(shop.guid, Scheme.BASIC).secret
    server = Server(ports, policy, ensure_shop(ports, policy))
    phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin="1379")

    def from_phone(path, body=b"", method="POST"):
        call = phone.signed_call(method, BASE + path, body)
        return Request(method, path, body, {"counterseal-proof": call.proof})

    session = {"account_id": "user-42"}  # set by the shop when the user logged in
    _, page = reply_to(server.add_device, session)
    token = page["link"].partition("st=")[2].partition("&")[0]
    enrolment = phone.enrolment(token, shop.app_space, pin="1379")
    body = json.dumps(enrolment_document(enrolment)).encode()
    status, reply = reply_to(server.bind, Request("POST", "/device/bind", body))
    print("the bind:", status, sorted(reply))
    phone.complete_binding(server.enrolments.complete(enrolment))  # again: the recorded result

    order = {"id": "order-1", "amount": "10 EUR", "payee": "Zoë"}
    _, page = reply_to(server.pay, session, order)
    _, listed = reply_to(server.pending, from_phone("/device/requests", method="GET"))
    challenge = listed["requests"][0]["guid"]
    call = from_phone(f"/device/requests/{challenge}", method="GET")
    _, shown = reply_to(server.show, call, challenge)

    def answer(display, code):
        body = phone.answer(display, 0, pin="1379", code=code).encode()
        return reply_to(server.answer, from_phone("/device/answer", body))

    dearer = shown["display"].replace("10 EUR", "99 EUR")
    print("another amount:", answer(dearer, page["code"]))
    print("a wrong code:", answer(shown["display"], "no code"))
    status, body = answer(shown["display"], page["code"])
    print("the right answer:", status, body["state"])
    print("the page:", reply_to(server.paid, session))

    update = json.dumps(update_document(Update(name="Zoë's phone"))).encode()
    print("another name:", reply_to(server.update, from_phone("/device", update, "PATCH")))
    rotation = phone.rotation(pin="1379", new_pin="2468")
    print("new keys:", reply_to(server.rotate, from_phone("/device/rotate", rotation.body)))
    phone.complete_rotation(rotation)
    ports.signer.rotate()
    _, served = reply_to(server.service_keys, from_phone("/device/keys", method="GET"))
    (pinned,) = phone.bond.service_keys
    phone.adopt(served["endorsed"][pinned.kid])
    print("service keys pinned:", len(phone.bond.service_keys))
    status, _ = reply_to(server.unbind, from_phone("/device", method="DELETE"))
    print("the phone unbinds itself:", status)

    basic = {"authorization": write_basic(secret, guid=shop.guid)}
    body = b'{"accountId": "user-42", "content": "Log in?"}'
    status, _ = reply_to(server.add_request, Request("POST", "/request/add", body, basic))
    print("a remote origin:", status)
    print("without a credential:", reply_to(server.add_request, Request("POST", "/", body)))
    stranger = body.replace(b"user-42", b"nobody")
    print(
        "an unknown account:",
        reply_to(server.add_request, Request("POST", "/request/add", stranger, basic)),
    )
    server.work()
    server.notify()


if __name__ == "__main__":
    main()
