"""The demo in a browser, without one: its headers, its calls, its forgeries, and the command."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from http.client import HTTPConnection

import attrs
import pytest
from faces import examine_face

from counterseal import Enrolments
from counterseal.device import SoftwareDevice
from counterseal.errors import WrongSignature
from counterseal.machines import CHARTS, table
from counterseal.wire.link import read_link
from counterseal_client import NotSent
from counterseal_demo.approval_demo import forgeries
from counterseal_demo.approval_demo.forgeries import FORGERIES, Forgery
from counterseal_demo.web_demo import forger, serving, site
from counterseal_demo.web_demo.serving import LoopbackServer
from counterseal_demo.web_demo.shop import ACCOUNT_ID, Shop
from counterseal_demo.web_demo.world import CALLBACK, world
from counterseal_pwa import Pages
from counterseal_web import Request
from counterseal_web.problems import STATUS

PATIENCE = 240
"""Seconds, for a machine on which nothing starts soon."""

PIN = "2468"
REFUSALS = {
    "changed amount": ("denied", "display_changed"),
    "swapped button": ("strong_key_missed", "strong_key_missed"),
    "replay": ("denied", "replayed"),
    "late": ("deadline_passed", "deadline_passed"),
    "weak key for a strong button": ("denied", "weak_key"),
    "other device": ("denied", "wrong_key"),
    "other tenant": ("not_found", "foreign"),
    "cancelled": ("wrong_state", "wrong_state"),
    "wrong code": ("wrong_code", "wrong_code"),
    "stripped algorithm": ("denied", "malformed_token"),
}
"""By the forgery: the code in the reply, and the code in the audit log."""

HONEST = Forgery(
    name="planted",
    description="Nothing is forged.",
    forge=lambda exchange: exchange.call(exchange.press(exchange.approving)),
    expected=WrongSignature,
)
FILES = sorted(path.name for path in site.STATIC.iterdir())
PATHS = ["/", "/demo/main.js", "/demo/calls/state", "/app/", "/.well-known/jwks.json", CALLBACK]


class Demo:
    """
    A running demo.

    Attributes:
        world: What its requests are answered with.
    """

    def __init__(self, running_world, port, received):
        self.world = running_world
        self.url = running_world.url
        self._port = port
        self._received = received

    def send(self, method, path, body=b"", **headers):
        """Make a request over HTTP; return its status, headers and body."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        all_headers = {"Host": self.url.removeprefix("http://"), **headers}
        connection.request(
            method, path, body, {name: text for name, text in all_headers.items() if text}
        )
        response = connection.getresponse()
        document = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), document

    def call(self, name, method="POST"):
        """Make a call as the page does; return the document."""
        status, _, body = self.send(method, f"/demo/calls/{name}", Origin=self.url)
        assert status == 200, body
        return json.loads(body)

    def state(self):
        return self.call("state", "GET")

    def states(self, machine):
        return [move["state"] for move in self.state()["machines"][machine]["moves"]]

    def bind(self):
        """Bind a device in software by the link of the page."""
        link = self.call("connect")["link"]
        assert link.startswith(f"{self.url}/app/#")
        invitation = read_link(link)
        ports = self.world.ports
        device = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=2**10)
        enrolment = device.enrolment(invitation.token, invitation.app_space, pin=PIN)
        policy = self.world.forger.policy
        device.complete_binding(Enrolments(ports, policy).complete(enrolment))
        return device

    def answer(self, device, button, *, disown=False):
        """Ask, and answer with *device*; return when the shop has the callback."""
        self._received.clear()
        self.call("pay")
        question = self.world.shop.pending_request
        path = f"{self.url}/device/requests/{question.guid}"
        proof = device.signed_call("GET", path).proof
        _, _, body = self.send("GET", f"/device/requests/{question.guid}", **{forger.PROOF: proof})
        display = json.loads(body)["display"]
        if disown:
            token = device.disown(display)
        else:
            code = question.code if button == 0 else None
            token = device.answer(display, button, pin=PIN if button == 0 else None, code=code)
        target = "/device/disown" if disown else "/device/answer"
        call = device.signed_call("POST", self.url + target, token.encode())
        headers = {forger.PROOF: call.proof, "Content-Type": "application/jose"}
        status, _, body = self.send("POST", target, call.body, **headers)
        assert status == 200, body
        assert self._received.wait(PATIENCE)
        return self.state()


@pytest.fixture(scope="module")
def demo():
    received = threading.Event()
    receive = Shop.receive

    def noticed(shop, headers, body):
        status = receive(shop, headers, body)
        received.set()
        return status

    with pytest.MonkeyPatch.context() as patch, LoopbackServer(0) as server:
        patch.setattr(Shop, "receive", noticed)
        with world(server.url, server.begin) as running_world:
            yield Demo(running_world, server.server_port, received)
            server.shutdown()


