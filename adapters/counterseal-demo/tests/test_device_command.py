"""A device on the command line against a service in a thread: what it keeps, asks and tells."""

import json
import re
import socket
import stat
import threading
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import attrs
import pytest
from flask import Flask, request
from werkzeug.serving import WSGIRequestHandler, make_server

from counterseal import STANDARD
from counterseal.device import SoftwareDevice
from counterseal.device.ports import CorrectedClock
from counterseal.keys import ml_dsa
from counterseal.models import OPERATOR, Algorithm, BindingState, RefusalReason, Role
from counterseal.wire.link import BindLink, write_link
from counterseal_demo.device_cli import DeviceClient, Home, read_language
from counterseal_flask import Settings, create_blueprints
from counterseal_testing import FakeService

PIN, NEW_PIN = "pin-1379", "pin-2468"
"""Digits alone are in keys and in the port of the service by chance."""
ONLY_ML_DSA = attrs.evolve(STANDARD, algorithms=frozenset({Algorithm.ML_DSA_44}))
DROPPED = "dropped"
VECTORS = Path(__file__).parents[3] / "tests" / "vectors"
FOREIGN = json.loads((VECTORS / "receipt.json").read_text())["valid"][0]["token"]
NOBODY = "00000000-0000-8000-8000-000000000000"


class ServiceTime(WSGIRequestHandler):
    """Writes the service's time into `Date`, or what a test wants: `auth.date`, "" for none."""

    def send_header(self, keyword, value):
        if keyword == "Date":
            value = format_date(self.auth) if self.auth.date is None else self.auth.date
        if value:
            super().send_header(keyword, value)


class Auth:
    """
    A service; `broken` says what it answers instead, `drops` where it does not at all.

    `swaps` says what becomes of the document that it answers at one path.
    """

    def __init__(self, policy=STANDARD, **settings):
        self.world = FakeService(policy=policy)
        self.broken, self.drops, self.swaps, self.requests = None, set(), {}, []
        self.date = None
        app = Flask("auth")
        handler = type("Handler", (ServiceTime,), {"auth": self})
        self.server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=handler)
        self.url = f"http://127.0.0.1:{self.server.port}"
        for blueprint in create_blueprints(
            self.world.ports, self.world.policy, Settings(public_url=self.url, **settings)
        ):
            app.register_blueprint(blueprint)
        app.before_request(self._hear)
        app.after_request(self._perhaps)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def _hear(self):
        self.requests.append((request.path, request.get_data(cache=True)))

    def _perhaps(self, response):
        if request.path in self.drops or self.broken == DROPPED:
            # As if a cable were pulled: what was done is done, and no reply comes.
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return response
        if request.path in self.swaps:
            swap = self.swaps[request.path]
            response.set_data(json.dumps(swap(response.get_json())))
        if self.broken is None:
            return response
        status, body = self.broken
        response.status_code = status
        response.set_data(body)
        return response

    def link(self, account="zoe"):
        invited = self.world.invitations.invite(self.world.origin, account)
        return write_link(
            BindLink(
                token=invited.token,
                app_space=invited.app_space.guid,
                app_space_name=invited.app_space.name,
            )
        )


@pytest.fixture
def auth(monkeypatch, request):
    auth = Auth(**getattr(request, "param", {}))
    # The device's clock is the machine's; the service's has to agree.
    monkeypatch.setattr("counterseal_demo.device_cli.home.SystemClock", lambda: auth.world.clock)
    # What a PIN costs is the device's own, and no part of what is tested here.
    cheap = partial(SoftwareDevice.make, cost=2)
    monkeypatch.setattr("counterseal_demo.device_cli.home.SoftwareDevice.make", cheap)
    yield auth
    auth.server.shutdown()
    auth.thread.join()
    auth.server.server_close()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "phone"


@pytest.fixture
def device(run, home, monkeypatch):
    monkeypatch.setenv("COUNTERSEAL_PIN", PIN)

    def command(name, *args, stdin=None, locale="C"):
        return run("device", name, "--home", home, *args, stdin=stdin, locale=locale)

    return command


WHOSE = """\
Account at: Example app
Verified name: none: this company is not verified
Company: Example Ltd
Account id: zoe
"""
"""What `bind` prints on standard error before it asks for a PIN."""


@pytest.fixture
def bound(auth, device):
    result = device("bind", "--url", auth.url, "--link", auth.link())
    assert (result.exit_code, result.stderr) == (0, WHOSE)
    return device


def ask(auth, **more):
    return auth.world.ask("zoe", "Lunch?", **more).challenge.guid


def test_its_home_is_for_its_owner_only(bound, home):
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()}
    assert modes == {"device.json": 0o600, "service.json": 0o600}
    assert PIN not in "".join(file.read_text() for file in home.iterdir())


