"""Identity Providers in the service: asked when the first is needed, and nobody let in without."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import attrs
import pytest

from counterseal import OPERATOR, Administration
from counterseal.errors import IdentityUnavailable
from counterseal.memory import memory_ports
from counterseal.models import Identity, IdpSettings
from counterseal.models.guid import mint
from counterseal_server import providers as providers_module
from counterseal_server.configuration import settings
from counterseal_server.providers import Providers, log_missing_package
from counterseal_server.runtime import Runtime
from counterseal_testing import FakeService

IDP = IdpSettings(issuer="http://127.0.0.1:1", client_id="seal")
COMPANY = mint(0, bytes(15))
ZOE = Identity(issuer=IDP.issuer, subject="zoe", grant=b"grant")


@pytest.fixture
def new(tmp_path):
    ports, providers_list = memory_ports(), []

    def make(**more):
        loaded_settings = settings({"data": tmp_path}, more)
        providers_list.append(Providers(loaded_settings, ports.sealer, ports.clock, ports.entropy))
        return providers_list[-1]

    yield make
    for each in providers_list:
        each.close()


def test_calls_to_providers_hold_a_quarter_of_the_threads_at_most(new):
    providers = new(
        COUNTERSEAL_THREADS="8",
        COUNTERSEAL_WAITERS="4",
        COUNTERSEAL_ALLOW_PRIVATE_PROVIDERS="1",
    )
    url = {"state": "s", "nonce": "n", "verifier": "v" * 43}
    first, second, third = (mint(number, bytes(15)) for number in range(3))

    def ask(idp, company):
        with pytest.raises(IdentityUnavailable) as caught:
            providers.authorization_url(idp, company=company, **url)
        return str(caught.value)

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2))
        for company in (first, second):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            listening.settimeout(60)
            idp = attrs.evolve(IDP, issuer=f"http://127.0.0.1:{listening.getsockname()[1]}")
            pool.submit(ask, idp, company)
            stack.enter_context(listening.accept()[0])
        assert "too many calls" in ask(IDP, third)
        assert "too many calls" in ask(IDP, first)


def calls_of(providers):
    """Return everything that may be asked."""
    url = {"state": "s", "nonce": "n", "verifier": "v"}
    return (
        lambda: providers.authorization_url(IDP, **url, company=COMPANY),
        lambda: providers.exchange(
            IDP, code="c", nonce="n", verifier="v", issuer=None, company=COMPANY
        ),
        lambda: providers.revalidate(IDP, ZOE, company=COMPANY),
        lambda: providers.read_logout(IDP, "a.b.c", company=COMPANY),
    )


def test_without_the_extra_nobody_is_let_in(new, monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_oidc", None)
    providers = new()
    for ask in (*calls_of(providers), lambda: providers.revoke_grant(IDP, ZOE, company=COMPANY)):
        with pytest.raises(IdentityUnavailable, match=r"counterseal-server\[oidc\]"):
            ask()


@pytest.mark.parametrize("flag", ["0", "1"])
def test_a_private_provider_is_reached_only_if_the_settings_say_so(new, monkeypatch, flag):
    guards = []

    class Recording:
        def __init__(self, *_, guard, **_more):
            guards.append(guard)

    monkeypatch.setattr("counterseal_oidc.OidcIdentityProvider", Recording)
    providers = new(COUNTERSEAL_ALLOW_PRIVATE_PROVIDERS=flag)
    with pytest.raises(AttributeError):
        providers.revalidate(IDP, ZOE, company=COMPANY)
    (guard,) = guards
    assert guard.allow_private is guard.allow_http is (flag == "1")


def test_a_provider_that_cannot_be_reached_is_unavailable(new):
    providers = new()
    url = calls_of(providers)[0]
    for _ in range(2):
        with pytest.raises(IdentityUnavailable):
            url()


def test_the_runtime_asks_them_and_asks_nobody_when_it_opens(tmp_path, run):
    names = ("--company", "Example", "--app-space", "Bank", "--origin", "Shop")
    run("init", "--data", tmp_path / "data", *names, "--auth", "basic")
    sys.modules.pop("counterseal_oidc", None)
    with Runtime(settings({"data": tmp_path / "data"}, {})) as runtime:
        runtime.prepare()
        assert isinstance(runtime.ports.identity, Providers)
        assert "counterseal_oidc" not in sys.modules


def test_a_provider_without_its_package_is_an_error_at_the_start(monkeypatch, caplog):
    monkeypatch.setattr(providers_module, "find_spec", lambda _: None)
    world = FakeService()
    log_missing_package(world.ports.store)
    assert not caplog.records
    world.administration.create_app_space(world.app_space.company, "Other", idp=IDP)
    log_missing_package(world.ports.store)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == (
        "1 App Spaces have an Identity Provider, and none can be called:"
        " pip install 'counterseal-server[oidc]'"
    )
    caplog.clear()
    monkeypatch.undo()
    log_missing_package(world.ports.store)
    assert not caplog.records


def test_serve_logs_the_error_at_its_start(run, create_data, tmp_path, monkeypatch):
    create_data(tmp_path / "data")
    with Runtime(settings({"data": tmp_path / "data"}, {})) as runtime:
        administration = Administration(runtime.ports, runtime.policy, by=OPERATOR)
        company = administration.create_company("Other")
        administration.create_app_space(company.guid, "Clinic", idp=IDP)
    monkeypatch.setattr(providers_module, "find_spec", lambda _: None)
    # The port is in use, so that `serve` ends after it has looked.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        result = run("serve", "--data", tmp_path / "data", "--port", port)
    assert result.exit_code == 2
    assert "1 App Spaces have an Identity Provider, and none can be called" in result.stderr
