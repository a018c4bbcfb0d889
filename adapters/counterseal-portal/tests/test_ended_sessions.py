"""Links that were opened and sessions whose passkey has ended, by two browsers over the portal."""

import pytest
from login_browser import LoginPortal, PersonBrowser

from counterseal.ceremonies.records import user_handle
from counterseal.models import OPERATOR
from counterseal_portal.portal import ROUTES

PAGES = [
    route.path
    for route in ROUTES
    if route.method == "GET" and not route.public and "{" not in route.path
]
FORMS = ["/own/device", "/step-up", "/step-up/device", "/companies/new", "/logout"]


@pytest.fixture
def portal():
    return LoginPortal()


@pytest.fixture
def admin(portal):
    return portal.create_person()


def redeem(portal, link):
    """Return a browser that has opened a link, and the page on which it registers a passkey."""
    browser = PersonBrowser(portal)
    assert browser.post("/link", {"link": link}).location == "/link/passkey"
    return browser, browser.get("/link/passkey")


def register(browser, page):
    answer = browser.create(page, "/link/passkey")
    return browser.submit(page, "/link/passkey", credential=answer)


def keys_of(portal, admin):
    return portal.app._visitors._logins.list_keys(admin.guid)


def test_whoever_has_opened_a_link_is_no_administrator_once_there_is_a_newer_one(portal, admin):
    """The owner gets "used already", and asks for a newer link."""
    link = portal.link(admin)
    stranger, page = redeem(portal, link)
    assert PersonBrowser(portal).post("/link", {"link": link}).status == 403
    owner = PersonBrowser(portal)
    assert owner.use_link(portal.link(admin)).location == ""
    assert register(stranger, page).status == 403
    assert not stranger.is_logged_in()
    assert stranger.get("/link/passkey").status == 403
    assert len(keys_of(portal, admin)) == 1
    assert owner.is_logged_in()


def test_a_passkey_that_a_link_registered_logs_in_only_once_its_browser_is_logged_in(portal, admin):
    """As if the process had died between the registration and the log-in."""
    stranger, _ = redeem(portal, portal.link(admin))
    session = stranger.cookies["__Host-counterseal-session"].partition(".")[0]
    binding = portal.service.bind_passkey(
        admin.guid, session=session, domain="auth.example", passkey=stranger.passkey
    )
    stranger.handle = user_handle(binding.account)
    assert stranger.log_in().status == 403
    owner = PersonBrowser(portal)
    owner.use_link(portal.link(admin))
    assert stranger.log_in().status == 403
    portal.service.clock.advance(portal.service.policy.ceremony_life)
    portal.service.sweep()
    assert [key.state.value for key in keys_of(portal, admin)] == ["REVOKED", "ACTIVE"]


@pytest.fixture
def two_browsers(portal, admin):
    """Two browsers of one administrator, each with a passkey of its own."""
    browsers = PersonBrowser(portal), PersonBrowser(portal)
    for browser in browsers:
        assert browser.use_link(portal.link(admin)).location == ""
    return browsers


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_shown_in_a_session_whose_passkey_was_revoked(portal, admin, two_browsers, path):
    lost, other = two_browsers
    status = other.get(path).status
    portal.service.devices.revoke(keys_of(portal, admin)[0].guid, by=OPERATOR)
    assert lost.get(path).location.startswith("/login")
    assert other.get(path).status == status


@pytest.mark.parametrize("path", FORMS)
def test_no_form_is_taken_in_a_session_whose_passkey_was_revoked(portal, admin, two_browsers, path):
    lost, _ = two_browsers
    token = lost.get("/own").form("/own/device")[0]
    portal.service.devices.revoke(keys_of(portal, admin)[0].guid, by=OPERATOR)
    before = portal.service.ports.store._records.copy()
    page = lost.post(path, token)
    assert page.status in {303, 403}
    assert dict(page.headers).get("Location", "/portal/login").startswith("/portal/login")
    changed = {
        type(record).__name__
        for guid, record in portal.service.ports.store._records.items()
        if before.get(guid) != record
    }
    assert changed <= {"Session"}
    assert not lost.is_logged_in()


def test_a_passkey_that_is_being_added_when_its_session_ends_is_not_added(
    portal, admin, two_browsers
):
    lost, _ = two_browsers
    page = lost.get("/own/passkey")
    answer = lost.create(page, "/own/passkey")
    first, _ = keys_of(portal, admin)
    portal.service.devices.revoke(first.guid, by=OPERATOR)
    assert lost.submit(page, "/own/passkey", credential=answer).location.startswith("/login")
    assert len(keys_of(portal, admin)) == 2


def test_a_step_up_is_refused_in_a_session_whose_passkey_was_revoked(portal, admin, two_browsers):
    lost, other = two_browsers
    portal.service.clock.advance(portal.service.policy.step_up_life)
    page = lost.get("/step-up")
    first, _ = keys_of(portal, admin)
    portal.service.devices.revoke(first.guid, by=OPERATOR)
    lost.passkey, lost.handle = other.passkey, other.handle
    answer = lost.answer(page, "/step-up")
    assert lost.submit(page, "/step-up", credential=answer).location.startswith("/login")
    assert not lost.is_logged_in()
    assert other.is_logged_in()