def test_whose_an_account_is_stands_at_the_bind_in_the_status_and_above_a_question(auth, bound):
    guid, company = ask(auth), auth.world.company.guid
    none = "Verified name  none: this company is not verified"
    assert none in bound("show", guid).stdout
    assert none in bound("pending").stdout
    assert "none: this company is not verified" in bound("status").stdout
    auth.world.administration.verify_company(company, "Example Ltd, Utrecht")
    status = bound("status").stdout
    for text in ("Example Ltd, Utrecht", "Example Ltd", "zoe"):
        assert text in status
    assert "not verified" not in status
    # What the service has said last is stored with the device.
    question = bound("show", guid).stdout
    assert re.search(
        r"^ *Verified name +Example Ltd, Utrecht *\n *Company +Example Ltd *\n",
        question,
        re.MULTILINE,
    )
    assert json.loads(bound("status", "--json").stdout)["verifiedName"] == "Example Ltd, Utrecht"
    auth.world.administration.verify_company(company, None)
    bound("status")
    assert none in bound("show", guid).stdout


def test_a_space_at_the_end_of_an_accounts_id_is_seen(auth, device):
    bound = device("bind", "--url", auth.url, "--link", auth.link("zoe "))
    assert "Account id: zoe<U+0020>\n" in bound.stderr
    guid = auth.world.ask("zoe ", "Lunch?").challenge.guid
    for words in (["show", guid], ["status"]):
        assert "zoe<U+0020>" in device(*words).stdout


def test_the_service_learns_the_language_of_the_locale(auth, device):
    def language_at(locale):
        return json.loads(device("status", "--json", locale=locale).stdout)["language"]

    device("bind", "--url", auth.url, "--link", auth.link(), locale="de_AT.UTF-8")
    assert body_of(auth, "/device/bind")["language"] == "de-AT"
    assert language_at("de_AT.UTF-8") == "de-AT"
    assert "/device" not in [path for path, _ in auth.requests]

    assert language_at("en_GB") == "en-GB"
    assert body_of(auth, "/device")["language"] == "en-GB"
    assert language_at("C") == "en-GB"


def test_a_service_that_takes_no_language_gets_none(auth, device):
    def without(reply):
        return {name: value for name, value in reply.items() if name != "languages"}

    auth.swaps = {"/device/invitation": without, "/device/status": without}
    device("bind", "--url", auth.url, "--link", auth.link(), locale="de_AT.UTF-8")
    assert "language" not in body_of(auth, "/device/bind")
    status = device("status", "--json", locale="de_AT.UTF-8")
    assert "language" not in json.loads(status.stdout)
    assert "/device" not in [path for path, _ in auth.requests]


@pytest.mark.parametrize(
    ("environment", "tag"),
    [
        ({}, ""),
        ({"LANG": "C"}, ""),
        ({"LANG": "C.UTF-8"}, ""),
        ({"LANG": "POSIX"}, ""),
        ({"LANG": "de"}, "de"),
        ({"LANG": "de_DE@euro"}, "de-DE"),
        ({"LANG": "sr_RS.UTF-8@latin"}, "sr-RS"),
        ({"LANG": "de_DE_" + "x" * 40}, ""),
    ],
)
def test_a_locale_names_a_language(environment, tag):
    assert read_language(environment) == tag


def body_of(auth, path):
    return json.loads(next(body for where, body in auth.requests if where == path))


def test_an_answer(auth, bound):
    guid = ask(auth)
    assert "Lunch?" in bound("show", guid).stdout
    reply = json.loads(bound("answer", guid, "--button", "0", "--json").stdout)
    assert (reply["state"], reply["approved"]) == ("ANSWERED", True)
    assert auth.world.challenges.status(auth.world.origin, guid).approved


def test_keys_of_an_algorithm_that_the_service_does_not_allow_are_refused(auth, device):
    args = ("bind", "--url", auth.url, "--link", auth.link(), "--algorithm", "ML-DSA-44")
    assert "unfit_key" in device(*args).stderr


@pytest.mark.skipif(not ml_dsa.SUPPORTED, reason="no ml-dsa: cryptography has none")
@pytest.mark.parametrize("auth", [{"policy": ONLY_ML_DSA}], indirect=True)
def test_keys_of_ml_dsa_where_the_service_allows_them(auth, device):
    """A proof is some 3,600 characters long then, and stands in a header."""
    args = ("bind", "--url", auth.url, "--link", auth.link(), "--algorithm", "ML-DSA-44")
    assert device(*args).exit_code == 0
    guid = ask(auth)
    assert "Lunch?" in device("show", guid).stdout
    reply = json.loads(device("answer", guid, "--button", "0", "--json").stdout)
    assert (reply["state"], reply["approved"]) == ("ANSWERED", True)


def test_pin_and_code_are_asked_for_where_they_are_needed(auth, bound, monkeypatch):
    monkeypatch.delenv("COUNTERSEAL_PIN")
    issued = auth.world.ask("zoe", "Lunch?", show_code=True)
    result = bound(
        "answer", issued.challenge.guid, "--button", "0", stdin=f"{issued.code}\n{PIN}\n"
    )
    assert result.exit_code == 0
    assert "ANSWERED, approved" in result.stdout
    assert issued.code not in result.output
    assert PIN not in result.output

    weak = bound("answer", ask(auth), "--button", "1")
    assert weak.stdout.startswith("ANSWERED, not approved\n")


def test_a_wrong_pin_shows_the_attempts_left(auth, bound, monkeypatch):
    guid = ask(auth)
    monkeypatch.setenv("COUNTERSEAL_PIN", "0000")
    result = bound("answer", guid, "--button", "0")
    assert result.exit_code == 1
    assert "strong_key_missed" in result.stderr
    assert "Attempts left: 4." in result.stderr


