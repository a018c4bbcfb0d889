"""A device that a log-in binds: a browser, a loopback port, and a service in a thread."""

import re
import threading
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs
import pytest
from flask import Flask
from werkzeug.serving import make_server

from counterseal.bindings.documents.device import Peeked
from counterseal.models import BindingState
from counterseal_demo.device_cli import DeviceCalls, ServiceRefused, ServiceUnreachable, log_in
from counterseal_demo.device_cli.login import RETURN
from counterseal_flask import Settings, create_blueprints
from counterseal_testing import FakeService

PATIENCE = 240
"""Seconds; a machine that is busy with other things is no failure."""


@pytest.fixture
def auth():
    world = FakeService()
    app = Flask("auth")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.port}"
    for blueprint in create_blueprints(world.ports, world.policy, Settings(public_url=url)):
        app.register_blueprint(blueprint)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    idp = attrs.evolve(world.idp.settings(), redirect_uri="", returns=(RETURN,))
    space = world.new_app_space("Staff", idp=idp)
    world.idp.admit("carol")
    yield attrs.make_class("Auth", ["world", "url", "space"])(world, url, space)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser(auth):
    """A browser in a thread: what it got at the loopback port."""
    replies, threads = [], []

    def visit(*returns):
        for address in returns:
            try:
                with urllib.request.urlopen(address, timeout=PATIENCE) as reply:  # noqa: S310 (ours)
                    replies.append((reply.status, reply.read()))
            except urllib.error.HTTPError as error:
                replies.append((error.code, b""))

    def going(*make):
        def show(url):
            back = auth.world.idp.log_in(url, "carol")
            (address,) = parse_qs(urlsplit(url).query)["redirect_uri"]
            thread = threading.Thread(target=visit, args=[one(address, back) for one in make])
            threads.append(thread)
            thread.start()

        return show

    def logged_out():
        for thread in threads:
            thread.join()
        return replies

    yield attrs.make_class("Browser", ["going", "replies"])(going, logged_out)
    logged_out()


def returned(address, back):
    query = {"state": back.state, "code": back.code, "iss": back.issuer}
    return f"{address}?{urlencode(query)}"


def test_a_person_logs_in_and_the_token_is_for_them(auth, browser):
    calls = DeviceCalls(auth.url)
    logged_in = log_in(calls, auth.space.guid, browser.going(returned))
    token = logged_in.token
    invitation = calls.plain("/device/invitation", {"token": token}, Peeked)
    calls.close()
    assert invitation.app_space == auth.space.guid
    assert auth.world.ports.store.account(auth.space.guid, "carol") is not None
    ((status, body),) = browser.replies()
    assert status == 200
    assert token.encode() not in body
    assert logged_in.devices == ()


def test_only_our_own_log_in_is_taken_at_the_port(auth, browser):
    calls = DeviceCalls(auth.url)
    strangers = (
        lambda address, _: f"{address}?state=other&code=x",
        lambda address, back: f"{address}?state={back.state}&state={back.state}&code=x",
        lambda address, back: f"{address}/other?state={back.state}&code=x",
        lambda address, _: address,
    )
    log_in(calls, auth.space.guid, browser.going(*strangers, returned))
    calls.close()
    assert [status for status, _ in browser.replies()][:4] == [404] * 4


def test_a_person_whom_the_provider_refuses_reads_why(auth, browser):
    calls = DeviceCalls(auth.url)
    denied = browser.going(
        lambda address, back: f"{address}?state={back.state}&error=access_denied"
    )
    with pytest.raises(ServiceRefused) as caught:
        log_in(calls, auth.space.guid, denied)
    calls.close()
    assert caught.value.word == "access_denied"


def test_nobody_is_waited_for_for_ever(auth):
    calls = DeviceCalls(auth.url)
    with pytest.raises(ServiceUnreachable):
        log_in(calls, auth.space.guid, lambda _: None, patience=0.0)
    calls.close()


def test_the_command_binds_a_device(auth, browser, run, tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERSEAL_PIN", "1379")
    monkeypatch.setattr("click.launch", browser.going(returned))
    monkeypatch.setattr("counterseal_demo.device_cli.home.SystemClock", lambda: auth.world.clock)
    home = tmp_path / "phone"
    result = run("device", "bind", "--home", home, "--url", auth.url, "--idp", auth.space.guid)
    assert (result.exit_code, result.stdout[:14]) == (0, "bound: device ")
    assert result.stderr.startswith("Log in at https://idp.example/authorize?")
    status = run("device", "status", "--home", home, "--json")
    assert '"status": "ACTIVE"' in status.stdout


@pytest.fixture
def bind(auth, browser, run, tmp_path, monkeypatch):
    """Bind a device in a folder by a log-in; the result of the command is returned."""
    monkeypatch.setenv("COUNTERSEAL_PIN", "1379")
    monkeypatch.setattr("counterseal_demo.device_cli.home.SystemClock", lambda: auth.world.clock)

    def bind_by_log_in(home, *options, **how):
        monkeypatch.setattr("click.launch", browser.going(returned))
        where = ("--home", tmp_path / home, "--url", auth.url)
        return run("device", "bind", *where, "--idp", auth.space.guid, *options, **how)

    return bind_by_log_in


def guid_in(result):
    assert result.exit_code == 0, result.stderr
    return re.fullmatch(r"bound: device (\S+)\n", result.stdout)[1]


def test_a_new_device_replaces_the_one_that_is_named(auth, bind, run, tmp_path):
    old = guid_in(bind("old", "--name", "Old phone"))
    tablet = bind("tablet")
    assert f"Your devices:\n{old} 'Old phone', since 2030-01-01T" in tablet.stderr
    guid_in(bind("new", "--replaces", old))
    status = run("device", "status", "--home", tmp_path / "old")
    assert "revoked" in status.stderr
    for home in ("tablet", "new"):
        status = run("device", "status", "--home", tmp_path / home, "--json")
        assert '"status": "ACTIVE"' in status.stdout
    again = bind("third", "--replaces", old)
    assert (again.exit_code, "not_found" in again.stderr) == (1, True)


def test_a_person_at_a_terminal_is_asked_which_one(auth, bind, monkeypatch):
    old = guid_in(bind("old"))
    monkeypatch.setattr("counterseal_demo.device_binding_command._at_terminal", lambda: True)
    added = bind("tablet", stdin="\n")
    assert "GUID of the one that this one replaces" in added.stderr
    new = guid_in(bind("new", stdin=f"{old}\n"))
    bindings = auth.world.ports.store.get(old, guid_in(added), new)
    states = [binding.state for binding in bindings]
    assert states == [BindingState.REVOKED, BindingState.ACTIVE, BindingState.ACTIVE]


def test_a_token_that_is_no_log_ins_replaces_nothing(auth, bind, run, tmp_path):
    old = guid_in(bind("old"))
    invited = auth.world.invitations.invite(auth.world.origin, "alice")
    where = ("--home", tmp_path / "new", "--url", auth.url)
    refused = run("device", "bind", *where, "--token", invited.token, "--replaces", old)
    assert refused.exit_code == 1
    assert "replaces" in refused.stderr


def test_one_way_at_a_time(run, auth, tmp_path):
    result = run(
        *("device", "bind", "--home", tmp_path, "--url", auth.url),
        *("--idp", auth.space.guid, "--token", "x"),
    )
    assert result.exit_code != 0
    assert "idp:" in result.stderr
