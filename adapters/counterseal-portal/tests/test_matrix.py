"""
Every route for every role, within and out of its reach, by address and by form.

The table says what each role gets of what it reaches; a new route has to be in it. What it does not
reach is not there, whatever the role.
"""

import re

import pytest
from portal_tenants import Tenants

from counterseal_portal.portal import ROLE_ROUTES as ROUTES

OK, SEE_OTHER, FORBIDDEN, MISSING, CONFLICT, UNFIT = 200, 303, 403, 404, 409, 422
ROLES = ("global", "company", "app_space", "support")
ALL = (OK,) * 4
ADMINS = (OK, OK, OK, FORBIDDEN)
COMPANY = (OK, OK, FORBIDDEN, FORBIDDEN)
GLOBAL = (OK, FORBIDDEN, FORBIDDEN, FORBIDDEN)

PAGES = {
    "overview.show": ALL,
    "audit.search": ALL,
    "audit.export": ALL,
    "audit.chain": GLOBAL,
    "audit.verify": GLOBAL,
    "notification.list": ALL,
    "account.search": ALL,
    "account.show": ALL,
    "account.lock": ALL,
    "account.unlock": ALL,
    "account.revoke": ALL,
    "account.erase": ALL,
    "account.suspend_device": ALL,
    "account.resume_device": ALL,
    "account.revoke_device": ALL,
    "account.renew_invitation": ALL,
    "account.lost_device": ALL,
    "account.withdraw_question": ALL,
    "account.invite": ADMINS,
    "account.mail_link": ADMINS,
    "app_space.invite": ADMINS,
    "company.list": (OK, SEE_OTHER, FORBIDDEN, FORBIDDEN),
    "company.show": COMPANY,
    "company.create": GLOBAL,
    "company.edit": COMPANY,
    "company.verify": GLOBAL,
    "company.create_app_space": COMPANY,
    "company.create_admin": COMPANY,
    "app_space.show": ALL,
    "app_space.edit": COMPANY,
    "app_space.brand": COMPANY,
    "app_space.provider": (OK, OK, FORBIDDEN, FORBIDDEN),
    "app_space.provider_test": (OK, OK, FORBIDDEN, FORBIDDEN),
    "app_space.provider_return": (OK, OK, FORBIDDEN, FORBIDDEN),
    "app_space.policy": ALL,
    "app_space.narrow": COMPANY,
    "app_space.create_origin": ADMINS,
    "app_space.create_admin": ADMINS,
    "origin.show": ADMINS,
    "origin.edit": ADMINS,
    "origin.events": ADMINS,
    "origin.client": ADMINS,
    "origin.end_client": ADMINS,
    "origin.policy": ADMINS,
    "origin.narrow": ADMINS,
    "origin.issue_credential": ADMINS,
    "origin.issue_webhook_key": ADMINS,
    "origin.allow_entry": ADMINS,
    "origin.revoke": ADMINS,
    "origin.revoke_credential": ADMINS,
    "origin.forbid_entry": ADMINS,
    "callback.list": ADMINS,
    "callback.list_dead": ADMINS,
    "callback.requeue_all": ADMINS,
    "callback.requeue": ADMINS,
    "callback.drop": ADMINS,
    "admin.list": GLOBAL,
    "admin.show": (OK, OK, OK, FORBIDDEN),
    "admin.create_global": GLOBAL,
    "admin.rotate": (OK, OK, OK, FORBIDDEN),
    "admin.revoke": (OK, OK, OK, FORBIDDEN),
    "admin.link": (OK, OK, OK, FORBIDDEN),
    "admin.end_session": (OK, OK, OK, FORBIDDEN),
    "admin.remove_key": (OK, OK, OK, FORBIDDEN),
}
"""What each of ROLES gets of a page within its reach."""

WITHOUT_A_RECORD = frozenset(
    {
        "overview.show",
        "audit.search",
        "audit.export",
        "audit.chain",
        "audit.verify",
        "notification.list",
        "callback.list_dead",
        "account.search",
        "company.list",
        "company.create",
        "admin.list",
        "admin.create_global",
    }
)
"""Routes whose path names no record."""