def test_an_answer_whose_reply_was_lost_is_sent_again_as_it_was(auth, bound, home, monkeypatch):
    issued = auth.world.ask("zoe", "Lunch?", show_code=True)
    guid = issued.challenge.guid
    args = (guid, "--button", "0")
    auth.broken = DROPPED
    # Before anything was signed.
    assert bound("answer", *args, "--code", issued.code).exit_code == 1
    assert not (home / "sent").exists()

    auth.broken, auth.drops = None, {"/device/answer"}
    result = bound("answer", *args, "--code", issued.code)
    assert result.exit_code == 1
    assert result.stderr.startswith("unavailable: service_unreachable: ")
    assert auth.world.challenges.status(auth.world.origin, guid).approved
    (stored_file,) = (home / "sent").iterdir()
    assert (stored_file.name, stat.S_IMODE(stored_file.stat().st_mode)) == (f"{guid}.json", 0o600)
    assert stat.S_IMODE(stored_file.parent.stat().st_mode) == 0o700

    other = bound("answer", guid, "--button", "1")
    assert (other.exit_code, other.stderr) == (
        2,
        "button: button 0 was sent already, and the reply was lost: send the same again\n",
    )
    assert bound("disown", guid).stderr == other.stderr
    assert bound("answer", *args, "--code", "x").stderr.startswith("code: another was sent ")

    monkeypatch.delenv("COUNTERSEAL_PIN")
    auth.drops = set()
    again = bound("answer", *args)
    assert again.stdout == "ANSWERED, approved\nreceipt: number 1, valid\n"
    first, second = (body for path, body in auth.requests if path == "/device/answer")
    assert first == second
    assert not list((home / "sent").iterdir())
    assert bound("disown", guid).stderr.startswith("refused: service_refused: wrong_state: ")


@pytest.mark.parametrize("command", [("answer", "--button", "0"), ("disown",)])
def test_another_question_than_was_asked_for_is_not_signed(auth, bound, command):
    guid = ask(auth)
    other = auth.world.ask("zoe", "Pay 10000 EUR to Mallory?").challenge
    assert "Lunch?" in bound("show", guid).stdout
    auth.swaps[f"/device/requests/{guid}"] = lambda reply: reply | {"display": other.display}
    name, *rest = command
    result = bound(name, guid, *rest)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("refused: display_changed: ")
    assert bound("show", guid).stderr == result.stderr
    assert not [path for path, _ in auth.requests if path in {"/device/answer", "/device/disown"}]


@pytest.mark.parametrize("seen_by", ["show", "pending"])
@pytest.mark.parametrize("command", [("answer", "--button", "0"), ("disown",)])
def test_what_was_shown_otherwise_is_not_signed(auth, bound, home, seen_by, command):
    challenge = auth.world.ask("zoe", "Lunch?").challenge
    guid = challenge.guid
    assert "Lunch?" in bound(seen_by, *([guid] if seen_by == "show" else [])).stdout
    (stored_file,) = (home / "shown").iterdir()
    assert "Lunch" not in stored_file.read_text()
    assert stat.S_IMODE(stored_file.stat().st_mode) == 0o600
    swapped = challenge.display.replace("Lunch?", "Pay 10000 EUR to Mallory?")
    auth.swaps[f"/device/requests/{guid}"] = lambda reply: reply | {"display": swapped}
    name, *rest = command
    result = bound(name, guid, *rest)
    assert result.stderr.startswith("refused: display_changed: ")
    # Nor is it shown, so that nobody wonders which of the two was answered.
    assert bound("show", guid).stderr == result.stderr
    assert not [path for path, _ in auth.requests if path in {"/device/answer", "/device/disown"}]
    auth.swaps.clear()
    assert bound(name, guid, *rest).exit_code == 0


def test_what_was_shown_is_forgotten_when_it_can_be_answered_no_more(auth, bound, home):
    first = ask(auth)
    bound("show", first)
    auth.world.clock.advance(timedelta(minutes=2))
    second = ask(auth)
    bound("show", second)
    assert [file.name for file in (home / "shown").iterdir()] == [f"{second}.json"]


@pytest.mark.parametrize("content", ["[]", "{}", '{"display": "x"}', '{"display": 1, "until": 1}'])
def test_a_stored_display_in_another_form_is_refused(auth, bound, home, content):
    guid = ask(auth)
    bound("show", guid)
    (home / "shown" / f"{guid}.json").write_text(content)
    result = bound("answer", guid, "--button", "0")
    assert (result.exit_code, result.stderr) == (2, "home: not written by this software\n")


def test_a_reply_to_another_answer_is_none(auth, bound):
    first, second = ask(auth), ask(auth)
    reply = json.loads(bound("answer", first, "--button", "0", "--json").stdout)
    auth.swaps["/device/answer"] = lambda _: reply
    result = bound("answer", second, "--button", "1")
    assert result.stderr == "unavailable: service_unreachable: a reply to another answer\n"
    # Nobody knows what became of it: the same goes out again.
    assert bound("answer", second, "--button", "0").stderr.startswith("button: button 1 was sent")
    auth.swaps.clear()
    assert bound("answer", second, "--button", "1").stdout.startswith("ANSWERED, not approved\n")


