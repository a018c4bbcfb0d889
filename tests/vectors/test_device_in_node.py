"""A device in another language, written from the reference page, against the core."""

import json
import subprocess
from pathlib import Path

import pytest

import counterseal as cs
from counterseal.keys import sign_with
from counterseal.memory import memory_ports
from counterseal.models import Algorithm, DeviceCall
from counterseal.wire.keyset import KEYSET_TYP, keyset_claims
from counterseal.wire.link import BindLink, write_link

DEVICE = Path(__file__).with_name("device.mjs")
BASE = "https://auth.example.com/device"
PAYMENT = {
    "accountId": "user-7",
    "content": {
        "title": "Transfer \u202e & <b>",
        "keys": [{"key": "Payee", "value": "Zoë \U0001f600"}],
    },
    "buttons": [
        {"title": "Pay", "strongAuth": True, "style": '{"color": "green"}'},
        {"title": "Do not pay", "strongAuth": False},
    ],
    "additionalInfo": {"ratio": 1e-7, "\ufb33": [], "\U0001f600": {}},
    "transactionId": "",
    "showCode": True,
}


class Service:
    """The core behind paths and replies of our own, as any server would put them."""

    def __init__(self, algorithm):
        self.ports, policy = memory_ports(algorithm=algorithm), cs.STANDARD
        self.enrolments, self.devices, self.answers, self.challenges, invitations = (
            use(self.ports, policy)
            for use in (cs.Enrolments, cs.Devices, cs.Answers, cs.Challenges, cs.Invitations)
        )
        admin = cs.Administration(self.ports, policy, by=cs.OPERATOR)
        space = admin.create_app_space(admin.create_company("Example").guid, "Bank")
        self.shop = admin.relying_party(admin.create_origin(space.guid, "Shop").guid)
        invited = invitations.invite(self.shop, "user-7")
        self.link = write_link(
            BindLink(token=invited.token, app_space=space.guid, app_space_name="Bank & Söhne")
        )
        self.code = None

    def ask(self):
        issued = self.challenges.issue(self.shop, cs.read_question(PAYMENT))
        self.code = issued.code

    def reply(self, request):
        path = request["uri"].removeprefix(BASE)
        if path == "/bind":
            return self.bind(request["body"])
        call = DeviceCall(
            method=request["method"],
            uri=request["uri"],
            body=request["body"].encode(),
            proof=request["proof"],
        )
        if path == "/pending":
            return {"challenges": [each.guid for each in self.answers.pending(call)]}
        if path.startswith("/challenges/"):
            return {"display": self.answers.fetch(call, path.split("/")[2]).display}
        if path == "/rotate":
            return {"rotated": bool(self.devices.rotate(call))}
        if path == "/keys":
            self.devices.authenticate(call)
            return {"keys": self.new_keys()}
        respond = {"/answer": self.answers.answer, "/disown": self.answers.disown}[path]
        ended = respond(call)
        return {"state": ended.state.value, "receipt": ended.outcome.receipt}

    def bind(self, body):
        bound = self.enrolments.complete(cs.read_enrolment(cs.read_json(body)))
        return {
            "device": bound.binding.guid,
            "account": bound.account.guid,
            "appSpace": bound.app_space.guid,
            "serviceKeys": cs.jwks_document(bound.service_keys),
        }

    def new_keys(self):
        signer = self.ports.signer
        old = signer.jwks()[0]
        signer.rotate()
        claims = keyset_claims(signer.jwks(), self.ports.clock.now())
        return sign_with(
            lambda data: signer.sign(old.kid, data), old, typ=KEYSET_TYP, claims=claims
        )


@pytest.mark.parametrize("algorithm", Algorithm, ids=lambda each: each.value)
def test_a_device_in_node_binds_answers_and_rotates(node, algorithm):
    service = Service(algorithm)
    tasks = ["answerOne", "rotate", "answerOne", "adopt", "answerOne"]
    presses = [{"press": 0}, {"press": 1}, {"press": None}]
    results = []
    with subprocess.Popen(
        [node, DEVICE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as device:

        def send_line(value):
            device.stdin.write(json.dumps(value) + "\n")
            device.stdin.flush()

        start = {"alg": algorithm.value, "base": BASE, "link": service.link, "tasks": tasks}
        send_line(start)
        for line in device.stdout:
            message = json.loads(line)
            if "show" in message:
                assert message["show"]["content"] == PAYMENT["content"]
                send_line({**presses.pop(0), "code": service.code})
            elif "done" in message:
                results += [message["result"]] if message["result"] else []
            else:
                if message["uri"].endswith("/pending"):
                    service.ask()
                send_line(service.reply(message))
        assert device.wait(timeout=240) == 0, device.stderr.read()

    ended = [(result["state"], result["approved"]) for result in results]
    assert ended == [("ANSWERED", True), ("ANSWERED", False), ("DISOWNED", False)]
