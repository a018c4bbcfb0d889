"""
How many of our functions a served call runs: exact, where a time would depend on the machine.

These are the five calls of one approval, in the application that `serve` runs, on SQLite.
A limit is what was counted. What goes above it needs a reason; what goes below it lowers it here.
Functions of other packages are not counted, since they differ by release. From Python 3.12 on, a
comprehension is no call, so that less is counted there.
"""

import gc
import logging
import sys

import pytest
from werkzeug.test import Client

from counterseal import Administration, Enrolments, Invitations
from counterseal.device import SoftwareDevice
from counterseal.models import OPERATOR
from counterseal_server.configuration import settings
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime
from counterseal_server.web import ServerApplication, use_cases

PIN = "1379"
LIMITS = {"add": 384, "list": 201, "show": 284, "answer": 422, "read": 154}


def is_ours(frame):
    return frame.f_globals.get("__name__", "").startswith("counterseal")


class CountingApplication:
    """An application, and how many of our functions its last request has run."""

    def __init__(self, app):
        self._app = app
        self.count = 0

    def __call__(self, environ, start_response):
        self.count = 0
        gc.disable()
        sys.setprofile(self._profile)
        try:
            return self._app(environ, start_response)
        finally:
            sys.setprofile(None)
            gc.enable()

    def _profile(self, frame, event, _):
        self.count += event == "call" and is_ours(frame)


class Approvals:
    """An origin and a phone, and how many functions each of their calls has run."""

    def __init__(self, runtime, founded):
        self._app = CountingApplication(ServerApplication(runtime, use_cases(runtime), Metrics()))
        self._client = Client(self._app)
        self._authorization = {"Authorization": founded["authorization"]}
        self._url = runtime.settings.public_url
        ports, policy = runtime.ports, runtime.policy
        administration = Administration(ports, policy, by=OPERATOR)
        party = administration.relying_party(founded["requestOriginGuid"])
        invited = Invitations(ports, policy).invite(party, "zoe")
        self._phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=2)
        enrolment = self._phone.enrolment(invited.token, founded["appSpaceGuid"], pin=PIN)
        self._phone.complete_binding(Enrolments(ports, policy).complete(enrolment))
        self.counts = {}

    def approve(self):
        """Make the five calls."""
        question = {"accountId": "zoe", "content": "Pay?"}
        guid = self._call("add", "POST", "/request/add", self._authorization, json=question)["guid"]
        (listed,) = self._call_of_phone("list", "GET", "/device/requests")["requests"]
        request_document = self._call_of_phone("show", "GET", f"/device/requests/{listed['guid']}")
        answer = self._phone.answer(request_document["display"], 0, pin=PIN).encode()
        assert self._call_of_phone("answer", "POST", "/device/answer", answer)["approved"]
        path = f"/request/getRequest?requestGuid={guid}"
        assert self._call("read", "GET", path, self._authorization)["status"] == "ANSWERED"

    def _call_of_phone(self, name, method, path, body=b""):
        proof = self._phone.signed_call(method, self._url + path, body).proof
        headers = {"Counterseal-Proof": proof, "Content-Type": "application/jose"}
        return self._call(name, method, path, headers, data=body)

    def _call(self, name, method, path, headers, **body):
        response = self._client.open(path, method=method, headers=headers, **body)
        assert response.status_code < 300, response.text
        self.counts[name] = self._app.count
        return response.json


@pytest.fixture
def approvals(tmp_path, create_data, caplog):
    caplog.set_level(logging.WARNING, "counterseal_server.access")
    founded = create_data(tmp_path / "data")
    with Runtime(settings({"data": tmp_path / "data"}, {})) as runtime:
        yield Approvals(runtime, founded)


def test_a_served_call_runs_no_more_functions_than_it_did(approvals):
    for _ in range(3):  # caches are filled, and the log of SQLite is used
        approvals.approve()
    assert {name: count for name, count in approvals.counts.items() if count > LIMITS[name]} == {}