@pytest.mark.parametrize("lie", ["guid", "state", "approved", "receipt"])
def test_a_receipt_of_another_answer_does_not_hold(auth, bound, lie):
    other = json.loads(bound("answer", ask(auth), "--button", "0", "--json").stdout)
    lies = {
        "guid": lambda reply: other | {"guid": reply["guid"]},
        "state": lambda reply: reply | {"state": "DISOWNED"},
        "approved": lambda reply: reply | {"approved": True},
        "receipt": lambda reply: reply | {"receipt": None},
    }
    auth.swaps["/device/answer"] = lies[lie]
    result = bound("answer", ask(auth), "--button", "1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("receipt: receipt_changed: ")


def test_a_disown_whose_reply_was_lost_is_sent_again_as_it_was(auth, bound):
    guid = ask(auth)
    auth.drops = {"/device/disown"}
    assert bound("disown", guid).exit_code == 1
    assert bound("answer", guid, "--button", "1").stderr.startswith("button: a disown was sent ")
    auth.drops = set()
    assert bound("disown", guid).stdout.startswith("DISOWNED, not approved\n")
    first, second = (body for path, body in auth.requests if path == "/device/disown")
    assert first == second


def test_what_is_refused_may_be_tried_anew(auth, bound, home):
    issued = auth.world.ask("zoe", "Lunch?", show_code=True)
    args = (issued.challenge.guid, "--button", "0", "--code")
    assert "wrong_code" in bound("answer", *args, "no").stderr
    assert not list((home / "sent").iterdir())
    assert bound("answer", *args, issued.code).exit_code == 0


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"signed": 1}', '{"signed": "x", "other": 1}', "?"]
)
def test_a_stored_reply_in_another_form_is_refused(auth, bound, home, content):
    guid = ask(auth)
    (home / "sent").mkdir()
    (home / "sent" / f"{guid}.json").write_text(content)
    result = bound("answer", guid, "--button", "0")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_an_answer_after_the_deadline_says_that_it_is_over(auth, bound):
    guid = ask(auth)
    auth.world.clock.advance(timedelta(minutes=3))
    assert auth.world.challenges.expire() == 1

    result = bound("answer", guid, "--button", "0")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "refused: service_refused: wrong_state: It is over: the deadline passed before it was"
        " answered.\n"
    )


def test_a_button_that_is_not_there(auth, bound):
    result = bound("answer", ask(auth), "--button", "7")
    assert (result.exit_code, result.stderr) == (2, "button: not a button of the challenge\n")


def test_a_question_that_is_not_there(bound):
    result = bound("show", "00000000-0000-8000-8000-000000000000")
    assert result.exit_code == 1
    assert result.stderr.startswith("refused: service_refused: not_found: ")
    assert bound("show", "7").stderr == "guid: not a GUID of this service\n"


def test_a_revoked_device_says_so(auth, bound):
    auth.world.accounts.revoke(auth.world.origin, "zoe")
    result = bound("pending")
    assert result.exit_code == 1
    assert result.stderr.startswith("refused: service_refused: denied: ")
    assert result.stderr.endswith(" Reason: revoked.\n")


def test_a_suspended_device_says_so_and_does_not_unbind_itself(auth, bound, home):
    device = json.loads(bound("status", "--json").stdout)["device"]
    auth.world.devices.suspend(device, by=OPERATOR)
    for args in (("pending",), ("unbind", "--yes")):
        result = bound(*args)
        assert result.exit_code == 1
        assert result.stderr.endswith(" Reason: suspended.\n")
    assert (home / "device.json").exists()


def test_an_unbind_whose_reply_was_lost_is_finished_by_the_same_command(auth, bound, home):
    auth.drops.add("/device")
    assert bound("unbind", "--yes").stderr.startswith("unavailable: service_unreachable: ")
    auth.drops.clear()
    result = bound("unbind", "--yes")
    assert (result.exit_code, result.stdout) == (0, "unbound: the keys are deleted\n")
    assert list(home.iterdir()) == []


