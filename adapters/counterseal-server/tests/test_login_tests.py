"""`admin test-login`: an operator logs in at an App Space's provider, as a user would."""

import json
from urllib.parse import urlencode

import pytest

from counterseal.memory import SystemEntropy
from counterseal_server.login_tests import APP_RETURN
from counterseal_server.providers import Providers
from counterseal_testing.identity import FakeIdentityProvider

URL = "http://localhost:8787"


@pytest.fixture
def provider(monkeypatch):
    """Return a provider in memory, which the server's own stands for."""
    monkeypatch.setenv("COUNTERSEAL_PUBLIC_URL", URL)
    provider = FakeIdentityProvider(SystemEntropy())
    provider.admit("carol", account_id="e-1001")
    for name in ("authorization_url", "exchange", "revoke_grant"):
        verb = getattr(provider, name)
        monkeypatch.setattr(
            Providers, name, lambda _, *args, verb=verb, **options: verb(*args, **options)
        )
    return provider


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def app_space(run, data, provider, tmp_path):
    names = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop")
    result = run("init", "--data", data, *names, "--auth", "basic")
    assert result.exit_code == 0, result.stderr
    company = json.loads(result.stdout)["companyGuid"]
    idp = json.dumps({"issuer": provider.issuer, "clientId": "c", "accountClaim": "employee_id"})
    (tmp_path / "idp.json").write_text(idp, "utf-8")
    options = ("--idp", tmp_path / "idp.json", "--data", data)
    result = run("admin", "app-space", company, "Staff", *options)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["appSpaceGuid"]


@pytest.fixture
def log_in(monkeypatch, provider):
    """Return a function that lets the operator log in, and enter these parameters."""
    addresses = []
    build = provider.authorization_url

    def authorization_url(_, *args, **options):
        addresses.append(build(*args, **options))
        return addresses[-1]

    monkeypatch.setattr(Providers, "authorization_url", authorization_url)

    def prepare(**changes):
        def prompt(_, *, err):
            assert err
            back = provider.log_in(addresses[-1], "carol")
            parameters = {"state": back.state, "code": back.code, "iss": back.issuer} | changes
            return f"{APP_RETURN}?{urlencode(parameters)}\n"

        monkeypatch.setattr("click.prompt", prompt)
        return addresses

    return prepare


def test_it_prints_who_the_user_would_be(run, data, app_space, log_in, provider):
    addresses = log_in()
    result = run("admin", "test-login", app_space, "--data", data)
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert {name: document[name] for name in document if not name.endswith("At")} == {
        "works": True,
        "issuer": provider.issuer,
        "subject": "carol",
        "accountClaim": "employee_id",
        "accountId": "e-1001",
        "session": None,
        "accountGuid": None,
    }
    assert f"{URL}/device/login/return" in result.stderr
    assert addresses[0] in result.stderr


def test_it_prints_which_check_failed(run, data, app_space, log_in):
    log_in(code="another")
    result = run("admin", "test-login", app_space, "--data", data)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["works"]) == (1, False)
    assert document["refusal"] == "identity_withdrawn"
    log_in(state="none")
    result = run("admin", "test-login", app_space, "--data", data)
    assert (result.exit_code, result.stdout) == (1, "")
