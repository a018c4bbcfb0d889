"""The test log-in at an Identity Provider: whose it is, what it shows, and what it refuses."""

import html
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs
import pytest
from portal_browser import PUBLIC_URL, PortalOfTests, heading, require_page

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn, SealBroken, WrongToken
from counterseal.models import Account, Binding
from counterseal_portal import MOUNT
from counterseal_portal.pages.login_tests import ADVICE, PURPOSE
from counterseal_testing.identity import APP_RETURN


class Provider:
    """
    An App Space whose users log in at the Identity Provider of the tests.

    Attributes:
        path: Of the test's page.
    """

    def __init__(self, portal, **settings):
        self.portal, self.idp = portal, portal.service.idp
        self.idp.admit("carol")
        idp = attrs.evolve(self.idp.settings(), **settings)
        self.app_space = portal.service.new_app_space("Staff", idp=idp)
        self.path = f"/app-spaces/{self.app_space.guid}/provider/test"

    def begin(self, browser):
        """Begin a test, and return the address of the link."""
        text = require_page(browser.post(self.path))
        (address,) = re.findall(r'rel="noreferrer" href="(.*?)"', text)
        return html.unescape(address)

    def come_back(self, browser, **changes):
        """Begin a test, log in as carol, and return the parameters of the page that follows."""
        back = self.idp.log_in(self.begin(browser), "carol")
        response = {"code": back.code, "iss": back.issuer} | changes
        address = self.portal.service.logins.relay_response(back.state, response)
        assert address.startswith(f"{PUBLIC_URL}{MOUNT}{self.path}/return?")
        return {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}

    def finish(self, browser, parameters):
        return browser.post(f"{self.path}/return", dict(parameters))


@pytest.fixture
def provider(portal):
    return Provider(portal)


def facts_of(reply):
    """Return the facts of a page, each by its label."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", reply.text)
    return {label: html.unescape(re.sub("<.*?>", "", value)) for label, value in pairs}


def people(portal):
    records = portal.service.ports.store._records.values()
    return [each for each in records if isinstance(each, (Account, Binding))]


def test_the_result_says_who_the_user_would_be(portal, provider):
    browser, before = portal.company_admin(), people(portal)
    page = require_page(browser.get(f"/app-spaces/{provider.app_space.guid}"))
    assert f'href="{MOUNT}{provider.path}"' in page
    facts = facts_of(browser.get(provider.path))
    assert facts["Redirect URI"] == "https://service.example/idp"
    parameters = provider.come_back(browser)
    form = require_page(browser.get(f"{provider.path}/return?{urlencode(parameters)}"))
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(.*?)">', form))
    assert fields == parameters | {"csrf_token": browser.token}
    reply = provider.finish(browser, parameters)
    assert (reply.status, heading(reply)) == (200, "<bdi>The log-in works</bdi>")
    facts = facts_of(reply)
    assert (facts["Issuer (iss)"], facts["Subject (sub)"]) == (provider.idp.issuer, "carol")
    assert facts["Account&#39;s id (claim sub)"] == "carol"
    assert {"Begun", "Finished"} < facts.keys()
    for secret in (parameters["code"], parameters["state"].partition(".")[2]):
        assert secret not in reply.text
    assert people(portal) == before
    events = [each.event for each in portal.service.ports.audit.events[-2:]]
    assert events == ["login.begin_test", "login.finish_test"]


def test_the_page_of_the_return_changes_nothing(portal, provider):
    browser = portal.company_admin()
    parameters = provider.come_back(browser)
    before = dict(portal.service.ports.store._records)
    for query in (urlencode(parameters), "error=access_denied", ""):
        require_page(browser.get(f"{provider.path}/return?{query}"))
    assert dict(portal.service.ports.store._records) == before
    assert heading(provider.finish(browser, parameters)) == "<bdi>The log-in works</bdi>"


def test_without_a_redirect_uri_the_page_names_the_services_own(portal):
    provider = Provider(portal, redirect_uri="")
    browser = portal.company_admin()
    reply = browser.get(provider.path)
    address = f"{PUBLIC_URL}/device/login/return"
    assert facts_of(reply)["Redirect URI"] == address
    assert "For this test" in reply.text
    assert parse_qs(urlsplit(provider.begin(browser)).query)["redirect_uri"] == [address]


def test_no_other_session_finishes_it(portal, provider):
    """Neither somebody else's, nor another one of the same person."""
    browser, other = portal.company_admin(), portal.company_admin()
    second = portal.log_in(portal.visitors.by_name[browser._name].admin)
    parameters = provider.come_back(browser)
    for session in (other, second):
        reply = provider.finish(session, parameters)
        assert (reply.status, heading(reply)) == (403, "<bdi>The test was not finished</bdi>")
    assert heading(provider.finish(browser, parameters)) == "<bdi>The log-in works</bdi>"