def test_a_device_unbinds_itself_and_deletes_its_keys(auth, bound, home):
    guid = ask(auth)
    bound("show", guid)
    before = json.loads(bound("status", "--json").stdout)["device"]
    result = bound("unbind", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "unbound: the keys are deleted\n"
    (stored,) = auth.world.ports.store.get(before)
    assert stored.state is BindingState.REVOKED
    assert list(home.iterdir()) == []
    assert bound("status").stderr.startswith("home: no ")
    link = auth.link()
    assert bound("bind", "--url", auth.url, "--link", link).exit_code == 0
    assert json.loads(bound("status", "--json").stdout)["device"] != before


@pytest.mark.parametrize("lost", [False, True])
def test_a_device_locks_its_account_and_cannot_unlock_it(auth, bound, lost):
    guid = ask(auth)
    device = json.loads(bound("status", "--json").stdout)["device"]
    if lost:
        auth.drops.add("/device/lock")
        assert bound("lock", "--yes").stderr.startswith("unavailable: service_unreachable: ")
        auth.drops.clear()
    result = bound("lock", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "locked: only an administrator of the service can unlock the account\n"
    (binding,) = auth.world.ports.store.get(device)
    (account,) = auth.world.ports.store.get(binding.account)
    assert account.locked_at is not None
    assert binding.state is BindingState.ACTIVE
    assert bound("answer", guid, "--button", "1").stderr.startswith("refused: service_refused: ")


@pytest.mark.parametrize("command", [("answer", "--button", "1"), ("disown",)])
def test_a_refusal_says_why(auth, bound, command):
    guid = ask(auth)
    name, *options = command
    result = bound(name, guid, *options, "--reason", "pressured")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "pressured" not in result.stdout
    (challenge,) = auth.world.ports.store.get(guid)
    assert challenge.reason is RefusalReason.PRESSURED
    other = bound(name, ask(auth), *options, "--reason", "tired")
    assert "Invalid value for '--reason'" in other.stderr


def test_the_history_lists_how_each_question_ended(auth, bound):
    assert bound("history").stdout == "No question has ended.\n"
    answered, cancelled = ask(auth), ask(auth)
    bound("show", answered)
    assert bound("answer", answered, "--button", "0").exit_code == 0
    auth.world.challenges.cancel(auth.world.origin, cancelled)
    now = auth.world.clock.now().isoformat(timespec="seconds")
    result = bound("history")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{now} {cancelled} CANCELLED, not approved, not here",
        f"{now} {answered} ANSWERED, approved, here",
    ]
    requests = json.loads(bound("history", "--json").stdout)["requests"]
    assert [(each["guid"], each["buttonSelected"]) for each in requests] == [
        (cancelled, None),
        (answered, 0),
    ]


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_an_unbind_that_is_not_confirmed_changes_nothing(auth, bound, answer):
    result = bound("unbind", stdin=answer)
    assert result.exit_code == 1
    assert "Unbind this device for good?" in result.stderr
    assert ("/device", b"") not in auth.requests
    assert json.loads(bound("status", "--json").stdout)["status"] == "ACTIVE"
    assert bound("unbind", stdin="y\n").exit_code == 0


@pytest.mark.parametrize("broken", [(502, b"<html>"), DROPPED])
def test_an_unbind_without_a_reply_keeps_the_device(auth, bound, home, broken):
    before = {file.name for file in home.iterdir()}
    auth.broken = broken
    result = bound("unbind", "--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith("unavailable: service_unreachable: ")
    assert {file.name for file in home.iterdir()} == before


def set_clock(monkeypatch, auth, offset):
    """Let the device's clock be wrong by *offset*; the service's replies have the right time."""
    wrong = CorrectedClock(auth.world.clock, offset)
    monkeypatch.setattr("counterseal_demo.device_cli.home.SystemClock", lambda: wrong)


def format_date(auth, late=timedelta(0)):
    return format_datetime(auth.world.clock.now() + late, usegmt=True)


@pytest.mark.parametrize("hours", [1, -1, 24 * 400])
def test_a_wrong_clock_is_corrected_by_the_date_of_the_refusal(auth, bound, monkeypatch, hours):
    set_clock(monkeypatch, auth, timedelta(hours=hours))
    guid = ask(auth)
    begin = len(auth.requests)
    assert bound("pending").exit_code == 0
    # Refused once, and corrected for all that follows.
    paths = [path for path, _ in auth.requests[begin:]]
    assert paths == ["/device/requests"] * 2 + [f"/device/requests/{guid}"]
    result = bound("answer", guid, "--button", "0")
    assert (result.exit_code, result.stderr) == (0, "")
    assert bound("pending", "--wait", "0").exit_code == 0


def test_a_wait_with_a_wrong_clock_is_repeated_too(auth, bound, monkeypatch):
    set_clock(monkeypatch, auth, timedelta(hours=1))
    guid = ask(auth)
    result = bound("pending", "--wait", "5", "--json")
    assert [one["challenge"] for one in json.loads(result.stdout)["requests"]] == [guid]


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Tue, 01 Jan 2030 00:00:00 +0000", "device's", "wrong"]
)
def test_a_refusal_is_repeated_once_at_most(auth, bound, monkeypatch, date):
    set_clock(monkeypatch, auth, timedelta(hours=1))
    late = timedelta(hours=1) if date == "device's" else timedelta(hours=3)
    auth.date = format_date(auth, late) if date in {"device's", "wrong"} else date
    begin = len(auth.requests)
    result = bound("status")
    assert result.exit_code == 1
    assert "service_refused: denied: " in result.stderr
    assert len(auth.requests) - begin == (2 if date == "wrong" else 1)


def test_a_refusal_for_another_reason_is_not_repeated(auth, bound, monkeypatch):
    auth.world.accounts.revoke(auth.world.origin, "zoe")
    auth.date = format_date(auth, timedelta(hours=2))
    begin = len(auth.requests)
    assert bound("status").stderr.endswith(" Reason: revoked.\n")
    assert len(auth.requests) - begin == 1


def test_a_bind_whose_reply_was_lost_is_finished_by_the_same_command(auth, device):
    link = auth.link()
    auth.broken = (502, b"<html>")
    lost = device("bind", "--url", auth.url, "--link", link)
    assert lost.exit_code == 1
    assert lost.stderr == "unavailable: service_unreachable: status 502\n"
    assert device("status").stderr.startswith("home: no device in ")

    auth.broken, auth.drops = None, {"/device/bind"}
    assert device("bind", "--url", auth.url, "--link", link).exit_code == 1
    assert device("status").stderr.startswith("home: no service in ")

    auth.drops = set()
    assert device("bind", "--url", auth.url, "--link", link).exit_code == 0
    assert json.loads(device("status", "--json").stdout)["status"] == "ACTIVE"
    assert "ACTIVE" in device("status").stdout


@pytest.mark.parametrize(
    "answer", [(200, b"[]"), (200, b"?"), (200, b""), (200, b'{"display": 1}'), (302, b"")]
)
def test_a_reply_of_another_shape_is_no_reply(auth, bound, answer):
    guid = ask(auth)
    auth.broken = answer
    result = bound("show", guid)
    assert result.exit_code == 1
    assert result.stderr.startswith("unavailable: service_unreachable: ")


ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eRUE 01\rANSWERED, approved\n"


def lied(value):
    """Return *value* with escapes in every text and name of it."""
    match value:
        case str():
            return value + ESCAPES
        case dict():
            return {name + ESCAPES: lied(one) for name, one in value.items()} | {
                name: lied(one) for name, one in value.items()
            }
        case list():
            return [lied(one) for one in value]
    return value


def control_characters(result):
    return {one for one in result.output if one != "\n" and not one.isprintable()}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("state", ESCAPES),
        ("state", 7),
        ("state", None),
        ("approved", ESCAPES),
        ("approved", None),
        ("receipt", 7),
        ("receipt", [ESCAPES]),
    ],
)
@pytest.mark.parametrize("command", [("answer", "--button", "0"), ("disown",)])
def test_an_ending_in_words_that_are_not_known_is_no_reply(auth, bound, member, value, command):
    guid = ask(auth)
    name, *rest = command
    # Another key than the pinned one: nothing of the reply is vouched for.
    auth.swaps[f"/device/{name}"] = lambda reply: reply | {"receipt": FOREIGN, member: value}
    auth.swaps["/device/keys"] = lambda reply: {}

    result = bound(name, guid, *rest)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "unavailable: service_unreachable: a reply that cannot be read: "
    )
    assert control_characters(result) == set()


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["human", "json"])
@pytest.mark.parametrize("command", ["pending", "show", "answer", "disown", "status"])
def test_no_command_prints_what_moves_the_cursor(auth, bound, command, more):
    guid = ask(auth)
    args = {"show": (guid,), "answer": (guid, "--button", "0"), "disown": (guid,)}
    for path in (
        "/device/requests",
        f"/device/requests/{guid}",
        "/device/answer",
        "/device/disown",
        "/device/status",
    ):
        auth.swaps[path] = lied

    result = bound(command, *args.get(command, ()), *more)

    assert result.output
    assert control_characters(result) == set()
    assert not result.stdout.startswith("ANSWERED, approved")