@pytest.fixture(scope="module")
def device(demo):
    return demo.bind()


def directives(headers):
    return dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize("name", ["", *FILES])
def test_each_file_has_a_strict_policy(demo, name):
    status, headers, body = demo.send("GET", f"/demo/{name}" if name else "/")
    assert (status, body) == (200, (site.STATIC / (name or "index.html")).read_bytes())
    policy = directives(headers)
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["frame-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_nothing_is_inline_and_nothing_comes_from_elsewhere():
    page = (site.STATIC / "index.html").read_text()
    assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=", page)
    for name in FILES:
        text = (site.STATIC / name).read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:https?:)//[a-z]", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|\beval\(|Function\(", text), name


def test_the_app_may_be_framed_by_its_own_origin_here_and_nowhere_else(demo):
    _, headers, _ = demo.send("GET", "/app/")
    here = directives(headers)
    elsewhere = directives(dict(Pages().respond(Request(method="GET", path="/app/")).headers))
    assert here.pop("frame-ancestors") == "'self'"
    assert elsewhere.pop("frame-ancestors") == "'none'"
    assert here == elsewhere


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example:{}", "127.0.0.1:{}", "localhost", "localhost:1", ""]
)
def test_only_its_own_name_is_answered(demo, path, host):
    status, _, body = demo.send("GET", path, Host=host.format(demo.url.rpartition(":")[2]) or "x")
    assert (status, body.decode()) == (421, f"This is {demo.url}\n")


@pytest.mark.parametrize("name", ["connect", "pay", "cancel", "forgeries/0"])
@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://localhost:1"])
def test_a_page_from_elsewhere_changes_nothing(demo, name, origin):
    events = demo.world.ports.audit.events
    assert demo.send("POST", f"/demo/calls/{name}", Origin=origin)[0] == 403
    assert demo.world.ports.audit.events == events


def test_unknown_paths_and_methods(demo):
    for path in (
        "/demo/none.js",
        "/demo/../site.py",
        "/demo/calls/none",
        "/demo/calls/forgeries/10",
    ):
        assert demo.send("POST" if "calls" in path else "GET", path, Origin=demo.url)[0] == 404
    assert demo.send("GET", "/demo/calls/pay")[0] == 404
    assert demo.send("POST", "/")[0] == 405
    assert demo.send("GET", "/none")[0] == 404


def test_the_setting_is_that_of_the_charts_and_the_forgeries(demo):
    setting = demo.call("setting", "GET")
    assert [each["name"] for each in setting["forgeries"]] == [each.name for each in FORGERIES]
    for name, chart in setting["charts"].items():
        assert len(chart["rows"]) == len(table(CHARTS[name]))
        assert {*chart["finished"]} < {*chart["states"]}


def test_an_open_invitation_is_shown_again(demo):
    assert demo.call("connect") == demo.call("connect")
    rows = demo.call("connect")["code"]
    assert {len(row) for row in rows} == {len(rows)}
    assert {*"".join(rows)} == {"0", "1"}


def test_an_approval_until_its_receipt(demo, device):
    state = demo.answer(device, 0)
    assert demo.states("binding")[-1] == "ACTIVE"
    assert demo.states("challenge") == ["PENDING", "SEEN", "ANSWERED"]
    assert demo.states("callback")[0] == "QUEUED"
    assert state["verdict"]["outcome"] == "approved"
    assert state["callback"]["problem"] == ""
    assert state["verdict"]["receipt"]["token"] == json.loads(state["callback"]["body"])["receipt"]
    assert state["verdict"]["receipt"]["token"] == demo.world.shop.verdict.token
    for machine, record in state["machines"].items():
        states = [None, *(move["state"] for move in record["moves"])]
        for source, move in zip(states, record["moves"], strict=False):
            steps = {(row.source, row.event, row.target) for row in table(CHARTS[machine])}
            assert source is None or (source, move["event"], move["state"]) in steps


@pytest.mark.parametrize(
    ("button", "disown", "outcome"), [(1, False, "declined"), (0, True, "disowned")]
)
def test_whoever_does_not_approve_does_not_pay(demo, device, button, disown, outcome):
    verdict = demo.answer(device, button, disown=disown)["verdict"]
    assert verdict["outcome"] == outcome
    assert verdict["receipt"]["button"] == (None if disown else "Do not pay")


def test_a_cancelled_question_is_not_paid_and_has_no_receipt(demo, device):
    demo._received.clear()
    demo.call("pay")
    demo.call("cancel")
    assert demo._received.wait(PATIENCE)
    assert demo.state()["verdict"] == {"outcome": "unanswered", "receipt": None}
    status, _, body = demo.send("POST", "/demo/calls/cancel", Origin=demo.url)
    assert (status, json.loads(body)["code"]) == (409, "request_finished")


