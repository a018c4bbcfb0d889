"""An App Space's staff make an origin a CIBA client, change how it is one, and end it."""

import json
import re

import pytest
from portal_browser import PUBLIC_URL, heading, require_page
from portal_tenants import make_client

from counterseal.keys import generate, jwks_document
from counterseal.models import Algorithm, DeliveryMode, Origin, Scheme
from counterseal_testing.service import CALLBACK


@pytest.fixture
def origin(portal):
    """The path of the origin."""
    return f"/origins/{portal.service.origin.origin.guid}"


@pytest.fixture
def browser(portal):
    return portal.app_space_admin()


def stored_client(portal):
    guid = portal.service.origin.origin.guid
    return portal.service.administration.get(guid, Origin).backchannel


def key_set(*algorithms):
    keys = [generate(each, kid=f"key-{index}").public for index, each in enumerate(algorithms)]
    return json.dumps(jwks_document(keys))


def facts_in(text):
    section = text[text.index('id="client"') :]
    return dict(re.findall(r"<dt>([^<]+)</dt><dd><bdi>([^<]*)</bdi>", section))


def test_an_origin_is_made_a_client_that_polls(portal, browser, origin):
    text = require_page(browser.get(origin))
    assert "It is none: it asks by the origin API." in text
    assert "Make it a CIBA client" in text

    saved = browser.post(f"{origin}/ciba", {"mode": "poll"})

    text = require_page(browser.get(saved.location))
    assert "The origin is a CIBA client." in text
    assert facts_in(text) == {
        "Issuer": PUBLIC_URL,
        "Client id": portal.service.origin.origin.guid,
        "Mode": "It polls",
        "Pings are sent to": "Nowhere",
        "Public keys": "None",
        "Audience": "The issuer",
        "Authenticates by": "Nothing yet: it has no key and no Basic credential",
    }
    assert stored_client(portal).mode is DeliveryMode.POLL


def test_its_secret_is_the_basic_credential(browser, origin):
    browser.post(f"{origin}/ciba", {"mode": "poll"})
    text = require_page(browser.post(f"{origin}/credentials/new", {"scheme": Scheme.BASIC.value}))
    assert 'class="secret"' in text

    facts = facts_in(require_page(browser.get(origin)))

    assert facts["Authenticates by"] == "client_secret_basic"


def test_a_client_that_is_pinged_has_an_address_of_the_allow_list(portal, browser, origin):
    form = require_page(browser.get(f"{origin}/ciba"))
    assert f'<option value="{CALLBACK}">' in form
    fields = {"mode": "ping", "endpoint": CALLBACK, "keys": key_set(Algorithm.ES256)}

    saved = browser.post(f"{origin}/ciba", fields)

    facts = facts_in(require_page(browser.get(saved.location)))
    assert facts["Pings are sent to"] == CALLBACK
    assert facts["Public keys"] == "key-0 (ES256)"
    assert facts["Authenticates by"] == "private_key_jwt"
    form = require_page(browser.get(f"{origin}/ciba"))
    assert f'value="{CALLBACK}" autocomplete' in form
    assert re.search(r'value="ping" checked', form)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"mode": "ping"}, ("endpoint", "the mode ping has one")),
        ({"mode": "poll", "endpoint": CALLBACK}, ("endpoint", "poll has none")),
        ({"mode": "ping", "endpoint": "https://b.example/"}, ("endpoint", "not on the allow-list")),
        ({"mode": "ping", "endpoint": "https://odd.example/"}, ("endpoint", "Nothing can be sent")),
        ({}, ("mode", "Choose one.")),
        ({"mode": "poll", "keys": "{"}, ("keys", "This is not JSON.")),
        ({"mode": "poll", "keys": "[]"}, ("keys", "This is not a JWK Set.")),
        ({"mode": "poll", "keys": "{}"}, ("keys", "not a JWK Set of at most 8 keys")),
        ({"mode": "poll", "keys": '{"keys": [{}]}'}, ("keys", "jwks.keys[0].kid")),
        (
            {"mode": "poll", "keys": key_set(Algorithm.ML_DSA_44)},
            ("keys", "A key does not fit: alg: not an allowed algorithm"),
        ),
    ],
)
def test_what_does_not_fit_is_beside_its_field(portal, browser, origin, fields, error):
    field, problem = error
    portal.service.sender.uncallable = {"https://odd.example/": "private"}

    text = require_page(browser.post(f"{origin}/ciba", fields), 422)

    assert problem in re.search(rf'id="error-{field}">([^<]*)<', text)[1]
    assert stored_client(portal) is None


def test_keys_stay_until_others_are_given_or_they_are_removed(portal, browser, origin):
    path = f"{origin}/ciba"
    assert 'name="no_keys"' not in require_page(browser.get(path))
    both = key_set(Algorithm.ES256, Algorithm.EDDSA)
    browser.post(path, {"mode": "poll", "keys": both})
    browser.post(path, {"mode": "poll"})
    assert [key.kid for key in stored_client(portal).keys] == ["key-0", "key-1"]

    contradiction = browser.post(path, {"mode": "poll", "keys": both, "no_keys": "yes"})
    assert 'id="error-keys"' in require_page(contradiction, 422)
    assert len(stored_client(portal).keys) == 2

    assert 'name="no_keys"' in require_page(browser.get(path))
    browser.post(path, {"mode": "poll", "no_keys": "yes"})
    assert stored_client(portal).keys == ()


def test_an_administrator_lets_a_client_name_endpoints_as_audience(portal, browser, origin):
    path = f"{origin}/ciba"
    box = r'name="endpoint_audiences"[^>]* checked'
    saved = browser.post(path, {"mode": "poll", "endpoint_audiences": "yes"})
    assert stored_client(portal).endpoint_audiences
    facts = facts_in(require_page(browser.get(saved.location)))
    assert facts["Audience"] == "The issuer, or an endpoint"
    assert re.search(box, require_page(browser.get(path)))

    browser.post(path, {"mode": "poll"})

    assert not stored_client(portal).endpoint_audiences
    assert facts_in(require_page(browser.get(saved.location)))["Audience"] == "The issuer"
    assert not re.search(box, require_page(browser.get(path)))


def test_a_client_is_ended_after_the_page_that_says_what_follows(portal, browser, origin):
    service = portal.service
    assert browser.get(f"{origin}/ciba/end").status == 404
    assert browser.post(f"{origin}/ciba/end").status == 404
    make_client(service.ports, service.policy, service.origin.origin.guid, CALLBACK)
    page = browser.get(f"{origin}/ciba/end")
    assert heading(page) == "Let this origin be a CIBA client no longer?"
    assert "key-1 (ES256)" in require_page(page)

    ended = browser.post(f"{origin}/ciba/end")

    assert "The origin is a CIBA client no longer." in require_page(browser.get(ended.location))
    assert stored_client(portal) is None


def test_a_client_is_changed_and_ended_after_a_step_up_only(portal, origin):
    browser = portal.app_space_admin(stepped_up=False)
    for path, question in (("ciba", "Change+a+CIBA+client"), ("ciba/end", "End+a+CIBA+client")):
        for reply in (browser.get(f"{origin}/{path}"), browser.post(f"{origin}/{path}")):
            assert reply.location.startswith("/step-up?")
            assert question in reply.location
    assert stored_client(portal) is None
