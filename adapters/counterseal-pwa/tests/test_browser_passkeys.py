"""The WebAuthn calls of the CX service, over HTTP to `serve`, with Chromium's real objects."""

import json
import time
import urllib.request
from urllib.error import HTTPError
from urllib.parse import urlencode

import attrs
import pytest
from browser_waits import PATIENCE

DOMAIN = "shop.example.com"
PAGE = f"https://{DOMAIN}/"
ELSEWHERE = f"https://login.{DOMAIN}/"
"""A page that may use the domain's passkeys by the browser's rules, and is on no list of ours."""

USER = json.dumps({"name": "zoe@shop.example.com", "displayName": "Zoë"})
AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
CREATE = """async (options) => (await navigator.credentials.create({
  publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
})).toJSON()"""
GET = """async (options) => (await navigator.credentials.get({
  publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
})).toJSON()"""


def brackets(value, name=""):
    if isinstance(value, dict):
        pairs = [(f"{name}[{key}]" if name else key, below) for key, below in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{name}[{index}]", below) for index, below in enumerate(value)]
    else:
        return [(name, value)]
    return [inner for key, below in pairs for inner in brackets(below, key)]


@attrs.define
class Service:
    """The calls of a running service's origin, and the refusals in its log."""

    origin: object
    refusal_count: int = 0
    """Refusals in the log before the last call."""

    def call(self, method, path, document, *, form=False):
        """Return the status and the JSON of a reply."""
        self.refusal_count = len(self._refusals())
        body = urlencode(brackets(document)) if form else json.dumps(document)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        request = urllib.request.Request(  # noqa: S310 (http)
            self.origin.url + path,
            body.encode(),
            {"Authorization": self.origin.authorization, "Content-Type": kind},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    def next_refusal(self):
        """Return the code of the refusal since the last call; the log may come after the reply."""
        end = time.monotonic() + PATIENCE
        while len(lines := self._refusals()) <= self.refusal_count:
            assert time.monotonic() < end, "nothing is logged"
            time.sleep(0.05)
        return lines[-1].rpartition("refused: ")[2]

    def _refusals(self):
        return [line for line in self.origin.service.read_log() if "refused: " in line]


@pytest.fixture(scope="module")
def service(origin):
    origin.service.administer("allow", origin.guid, DOMAIN, "--webauthn")
    return Service(origin)


@attrs.define
class Browser:
    """A user's browser at a page of the shop, and the shop's server behind it."""

    service: Service
    page: object
    form: bool = False

    def call(self, method, path, **document):
        return self.service.call(method, f"/api/{path}", document, form=self.form)

    def start(self, account_id, domain=DOMAIN):
        return self.call(
            "PUT", "account/webauthn/bind", accountId=account_id, userInfo=USER, domain=domain
        )

    def create(self, started, url=PAGE):
        self.page.goto(url)
        return self.page.evaluate(CREATE, started["registrationOptions"])

    def register(self, account_id, credential):
        return self.call(
            "POST", "account/webauthn/register", accountId=account_id, credential=credential
        )

    def authenticate(self, account_id, domain=DOMAIN):
        return self.call(
            "POST", "request/webauthn/authenticate", accountId=account_id, domain=domain
        )

    def get(self, begun, url=PAGE, **options):
        self.page.goto(url)
        return self.page.evaluate(GET, begun["assertionOptions"] | options)

    def finish(self, account_id, credential):
        return self.call(
            "POST",
            "request/webauthn/finishAuthentication",
            accountId=account_id,
            credential=credential,
        )

    def registered(self, account_id):
        _, started = self.start(account_id)
        status, reply = self.register(account_id, self.create(started))
        assert status == 200, reply
        return reply

    def refused(self, reply, status, code, logged=None):
        assert (reply[0], reply[1]["code"]) == (status, code), reply
        if logged is not None:
            assert self.service.next_refusal() == logged


@pytest.fixture
def browser(service, chromium):
    context = chromium.new_context()
    context.route(
        "**/*", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>")
    )
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield Browser(service, page)
    context.close()


@pytest.mark.parametrize("form", [False, True])
def test_from_a_registration_to_a_finished_authentication(browser, form):
    account_id, browser.form = f"zoe {form}", form
    status, started = browser.start(account_id)
    assert status == 201
    status, registered = browser.register(account_id, browser.create(started))
    assert (status, registered["privakeyId"]) == (200, started["privakeyId"])
    assert registered["message"] == "Registration successful!"
    status, begun = browser.authenticate(account_id)
    assert status == 200
    credential = browser.get(begun)
    # Chromium says whose the passkey is.
    assert credential["response"]["userHandle"] == started["registrationOptions"]["user"]["id"]
    status, finished = browser.finish(account_id, credential)
    assert (status, finished) == (
        200,
        {
            "requestGuid": begun["requestGuid"],
            "privakeyId": started["privakeyId"],
            "deviceGuid": registered["deviceGuid"],
        },
    )
    browser.refused(browser.finish(account_id, credential), 409, "wrong_state")


def test_a_browser_registers_no_passkey_twice(browser):
    browser.registered("twice")
    _, started = browser.start("twice")
    with pytest.raises(Exception, match="InvalidStateError"):
        browser.create(started)


def test_a_wrong_domain_is_refused(browser):
    for domain in ("evil.example.com", f"login.{DOMAIN}", "example.com"):
        browser.refused(browser.start("domain", domain), 400, "domain_forbidden")
        browser.refused(browser.authenticate("domain", domain), 400, "domain_forbidden")


def test_a_page_of_another_web_origin_is_refused(browser):
    _, started = browser.start("origin")
    created = browser.create(started, ELSEWHERE)
    browser.refused(browser.register("origin", created), 403, "denied", "wrong_origin")
    browser.registered("origin 2")
    _, begun = browser.authenticate("origin 2")
    used = browser.get(begun, ELSEWHERE)
    browser.refused(browser.finish("origin 2", used), 403, "denied", "wrong_origin")


def test_a_user_who_was_not_verified_is_refused(browser):
    browser.registered("verified")
    _, begun = browser.authenticate("verified")
    session = browser.page.context.new_cdp_session(browser.page)
    session.send("WebAuthn.enable")
    used = browser.get(begun, userVerification="discouraged")
    browser.refused(browser.finish("verified", used), 403, "denied", "user_unverified")


def test_an_answer_for_another_account_is_refused(browser):
    browser.registered("mine")
    other = browser.start("another")[1]
    assert browser.register("another", browser.create(other))[0] == 200
    _, begun = browser.authenticate("mine")
    credential = browser.get(begun)
    browser.refused(browser.finish("another", credential), 404, "not_found")
    assert browser.finish("mine", credential)[0] == 200