@pytest.mark.parametrize("reply", [{}, {"requests": None}, {"requests": [{}]}, {"requests": [1]}])
def test_a_list_of_requests_of_another_shape_is_no_reply(auth, bound, reply):
    auth.swaps["/device/requests"] = lambda _: reply

    result = bound("pending")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("unavailable: service_unreachable: ")


def test_what_a_hostile_service_says_cannot_fake_the_screen(auth, bound):
    auth.broken = (403, json.dumps({"code": "x\x1b[2J", "title": "a\nb"}).encode())
    result = bound("pending")
    assert "\x1b" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_service_that_is_not_there(auth, device):
    result = device("bind", "--url", "http://127.0.0.1:1", "--link", auth.link())
    assert result.exit_code == 1
    assert result.stderr.startswith("unavailable: service_unreachable: ")


@pytest.mark.parametrize("url", ["auth.example.com", "ftp://auth.example.com", "http://a b"])
def test_an_address_that_is_none(auth, device, url):
    result = device("bind", "--url", url, "--link", auth.link())
    assert result.exit_code in {1, 2}
    assert result.stderr.count("\n") == 1


def test_a_token_alone_is_enough(auth, device):
    token = auth.world.invitations.invite(auth.world.origin, "zoe").token
    auth.drops = {"/device/bind"}
    assert device("bind", "--url", auth.url, "--token", token).exit_code == 1
    auth.drops = set()
    # The token is spent by now; who has it and the same keys may go on. It tells no account.
    result = device("bind", "--url", auth.url, "--token", token)
    assert (result.exit_code, result.stderr) == (0, WHOSE.replace("Account id: zoe\n", ""))
    assert f"bound: device {token.partition('.')[0]}\n" == result.stdout
    reply = json.loads(device("status", "--json").stdout)
    assert reply["appSpace"] == auth.world.app_space.guid
    assert bool(device("answer", ask(auth), "--button", "0").stdout)


def test_a_wrong_token_binds_nothing(auth, device):
    guid = auth.world.invitations.invite(auth.world.origin, "zoe").token.partition(".")[0]
    for token in ("x", f"{guid}.x"):
        result = device("bind", "--url", auth.url, "--token", token)
        assert result.exit_code == 1
        assert result.stderr.startswith("refused: service_refused: denied: ")


def test_a_token_for_another_app_space_than_is_said_binds_nothing(auth, device):
    token = auth.world.invitations.invite(auth.world.origin, "zoe").token
    space, other = auth.world.app_space.guid, auth.world.new_app_space("Club").guid
    result = device("bind", "--url", auth.url, "--token", token, "--app-space", other)
    assert "\nrefused: service_refused: not_possessed: " in result.stderr
    result = device("bind", "--url", auth.url, "--token", token, "--app-space", space)
    assert result.exit_code == 0


