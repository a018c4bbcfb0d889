"""The test log-in in Chromium, at the real provider of the tests: npm's oidc-provider."""

import contextlib
from datetime import UTC, datetime

import attrs
import pytest
from login_browser import LoginPortal
from login_person import Person, plant_session, start_session
from page_checks import VIEWS
from portal_server import serve

from counterseal.models import Account, Binding, ClientAuth, IdpSettings

CLIENT, CLIENT_SECRET = "portal-test", "a client secret: with ~ + % & signs"


@pytest.fixture
def served(request):
    """Serve a portal whose service may call providers on loopback."""
    oidc = pytest.importorskip("counterseal_oidc", reason="no adapter of providers")
    http = pytest.importorskip("counterseal_http", reason="no guarded client")

    def adapters(ports):
        ports.clock.jump(datetime.now(UTC))
        guard = http.Guard(allow_http=True, allow_private=True, ports=None)
        provider = oidc.OidcIdentityProvider(ports.sealer, ports.clock, ports.entropy, guard=guard)
        request.addfinalizer(provider.close)
        return attrs.evolve(ports, identity=provider)

    def build(url):
        # Browsers have passkeys at localhost, and at no IP address.
        return LoginPortal(url.replace("127.0.0.1", "localhost"), adapters=adapters)

    with serve(build) as (_, portal):
        yield portal


@contextlib.contextmanager
def real_provider(redirect_uri):
    """Run the real provider, with one client."""
    trial = pytest.importorskip("counterseal_demo.trial", reason="no provider for trials")
    client = {
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
    }
    try:
        provider = trial.TrialProvider([client])
    except (trial.NodeMissing, trial.RegistryUnreachable) as error:
        pytest.skip(f"no npm: the provider cannot be installed: {error}")
    with contextlib.closing(provider):
        yield provider


@pytest.fixture(params=VIEWS)
def person(request, chromium, page_checks, served):
    person = Person(chromium, page_checks, served, request.param)
    session = start_session(served, served.create_person("Example person"))
    plant_session(person.context, session.token)
    yield person
    person.context.close()


def log_in_at_provider(person, subject):
    """Log in on the provider's own pages, and consent."""
    page = person.page
    page.get_by_role("link", name="Go to the Identity Provider").click()
    page.locator("input[name=login]").fill(subject)
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()


def begin(person, app_space):
    person.open(f"/app-spaces/{app_space.guid}/provider/test")
    person.see("Test the log-in")
    person.press("Begin the test")
    person.see("Test the log-in")
    assert person.page.get_by_role("link", name="Go to the Identity Provider").count() == 1


def finish(person, clock):
    # The provider's tokens have the time of this machine, on which all may take long.
    clock.jump(datetime.now(UTC))
    person.page.get_by_role("button", name="Finish the test").wait_for()
    person.see("Test the log-in")
    person.press("Finish the test")


def people(service):
    records = service.ports.store._records.values()
    return [each for each in records if isinstance(each, (Account, Binding))]


def test_a_log_in_is_tested_at_a_real_provider(person, served):
    service = served.service
    redirect_uri = f"{served.public_url}/device/login/return"
    with real_provider(redirect_uri) as provider:
        idp = IdpSettings(
            issuer=provider.url,
            client_id=CLIENT,
            client_auth=ClientAuth.BASIC,
            scopes=("openid", "offline_access", "profile"),
            account_claim="employee_id",
        )
        app_space = service.administration.create_app_space(
            service.company.guid, "Staff", idp=idp, idp_secret=CLIENT_SECRET
        )
        before = people(service)
        begin(person, app_space)
        assert redirect_uri in person.text()
        log_in_at_provider(person, "zoe")
        finish(person, service.clock)
        person.see("The log-in works")
        text = person.text()
        for shown_text in (provider.url, "zoe", "e-1001", "employee_id"):
            assert shown_text in text
        revocations = provider.requests("/token/revocation")
        assert revocations >= 1

        # The browser's way back leads to a test that is finished already.
        person.page.go_back()
        finish(person, service.clock)
        person.see("The test was not finished")

        # A claim that the provider does not send is a refusal in words.
        edited = attrs.evolve(app_space.idp, account_claim="badge")
        service.administration.edit_app_space(app_space.guid, idp=edited)
        person.page.context.clear_cookies(domain="127.0.0.1")
        begin(person, app_space)
        log_in_at_provider(person, "zoe")
        finish(person, service.clock)
        person.see("The log-in does not work")
        text = person.text()
        assert "idp_claim_missing" in text
        assert "The claim for the account id is missing, or not a text." in text

        # A wrong client secret, too: the provider refuses the code.
        service.administration.edit_app_space(
            app_space.guid, idp=app_space.idp, idp_secret="another secret"
        )
        person.page.context.clear_cookies(domain="127.0.0.1")
        begin(person, app_space)
        log_in_at_provider(person, "zoe")
        finish(person, service.clock)
        person.see("The log-in does not work")
        assert "idp_code_refused" in person.text()
        assert people(service) == before
