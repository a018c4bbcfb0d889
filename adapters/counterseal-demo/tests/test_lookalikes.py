"""`counterseal device bind` of an App Space that looks like one of a device beside: it asks."""

import json
import threading
from functools import partial

import pytest
from flask import Flask
from werkzeug.serving import make_server

from counterseal import OPERATOR, Administration, Invitations
from counterseal.device import SoftwareDevice
from counterseal.wire.link import BindLink, write_link
from counterseal_demo.device_cli import Home
from counterseal_flask import Settings, create_blueprints
from counterseal_server.words import LANGUAGES, load_words
from counterseal_testing import FakeService

LOOKALIKE = "H\u0430rb\u043eur Bank"
"""Some of its letters are Cyrillic."""


class Tenants:
    """
    App Spaces of companies that do not know each other, at one service.

    Attributes:
        url: The service's.
    """

    def __init__(self, world, url):
        self._world, self.url = world, url

    def link(self, company_name, app_space_name, verified_name=None):
        """Return a bind link of a new company's App Space."""
        ports, policy = self._world.ports, self._world.policy
        administration = Administration(ports, policy, by=OPERATOR)
        company = administration.create_company(company_name)
        if verified_name is not None:
            administration.verify_company(company.guid, verified_name)
        app_space = administration.create_app_space(company.guid, app_space_name)
        origin = administration.create_origin(app_space.guid, "Online banking")
        party = administration.relying_party(origin.guid)
        token = Invitations(ports, policy).invite(party, "zoe").token
        link = BindLink(token=token, app_space=app_space.guid, app_space_name=app_space_name)
        return write_link(link)


@pytest.fixture
def tenants(monkeypatch):
    world, app = FakeService(), Flask("auth")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.port}"
    for blueprint in create_blueprints(world.ports, world.policy, Settings(public_url=url)):
        app.register_blueprint(blueprint)
    monkeypatch.setattr("counterseal_demo.device_cli.home.SystemClock", lambda: world.clock)
    # What a PIN costs is no part of what is tested here.
    cheap = partial(SoftwareDevice.make, cost=2)
    monkeypatch.setattr("counterseal_demo.device_cli.home.SoftwareDevice.make", cheap)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield Tenants(world, url)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bind(run, tenants, tmp_path, monkeypatch):
    """Return a function that binds a device in the folder of a name."""
    monkeypatch.setenv("COUNTERSEAL_PIN", "1379")

    def command(name, link, *args, stdin=None, locale="C"):
        where = ("--home", tmp_path / name, "--url", tenants.url, "--link", link)
        return run("device", "bind", *where, *args, stdin=stdin, locale=locale)

    return command


def is_bound(folder):
    return (folder / "device.json").exists() and Home(folder).device().bond is not None


def test_the_person_learns_in_what_they_differ_and_decides(bind, tenants, tmp_path):
    first = bind("one", tenants.link("Harbour Group", "Harbour Bank", "Harbour Bank plc"))
    assert (first.exit_code, "Warning" in first.stderr) == (0, False)
    link = tenants.link("Trader", LOOKALIKE)
    refused = bind("two", link, stdin="n\n")
    assert refused.exit_code == 1
    host = tenants.url.removeprefix("http://")
    *lines, question = refused.stderr.splitlines()[:11]
    assert lines == [
        f"Account at: {LOOKALIKE}",
        "Verified name: none: this company is not verified",
        "Company: Trader",
        "Account id: zoe",
        f"Service: {host}",
        f"Warning: '{LOOKALIKE}' looks like 'Harbour Bank' of a device that you have:",
        "  Account at: Harbour Bank",
        "  Verified name: Harbour Bank plc",
        "  Company: Harbour Group",
        f"  Service: {host}",
    ]
    assert question.startswith("Bind it all the same?")
    # Neither keys were made nor a PIN was asked for.
    assert not (tmp_path / "two").exists()
    agreed = bind("two", link, stdin="y\n")
    assert (agreed.exit_code, is_bound(tmp_path / "two")) == (0, True)
    assert "Warning" in agreed.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_warning_is_in_the_language_of_the_terminal(bind, tenants, tmp_path, language):
    words = load_words("counterseal_demo", language)
    bind("one", tenants.link("Harbour Group", "Harbour Bank", "Harbour Bank plc"))
    link = tenants.link("Trader", LOOKALIKE)
    refused = bind("two", link, stdin="n\n", locale=f"{language}_CH.UTF-8")
    assert refused.exit_code == 1
    warning = words.say("looks_like", name=repr(LOOKALIKE), existing=repr("Harbour Bank"))
    assert refused.stderr.splitlines()[5:7] == [
        warning,
        f"  {words.say('account_at')}: Harbour Bank",
    ]
    assert words.say("bind_lookalike") in refused.stderr
    assert not (tmp_path / "two").exists()


def test_without_a_person_it_is_not_bound_unless_the_caller_says_so(bind, tenants, tmp_path):
    assert bind("one", tenants.link("Harbour Group", "Harbour Bank")).exit_code == 0
    link = tenants.link("Trader", LOOKALIKE)
    assert bind("two", link, stdin="").exit_code == 1
    assert not is_bound(tmp_path / "two")
    agreed = bind("two", link, "--yes", stdin="")
    assert (agreed.exit_code, is_bound(tmp_path / "two")) == (0, True)
    assert "Warning" in agreed.stderr
    assert "Bind it" not in agreed.stderr


def test_the_names_of_companies_are_compared_too(bind, tenants):
    assert bind("one", tenants.link("Harbour Bank", "Cards")).exit_code == 0
    refused = bind("two", tenants.link("Trader", LOOKALIKE), stdin="n\n")
    assert f"'{LOOKALIKE}' looks like 'Harbour Bank'" in refused.stderr
    assert "  Account at: Cards\n" in refused.stderr


def test_another_name_is_no_reason_to_ask(bind, tenants):
    link = tenants.link("Harbour Group", "Harbour Bank")
    assert bind("one", link).exit_code == 0
    result = bind("two", tenants.link("Trader", "Garden Shop"))
    assert (result.exit_code, "Warning" in result.stderr) == (0, False)
    # The token is used, but its App Space is that of the first device.
    result = bind("three", link)
    assert "Warning" not in result.stderr


def test_folders_of_other_software_are_left_alone(bind, tenants, tmp_path):
    for name, content in {"text": "?", "list": "[]", "device": json.dumps({"version": 9})}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "device.json").write_text(content, "utf-8")
    (tmp_path / "no-file").mkdir()
    result = bind("one", tenants.link("Harbour Group", "Harbour Bank"))
    assert (result.exit_code, "Warning" in result.stderr) == (0, False)
    assert "Warning" in bind("two", tenants.link("T", "HARBOUR BANK"), stdin="n\n").stderr