def test_a_forged_callback_replaces_nothing(demo, device):
    state = demo.answer(device, 0)
    body = json.dumps({**json.loads(state["callback"]["body"]), "buttonSelected": 1}).encode()
    headers = state["callback"]["headers"]
    assert demo.send("POST", CALLBACK, body, **headers)[0] == 400
    assert demo.send("POST", CALLBACK, b"{}")[0] == 400
    assert demo.state()["callback"] == state["callback"]


def test_a_forged_callback_is_shown_as_one(demo, device):
    demo.call("pay")
    assert demo.send("POST", CALLBACK, b"{}")[0] == 400
    assert demo.state()["callback"]["problem"]
    assert demo.state()["verdict"] is None
    demo.call("cancel")


@pytest.mark.parametrize("number", range(len(FORGERIES)), ids=[each.name for each in FORGERIES])
def test_each_forgery_is_refused_by_the_running_service(demo, number):
    code, reason = REFUSALS[FORGERIES[number].name]
    sent_forgery = demo.call(f"forgeries/{number}")
    phrase = sent_forgery.pop("phrase")
    assert sent_forgery == {
        "status": STATUS[reason].value,
        "code": code,
        "reason": reason,
        "refused": True,
    }
    assert phrase == STATUS[reason].phrase
    # None of them is about the customer.
    assert all(ACCOUNT_ID not in str(event) for event in demo.world.ports.audit.events)


def test_a_forgery_that_is_accepted_is_reported(demo, monkeypatch):
    monkeypatch.setattr(forger, "FORGERIES", (HONEST,))
    sent_forgery = demo.call("forgeries/0")
    assert (sent_forgery["status"], sent_forgery["code"], sent_forgery["refused"]) == (
        200,
        "",
        False,
    )


def test_a_forgery_that_is_refused_for_another_reason_is_reported(demo, monkeypatch):
    other = attrs.evolve(FORGERIES[0], expected=WrongSignature)
    assert other.expected.public_code == FORGERIES[0].expected.public_code
    monkeypatch.setattr(forger, "FORGERIES", (other,))
    assert demo.call("forgeries/0")["refused"] is False


def test_there_is_one_list_of_forgeries():
    assert forger.FORGERIES is forgeries.FORGERIES
    assert {each.name for each in FORGERIES} == {*REFUSALS}


def test_a_service_that_is_gone_is_a_problem(demo, monkeypatch):
    def fail(*_, **__):
        raise NotSent

    monkeypatch.setattr(demo.world.shop, "_pending", "request")
    monkeypatch.setattr(demo.world.shop._client, "cancel", fail)
    status, _, body = demo.send("POST", "/demo/calls/cancel", Origin=demo.url)
    assert (status, json.loads(body)["code"]) == (503, "not_sent")


# The command


COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()", "demo", "--web"]


def start(*arguments, **environment):
    inherited = {
        name: text for name, text in os.environ.items() if name not in {"BROWSER", "DISPLAY"}
    }
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=inherited | environment,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number):
    process = start("--no-open", BROWSER="/nonexistent %s")
    match = re.fullmatch(
        r"The demo is at (http://localhost:[0-9]+/) \(Ctrl-C ends it\)\n", process.stdout.readline()
    )
    assert match
    process.send_signal(number)
    assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == 0


def test_it_opens_the_page_in_the_browser(tmp_path):
    address, browser = tmp_path / "address", tmp_path / "browser"
    os.mkfifo(address)
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{address}"\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    process = start(BROWSER=f"{browser} %s")
    printed_line = process.stdout.readline()
    assert f" {address.read_text()} " in printed_line
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "w3m"}, "linux", True),
        ({}, "darwin", True),
    ],
)
def test_where_there_is_no_screen_no_browser_takes_the_terminal(
    monkeypatch, environment, platform, expected
):
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(serving.sys, "platform", platform)
    assert serving.has_screen() is expected


def test_a_port_that_is_in_use_is_said_in_a_line(run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("demo", "--web", "--no-open", "--port", port)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"port: cannot listen at 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--web", "--json"], "web: leave out --json"),
        (["--web", "--idp"], "web: leave out --idp"),
        (["--web", "--algorithm", "ES256"], "web: leave out --algorithm"),
        (["--web", "--challenge", "-"], "web: leave out --challenge"),
        (["--port", "8000"], "port: --port is for --web only"),
        (["--no-open"], "no-open: --no-open is for --web only"),
    ],
)
def test_options_that_would_do_nothing_are_refused(run, arguments, message):
    result = run("demo", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{message}\n")


def test_a_port_that_does_not_exist_is_refused(run):
    assert run("demo", "--web", "--port", "65536").exit_code == 2


def test_its_stub_lists_each_name_once_and_as_its_module_has_it():
    examine_face("counterseal_demo.web_demo")