@pytest.mark.parametrize("reply", [b"{}", b'{"appSpace": "7"}', b'{"appSpace": 7}'])
def test_an_app_space_of_another_shape_is_none(auth, device, reply):
    auth.broken = (200, reply)
    result = device("bind", "--url", auth.url, "--token", "x.y")
    assert result.exit_code == 1
    assert result.stderr.startswith("unavailable: service_unreachable: ")


def test_a_bind_needs_a_token_or_a_link(auth, device):
    for arguments in ((), ("--app-space", NOBODY), ("--token", "x.y", "--link", auth.link())):
        result = device("bind", "--url", auth.url, *arguments)
        assert (result.exit_code, result.stderr) == (
            2,
            "token: give --token, with or without --app-space, or --link\n",
        )
    assert device("bind", "--url", auth.url, "--link", "x").stderr.startswith("link: ")


def test_new_keys_of_the_service_are_pinned_when_an_old_one_endorses_them(auth, bound, home):
    auth.world.ports.signer.rotate()
    reply = bound("answer", ask(auth), "--button", "0").stdout
    assert reply == "ANSWERED, approved\nreceipt: number 1, valid\n"
    keys = json.loads((home / "device.json").read_text())["bond"]["serviceKeys"]["keys"]
    assert [key["kid"] for key in keys] == [key.kid for key in auth.world.ports.signer.jwks()]


def test_keys_that_no_pinned_one_endorses_are_not_pinned(auth, bound, home):
    before = (home / "device.json").read_bytes()
    signer = auth.world.ports.signer
    old = signer.jwks()[0].kid
    signer.rotate()
    # As if the folder of keys had been made anew.
    signer._public = signer._public[:1]
    del signer._keys[old]
    reply = bound("answer", ask(auth), "--button", "0").stdout
    assert reply == ("ANSWERED, approved\nreceipt: signed by a key that no pinned key endorses\n")
    assert (home / "device.json").read_bytes() == before


def test_a_device_is_needed(device):
    assert device("pending").stderr.startswith("home: no device in ")


def test_a_device_file_of_another_kind_is_refused(bound, home):
    (home / "service.json").write_text("[]")
    assert bound("pending").stderr == "home: not written by this software\n"
    (home / "device.json").write_text("{}")
    assert bound("pending").stderr == "device file: not written by this software\n"


def test_pending_waits_until_something_is_asked(auth, bound, monkeypatch):
    wake, waiting = auth.world.ports.wake, threading.Event()
    wait = wake.wait

    def observed(guid, timeout):
        waiting.set()
        wait(guid, timeout)

    monkeypatch.setattr(wake, "wait", observed)
    guids = []

    def ask_while_it_waits():
        assert waiting.wait(240)
        guids.append(ask(auth))

    asker = threading.Thread(target=ask_while_it_waits)
    asker.start()
    result = bound("pending", "--wait", "600", "--json")
    asker.join()
    assert result.exit_code == 0
    assert [each["challenge"] for each in json.loads(result.stdout)["requests"]] == guids
    assert [path for path, _ in auth.requests].count("/device/requests") == 1


def test_pending_says_that_nothing_was_asked_in_time(bound):
    result = bound("pending", "--wait", "1")
    assert (result.exit_code, result.stdout) == (0, "There are no open questions.\n")


class Time:
    """A clock that moves only while somebody sleeps; then *meanwhile* is done."""

    def __init__(self, meanwhile):
        self.meanwhile, self.seconds, self.pauses = meanwhile, 0.0, []

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.seconds += seconds
        self.meanwhile()


@pytest.mark.parametrize(
    "auth", [{"waiters": 0, "retry_after": timedelta(seconds=3)}], indirect=True
)
def test_where_the_service_cannot_wait_the_device_asks_as_often_as_it_may(auth, bound, home):
    time = Time(lambda: time.seconds == 6 and ask(auth))
    with DeviceClient(Home(home), monotonic=time.monotonic, sleep=time.sleep) as client:
        assert len(client.await_pending(600)) == 1
        assert time.pauses == [3.0, 3.0]
        time.pauses.clear()
        auth.world.clock.advance(auth.world.policy.challenge_life)
        assert (client.await_pending(7), time.pauses) == ([], [3.0, 3.0, 1.0])


def phone_addresses(auth, home):
    guid = json.loads((home / "device.json").read_text())["bond"]["device"]
    (binding,) = auth.world.ports.store.get(guid)
    return [(address.kind.value, address.value) for address in binding.addresses]


def test_addresses_are_registered_listed_and_removed(auth, bound, home):
    assert bound("addresses").stdout == "addresses at the service: 0\n"
    assert bound("set-address", "relay", "pigeon:1").stdout == "addresses at the service: 1\n"
    bound("set-address", "apns", "abc")
    assert bound("set-address", "relay", "pigeon:1").stdout == "addresses at the service: 2\n"
    assert phone_addresses(auth, home) == [("apns", "abc"), ("relay", "pigeon:1")]
    assert bound("addresses").stdout == "apns abc\nrelay pigeon:1\naddresses at the service: 2\n"
    assert stat.S_IMODE((home / "addresses.json").stat().st_mode) == 0o600

    auth.broken = (502, b"<html>")
    assert bound("remove-address", "abc").exit_code == 1
    auth.broken = None
    assert bound("remove-address", "abc").stdout == "addresses at the service: 1\n"
    assert phone_addresses(auth, home) == [("relay", "pigeon:1")]
    assert bound("remove-address").stderr == "value: give an address, or --all\n"
    assert bound("remove-address", "--all").stdout == "addresses at the service: 0\n"
    assert (phone_addresses(auth, home), bound("addresses").exit_code) == ([], 0)
    assert bound("set-address", "pigeon", "x").exit_code == 2


