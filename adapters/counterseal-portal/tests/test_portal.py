"""What every request gets, whatever its page: headers, errors, and who may see it."""

import pytest
from portal_browser import PUBLIC_URL, heading

from counterseal.errors import StoreUnavailable
from counterseal.models import Company
from counterseal_portal.portal import HEADERS
from counterseal_web import REQUEST_ID

SAFE = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def test_every_response_forbids_frames_inline_code_and_caches(portal):
    browser = portal.company_admin()
    replies = [
        browser.get(""),
        browser.get("/absent"),
        browser.send("DELETE", ""),
        browser.get("/static/style.css"),
        browser.get("/static/absent.css"),
        portal.nobody().get(""),
    ]
    assert [reply.status for reply in replies] == [200, 404, 405, 200, 404, 303]
    for reply in replies:
        assert reply.headers.items() >= SAFE.items()
        policy = dict(
            each.split(" ", 1) for each in reply.headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "form-action")} == {"'self'"}
        assert reply.headers["Content-Length"] == str(len(reply.text.encode()))
    assert [reply.headers["Cache-Control"] for reply in replies] == [
        *["no-store"] * 3,
        "no-cache",
        *["no-store"] * 2,
    ]


@pytest.mark.parametrize("path", ["", "/absent"])
def test_an_administrator_of_one_company_reads_its_name_and_has_a_link_to_it(portal, path):
    service = portal.service
    company = service.administration.get(service.app_space.company, Company)
    text = portal.company_admin().get(path).text
    assert f"Company administrator, <bdi>{company.name}</bdi>" in text
    assert f'href="/portal/companies/{company.guid}">Company</a>' in text
    assert "Companies" not in text
    text = portal.global_admin().get(path).text
    assert 'href="/portal/companies">Companies</a>' in text
    assert "Administrator of all companies</span>" in text


def test_a_file_that_the_browser_has_is_not_sent_again(portal):
    browser = portal.nobody()
    etag = browser.get("/static/style.css").headers["ETag"]
    again = browser.send("GET", "/static/style.css", headers={"if-none-match": f'"x", {etag}'})
    assert (again.status, again.text) == (304, "")
    assert browser.send("POST", "/static/style.css").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/static/../portal.py", "/static/base.html", "/static/"])
def test_no_other_file_is_served(portal, path):
    assert portal.nobody().get(path).status == 404


def test_whoever_is_not_logged_in_is_sent_to_the_log_in_and_back(portal):
    reply = portal.nobody().get("")
    assert (reply.status, reply.location) == (303, "/login?next=%2Fportal")


def test_a_method_that_no_route_has(portal):
    reply = portal.company_admin().send("PUT", "")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
    assert heading(reply) == "Not possible"


def test_a_parameter_that_no_page_has_is_refused(portal):
    browser = portal.company_admin()
    assert [browser.send("GET", "", query=query).status for query in ("x=1", "%ff=1")] == [400, 400]


def test_an_error_says_nothing_that_might_be_secret(portal, monkeypatch):
    class BrokenVisitors:
        def visitor(self, request):
            raise ValueError("secret text")

    monkeypatch.setattr(portal.app, "_visitors", BrokenVisitors())
    reply = portal.nobody().get("")
    assert reply.status == 500
    assert "secret text" not in reply.text


def test_a_part_that_does_not_respond(portal, monkeypatch):
    class AbsentVisitors:
        def visitor(self, request):
            raise StoreUnavailable

    monkeypatch.setattr(portal.app, "_visitors", AbsentVisitors())
    reply = portal.nobody().get("")
    assert (reply.status, heading(reply)) == (503, "Not available at the moment")


def test_a_page_of_an_error_names_the_request(portal):
    assert "for the operator's log" not in portal.company_admin().get("/absent").text
    token = REQUEST_ID.set("6f1d-2")
    try:
        replies = [portal.company_admin().get("/absent"), portal.company_admin().get("")]
    finally:
        REQUEST_ID.reset(token)
    assert ["<code>6f1d-2</code>" in reply.text for reply in replies] == [True, False]


def test_no_header_is_sent_twice(portal):
    response = portal.company_admin().get("")
    assert {*HEADERS} <= {*response.headers}
    assert PUBLIC_URL not in response.text


def test_a_revoked_administrator_is_logged_out(portal):
    browser = portal.company_admin()
    name = browser._name
    portal.service.credentials.revoke_admin(portal.visitors.by_name[name].admin.guid)
    reply = browser.get("/accounts")
    assert (reply.status, reply.location) == (303, "/login")


def test_the_address_with_a_slash_leads_to_the_one_without(portal):
    reply = portal.company_admin().get("/")
    assert (reply.status, reply.location) == (303, "")


def test_a_page_that_is_not_there_has_the_navigation_of_whoever_is_logged_in(portal):
    assert 'href="/portal/accounts"' in portal.support().get("/absent").text
    assert 'href="/portal/accounts"' not in portal.nobody().get("/absent").text