def test_it_serves_once(portal, provider):
    browser = portal.company_admin()
    parameters = provider.come_back(browser)
    provider.finish(browser, parameters)
    reply = provider.finish(browser, parameters)
    assert reply.status == 403
    assert "finished already" in reply.text


def test_a_test_that_took_too_long_is_not_finished(portal, provider):
    browser = portal.company_admin()
    parameters = provider.come_back(browser)
    portal.service.clock.advance(portal.service.policy.login_life)
    assert "took too long" in provider.finish(browser, parameters).text


def test_the_state_of_a_device_is_no_tests_and_the_other_way_round(portal, provider):
    service, browser = portal.service, portal.company_admin()
    redirect = service.logins.redirect(provider.app_space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    reply = provider.finish(browser, {"state": back.state, "code": back.code})
    assert (reply.status, heading(reply)) == (403, "<bdi>The test was not finished</bdi>")
    parameters = provider.come_back(browser)
    for secret in (browser.token, f"{PURPOSE} {browser.token}"):
        with pytest.raises(WrongToken):
            service.logins.authenticate(parameters["state"], parameters["code"], secret)
    assert people(portal) == []


@pytest.mark.parametrize(
    ("changes", "refusal", "code"),
    [
        ({"error": "access_denied"}, "access_denied", "provider_error"),
        ({"code": "other"}, IdentityWithdrawn.__doc__, "identity_withdrawn"),
        ({"iss": "https://evil.example"}, IdentityWithdrawn.__doc__, "identity_withdrawn"),
    ],
)
def test_what_is_refused_is_said_in_words(portal, provider, changes, refusal, code):
    browser = portal.company_admin()
    reply = provider.finish(browser, provider.come_back(browser, **changes))
    assert (reply.status, heading(reply)) == (200, "<bdi>The log-in does not work</bdi>")
    assert (facts_of(reply)["Refusal"], facts_of(reply)["Code"]) == (refusal, code)
    assert "Subject (sub)" not in reply.text


def test_a_provider_that_does_not_answer_is_said_in_words(portal, provider):
    browser = portal.company_admin()
    parameters = provider.come_back(browser)
    provider.idp.down = True
    for reply in (browser.post(provider.path), provider.finish(browser, parameters)):
        assert (reply.status, facts_of(reply)["Code"]) == (200, IdentityUnavailable.code)


def test_an_app_space_whose_origins_identify_the_users_has_no_test(portal):
    browser = portal.company_admin()
    path = f"/app-spaces/{portal.service.app_space.guid}/provider/test"
    assert [browser.get(path).status, browser.post(path).status] == [404, 404]
    assert "Test the log-in" not in browser.get(f"/app-spaces/{portal.service.app_space.guid}").text


def test_what_the_provider_says_is_shown_as_text(portal, provider):
    browser = portal.company_admin()
    evil = "<script>alert(1)</script>\u202e"
    provider.idp.admit("carol", account_id=evil)
    text = provider.finish(browser, provider.come_back(browser)).text
    assert "<script>alert" not in text
    assert "\u202e" not in text
    text = provider.finish(browser, provider.come_back(browser, error=evil)).text
    assert "<script>alert" not in text


def test_the_advice_is_for_codes_that_there_are():
    oidc = pytest.importorskip("counterseal_oidc.errors", reason="no adapter of providers")
    kinds = [IdentityUnavailable, SealBroken, *oidc.Unproven.__subclasses__()]
    core = {"provider_error", "wrong_issuer", "account_taken", "account_locked"}
    assert ADVICE.keys() <= {kind.code for kind in kinds} | core


def test_nothing_is_begun_by_an_address_alone():
    portal = PortalOfTests()
    provider, browser = Provider(portal), portal.company_admin()
    before = dict(portal.service.ports.store._records)
    require_page(browser.get(provider.path))
    assert dict(portal.service.ports.store._records) == before