FORMS = {
    "audit.export": {"format": "csv"},
    "company.create": {"name": "New"},
    "company.edit": {"name": "Other"},
    "company.verify": {"verified_name": "Other Ltd"},
    "company.create_app_space": {"name": "New", "identified_by": "origin"},
    "company.create_admin": {"name": "New", "kind": "hmac"},
    "app_space.edit": {"name": "Other", "html": "show", "new_devices": ""},
    "app_space.brand": {"color": "#0B5F66"},
    "app_space.provider": {
        "client_id": "other",
        "client_auth": "none",
        "returns": "https://app.example/back",
        "scopes": "openid",
        "algorithms": "ES256",
        "account_claim": "sub",
    },
    "app_space.provider_return": {"state": "none", "code": "none"},
    "app_space.narrow": {"value": "1 minute"},
    "origin.narrow": {"value": "1 minute"},
    "app_space.create_origin": {"name": "New", "role": "asking", "clients": "current"},
    "app_space.create_admin": {"name": "New", "role": "user_support", "kind": "person"},
    "origin.edit": {
        "name": "Other",
        "role": "full",
        "clients": "current",
        "codes": "typed",
        "token_form": "text",
    },
    "origin.events": {"hears": "profile"},
    "origin.client": {"mode": "poll"},
    "origin.issue_credential": {"scheme": "hmac", "hours": "0"},
    "origin.issue_webhook_key": {"hours": "0"},
    "origin.allow_entry": {"kind": "1", "entry": "https://other.example/done"},
    "admin.create_global": {"name": "New", "kind": "hmac"},
    "account.mail_link": {"link_life": "600"},
    "admin.link": {"link_life": "600"},
    "app_space.invite": {"account_id": "new", "user_info": "New Example"},
    "admin.rotate": {"scheme": "hmac", "hours": "0"},
}
"""What is entered; a command has no fields."""

SHOWS_A_PAGE = frozenset(
    {
        "audit.export",
        "company.create_admin",
        "app_space.create_admin",
        "origin.issue_credential",
        "origin.issue_webhook_key",
        "admin.create_global",
        "admin.rotate",
        "admin.link",
        "account.renew_invitation",
        "account.lost_device",
        "account.invite",
        "account.mail_link",
        "app_space.invite",
        "app_space.provider_test",
    }
)
"""Acts whose answer is a page, or a file, and no redirect."""
OF_NO_TEST = frozenset({"app_space.provider_return"})
"""What comes back belongs to no test log-in."""
NOT_AT_THIS_STATE = frozenset({"account.resume_device", "callback.requeue"})
"""Commands that what was made does not allow in its state."""


REQUESTS = dict.fromkeys(PAGES, 3) | {"app_space.brand": 4, "login.show": 4}
"""How many requests a browser sends for a page: the page, its style, the icon, and a script."""


def page_of(route):
    return route.id.removesuffix(".do")


def expected_status(route, role):
    """Return what *role* gets of *route* within its reach."""
    status = PAGES[page_of(route)][ROLES.index(role)]
    if route.method == "GET" or status != OK:
        return status
    if page_of(route) in NOT_AT_THIS_STATE:
        return CONFLICT
    if page_of(route) in OF_NO_TEST:
        return FORBIDDEN
    return OK if page_of(route) in SHOWS_A_PAGE else SEE_OTHER


def call(browser, route, path):
    """Call *route* with what a person would enter."""
    if route.method == "GET":
        return browser.get(path)
    return browser.post(path, FORMS.get(page_of(route), {}))


def test_the_table_has_every_route():
    assert {page_of(route) for route in ROUTES if not route.public} == PAGES.keys()
    posted_ids = {page_of(route) for route in ROUTES if route.method == "POST"}
    assert FORMS.keys() <= posted_ids
    for route in ROUTES:
        if route.method == "POST":
            assert bool(route.fields) == (page_of(route) in FORMS)
        assert ("{" not in route.path) == (page_of(route) in WITHOUT_A_RECORD)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_the_table_says(portal, role):
    # Pages first, and commands on a company of their own, since they change it.
    tenants = Tenants(portal)
    browser = tenants.people()[role]
    for route in ROUTES:
        if route.method == "GET":
            reply = call(browser, route, tenants.address(route))
            assert (route.id, reply.status) == (route.id, expected_status(route, role))
            assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
            assert reply.headers["X-Frame-Options"] == "DENY"


