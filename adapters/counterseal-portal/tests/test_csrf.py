"""No form is accepted that a page of this portal did not send in this session."""

import re

import pytest
from portal_browser import FORM, PUBLIC_URL, PortalOfTests, heading
from portal_tenants import Tenants

from counterseal_portal.portal import ROLE_ROUTES as ROUTES

FORGED = {
    "another site": {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    "another site, old browser": {"origin": "https://evil.example", "sec-fetch-site": None},
    "a sandboxed frame": {"origin": "null"},
    "another scheme": {"origin": "http://auth.example"},
    "another port": {"origin": f"{PUBLIC_URL}:8443"},
    "a suffix": {"origin": f"{PUBLIC_URL}.evil.example"},
    "a sibling": {"origin": None, "sec-fetch-site": "same-site"},
    "a bookmark": {"origin": None, "sec-fetch-site": "none"},
    "neither header": {"origin": None, "sec-fetch-site": None},
    "one header contradicts the other": {"sec-fetch-site": "cross-site"},
}


@pytest.fixture
def tenants(portal):
    return Tenants(portal)


def name_of(tenants):
    return tenants.exists()


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_a_form_of_another_origin_is_refused(tenants, headers):
    browser = tenants.people()["company"]
    reply = browser.post(f"/companies/{tenants.company}/edit", {"name": "Evil"}, headers=headers)
    assert (reply.status, heading(reply)) == (403, "The form was not accepted")
    assert name_of(tenants) == "Example"


@pytest.mark.parametrize(
    "headers", [{"origin": PUBLIC_URL, "sec-fetch-site": None}, {"origin": None}]
)
def test_one_of_both_headers_is_enough(tenants, headers):
    browser = tenants.people()["company"]
    path = f"/companies/{tenants.company}/edit"
    assert browser.post(path, {"name": "Other"}, headers=headers).status == 303
    assert name_of(tenants) == "Other"


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        ("https://Auth.Example", "https://auth.example"),
        ("https://auth.example:443", "https://auth.example"),
        ("http://localhost:80", "http://localhost"),
        ("https://auth.example:8443", "https://auth.example:8443"),
    ],
)
def test_browsers_write_the_origin_in_small_letters_and_without_its_default_port(
    public_url, origin
):
    portal = PortalOfTests(public_url=public_url)
    browser = portal.global_admin()
    headers = {"origin": origin, "sec-fetch-site": None}
    assert browser.post("/companies/new", {"name": "Example"}, headers=headers).status == 303
    for other in (
        "https://auth.example:80",
        "http://localhost:443",
        "https://auth.example:4438443",
    ):
        headers = {"origin": other, "sec-fetch-site": None}
        assert browser.post("/companies/new", {"name": "Evil"}, headers=headers).status == 403


def test_every_form_needs_the_token_of_its_session(portal, tenants):
    people = tenants.people()
    other = people["global"].token
    before = dict(portal.service.ports.store._records)
    for route in ROUTES:
        if route.method == "POST" and not route.public:
            for token in ("", "x", other, people["company"].token[:-1]):
                browser = people["company"] if not route.all_companies else people["global"]
                wrong = token if browser.token != token else people["company"].token
                status = browser.post(tenants.address(route), token=wrong).status
                assert (route.id, wrong, status) == (route.id, wrong, 403)
    assert portal.service.ports.store._records == before


def test_a_token_that_comes_twice_is_none(tenants):
    browser = tenants.people()["company"]
    fields = [("name", "Evil"), ("csrf_token", browser.token)]
    assert browser.post(f"/companies/{tenants.company}/edit", fields).status == 403


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/json", "multipart/form-data", ""]
)
def test_a_body_of_another_type_is_refused(tenants, media_type):
    browser = tenants.people()["company"]
    headers = {"content-type": media_type}
    reply = browser.post(f"/companies/{tenants.company}/edit", {"name": "Evil"}, headers=headers)
    assert reply.status == 415
    assert name_of(tenants) == "Example"
    charset = {"content-type": f"{FORM}; charset=UTF-8"}
    path = f"/companies/{tenants.company}/edit"
    assert browser.post(path, {"name": "Other"}, headers=charset).status == 303


def test_a_field_that_no_form_has_is_refused(tenants):
    browser = tenants.people()["company"]
    fields = {"name": "Evil", "admin": "yes"}
    assert browser.post(f"/companies/{tenants.company}/edit", fields).status == 400
    assert name_of(tenants) == "Example"


def test_a_body_that_is_too_large_is_refused(tenants):
    browser = tenants.people()["company"]
    fields = {"name": "x" * 200_000}
    assert browser.post(f"/companies/{tenants.company}/edit", fields).status == 413


def test_every_form_on_every_page_has_the_token(portal, tenants):
    for browser in tenants.people().values():
        for route in ROUTES:
            if route.method == "GET":
                text = browser.get(tenants.address(route)).text
                assert text.count('method="post"') == text.count(f'value="{browser.token}"')
                methods = re.findall(r'<form [^>]*method="(get|post)"', text)
                assert len(methods) == text.count("<form")