@pytest.mark.parametrize("content", ["[]", "{}", '{"addresses": [{"kind": "pigeon"}]}'])
def test_a_list_of_addresses_in_another_form_is_refused(bound, home, content):
    (home / "addresses.json").write_text(content)
    assert bound("addresses").stderr == "home: not written by this software\n"


def service_kids(device):
    keys = json.loads(device("status", "--json").stdout)["keys"]
    return {key["role"]: key["kid"] for key in keys}


def test_keys_are_replaced_one_or_both(auth, bound, monkeypatch):
    first = service_kids(bound)
    monkeypatch.delenv("COUNTERSEAL_PIN")
    assert bound("rotate", "--key", "device").exit_code == 0
    second = service_kids(bound)
    assert (second["device"] != first["device"], second["strong"]) == (True, first["strong"])

    result = bound(
        "rotate", "--key", "strong", "--change-pin", stdin=f"{PIN}\n{NEW_PIN}\n{NEW_PIN}\n"
    )
    leaks = [pin for pin in (PIN, NEW_PIN) if pin in result.output]
    assert (result.exit_code, leaks) == (0, [])
    third = service_kids(bound)
    assert (third["device"], third["strong"] != first["strong"]) == (second["device"], True)
    assert "strong_key_missed" in bound("answer", ask(auth), "--button", "0", stdin=PIN).stderr
    assert bound("answer", ask(auth), "--button", "0", stdin=f"{NEW_PIN}\n").exit_code == 0

    assert bound("rotate", stdin=f"{NEW_PIN}\n").exit_code == 0
    assert not set(third.values()) & set(service_kids(bound).values())
    assert bound("rotate", "--key", "device", "--change-pin").exit_code == 2


def test_a_refused_rotation_changes_nothing(auth, bound, home, monkeypatch):
    before = (home / "device.json").read_bytes()
    monkeypatch.setenv("COUNTERSEAL_PIN", "0000")
    assert "Attempts left: 4." in bound("rotate").stderr
    assert (home / "device.json").read_bytes() == before
    assert not (home / "rotated.json").exists()
    assert bound("status").exit_code == 0


@pytest.mark.parametrize("key", [(), ("--key", "device"), ("--key", "strong")])
def test_a_rotation_whose_reply_was_lost_is_completed_by_the_next_command(auth, bound, home, key):
    before = service_kids(bound)
    auth.drops = {"/device/rotate"}
    assert bound("rotate", *key).stderr.startswith("unavailable: service_unreachable: ")
    assert stat.S_IMODE((home / "rotated.json").stat().st_mode) == 0o600
    auth.drops = {"/device/status"}
    assert bound("pending").exit_code == 1
    auth.drops = set()
    assert bound("answer", ask(auth), "--button", "0").exit_code == 0
    assert not (home / "rotated.json").exists()
    assert service_kids(bound) != before


@pytest.mark.parametrize("roles", [(Role.DEVICE,), (Role.STRONG,)])
def test_new_keys_that_never_came_to_the_service_are_dropped(auth, bound, home, roles):
    folder = Home(home)
    before, rotated = folder.device(), folder.device()
    rotated.complete_rotation(before.rotation(pin=PIN, new_pin=PIN, roles=roles))
    folder.keep_rotated(rotated)
    assert bound("answer", ask(auth), "--button", "0").exit_code == 0
    assert not (home / "rotated.json").exists()
    assert folder.device().device_key.public == before.device_key.public


def test_a_device_revoked_during_a_rotation_unbinds_itself(auth, bound, home):
    auth.drops = {"/device/rotate"}
    bound("rotate")
    auth.drops = set()
    auth.world.accounts.revoke(auth.world.origin, "zoe")
    assert bound("unbind", "--yes").stdout == "unbound: the keys are deleted\n"
    assert list(home.iterdir()) == []


def test_an_event_is_reported_for_the_audit_log(auth, bound):
    guid = ask(auth)
    words = ("--attribute", "locale=en", "--attribute", "empty=")
    result = bound("telemetry", "REQUEST_VIEWED", *words, "--request", guid)
    assert (result.exit_code, result.stdout) == (0, "reported: REQUEST_VIEWED\n")
    (body,) = (body for path, body in auth.requests if path == "/device/telemetry")
    assert json.loads(body) == {
        "event": "REQUEST_VIEWED",
        "attributes": {"locale": "en", "empty": ""},
        "requestGuid": guid,
    }
    assert bound("telemetry", "two words").stderr.startswith("event: ")
    assert bound("telemetry", "x", "--attribute", "locale").stderr.startswith("attribute: ")
    assert bound("telemetry", "x", "--request", "7").stderr.startswith("guid: ")
    assert len([path for path, _ in auth.requests if path == "/device/telemetry"]) == 1