def requests_of(text):
    """Return the addresses of a page's files, and of the page."""
    files = re.findall(r'<(?:script|img)\b[^>]* src="([^"]+)"|<link [^>]*href="([^"]+)"', text)
    return {"", *(src or href for src, href in files if not src.startswith("data:"))}


def test_a_page_takes_as_many_requests_as_the_table_says(portal):
    tenants = Tenants(portal)
    browser = tenants.people()["global"]
    pages = {
        route.id: browser.get(tenants.address(route)) for route in ROUTES if route.method == "GET"
    }
    pages["login.show"] = portal.nobody().get("/login")
    counts = {
        name: len(requests_of(page.text))
        for name, page in pages.items()
        if page.status == OK and name in REQUESTS
    }
    assert counts == {name: REQUESTS[name] for name in counts}
    assert {"overview.show", "app_space.brand", "login.show"} <= counts.keys()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_does_what_the_table_says(portal, role):
    for route in ROUTES:
        if route.method != "POST" or route.public:
            continue
        tenants = Tenants(portal, account_id=f"{role} {route.id}")
        browser = tenants.people()[role]
        reply = call(browser, route, tenants.address(route))
        assert (route.id, reply.status) == (route.id, expected_status(route, role)), reply.text


@pytest.mark.parametrize("role", ROLES[1:])
def test_what_is_out_of_reach_is_not_there(portal, role):
    own, other = Tenants(portal, account_id="own"), Tenants(portal, account_id="other")
    browser = own.people()[role]
    before = snapshot(portal)
    for route in ROUTES:
        if page_of(route) in WITHOUT_A_RECORD or route.public:
            continue
        reply = call(browser, route, other.address(route))
        expected = FORBIDDEN if not route.is_for(admin_of(portal, browser)) else MISSING
        assert (route.id, reply.status) == (route.id, expected)
    assert snapshot(portal) == before


@pytest.mark.parametrize("role", ROLES[1:])
def test_the_use_cases_decide_the_same_without_the_portals_own_list(portal, role, monkeypatch):
    """The roles of a route are for pages that only show a form; every form is refused anyway."""
    own, other = Tenants(portal, account_id="own"), Tenants(portal, account_id="other")
    browser = own.people()[role]
    monkeypatch.setattr("counterseal_portal.routes.Route.is_for", lambda *_: True)
    before = snapshot(portal)
    for route in ROUTES:
        if route.method != "POST" or route.public:
            continue
        if expected_status(route, role) == FORBIDDEN:
            status = call(browser, route, own.address(route)).status
            assert (route.id, status) in {(route.id, FORBIDDEN), (route.id, MISSING)}
        if page_of(route) not in WITHOUT_A_RECORD:
            status = call(browser, route, other.address(route)).status
            assert (route.id, status) in {(route.id, FORBIDDEN), (route.id, MISSING)}
    assert snapshot(portal) == before


def test_nobody_gets_only_the_log_in(portal):
    tenants = Tenants(portal)
    browser, before = portal.nobody(), snapshot(portal)
    for route in ROUTES:
        if not route.public:
            reply = call(browser, route, tenants.address(route))
            assert (route.id, reply.status) == (route.id, SEE_OTHER)
            assert reply.location.startswith("/login")
    assert snapshot(portal) == before


def test_links_lead_only_to_what_the_role_gets(portal):
    """Whatever a page links to is there for the person who sees the page."""
    tenants = Tenants(portal)
    for browser in tenants.people().values():
        followed, waiting = set(), [""]
        while waiting:
            path = waiting.pop()
            # What begins a step-up of one's own needs a real session: test_login.py.
            if path in followed or path.startswith(("/static/", "/own/")):
                continue
            followed.add(path)
            reply = browser.get(path)
            assert (path, reply.status in {OK, SEE_OTHER}) == (path, True)
            waiting += links_in(reply)


def links_in(reply):
    paths = re.findall(r'href="/portal([^"#]*)"', reply.text)
    if reply.status == SEE_OTHER:
        paths.append(reply.location)
    return paths


def admin_of(portal, browser):
    return portal.visitors.by_name[browser._name].admin


def snapshot(portal):
    """Return all records of the store."""
    return dict(portal.service.ports.store._records)
