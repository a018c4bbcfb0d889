"""Who has opened a link, and what administrators log in with: pages that show it, and remove it."""

import re
from datetime import timedelta

import pytest
from login_browser import LoginPortal, PersonBrowser

from counterseal import AuditChain
from counterseal.bindings.records import SEEN_STEP
from counterseal.models import OPERATOR, AdminRole, BindingState, SessionState
from counterseal_portal.rendering import time_text

BROWSER = "Firefox on Linux"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
SESSION = "__Host-counterseal-session"
REMOVED = "/own?done=key-removed"


@pytest.fixture
def portal():
    return LoginPortal()


@pytest.fixture
def maker(portal):
    """The browser of an administrator of all companies."""
    browser = PersonBrowser(portal)
    browser.use_link(portal.link(portal.create_person("Maker")))
    return browser


@pytest.fixture
def admin(portal):
    """A support administrator, for whom a link is made."""
    return portal.create_person(
        "Night shift", role=AdminRole.SUPPORT, app_space=portal.service.app_space.guid
    )


@pytest.fixture
def stranger(portal, admin):
    """A browser that has used the administrator's link, and so is the administrator."""
    browser = PersonBrowser(portal)
    browser.use_link(portal.link(admin))
    return browser


def logins_of(portal):
    return portal.app._visitors._logins


def keys_of(portal, admin):
    return logins_of(portal).list_keys(admin.guid)


def time_now(portal):
    return time_text(portal.service.clock.now())


def minutes_pass(portal):
    portal.service.clock.advance(timedelta(minutes=2))


def require_texts(page, *texts):
    assert page.status == 200
    assert [text for text in texts if text not in page.text] == []


# What an administrator logs in with, where a link is made


def test_where_a_link_is_made_a_stranger_who_has_used_one_is_seen(portal, maker, admin, stranger):
    registered = time_now(portal)
    invitation = logins_of(portal).invite_device(stranger.cookies[SESSION])
    phone = portal.service.complete(invitation, portal.service.phone())
    open_invitation = logins_of(portal).invite_device(stranger.cookies[SESSION])
    (passkey, *_) = keys_of(portal, admin)

    for path in (f"/admins/{admin.guid}", f"/admins/{admin.guid}/link"):
        page = maker.get(path)
        require_texts(page, "Passkey</bdi></h3>", BROWSER, registered)
        require_texts(page, "Invitation of a device")
        for guid in (passkey.guid, phone.guid, open_invitation.binding):
            assert f'href="/portal/admins/{admin.guid}/keys/{guid}/remove"' in page.text


def test_the_last_use_of_a_passkey_is_said_where_a_link_is_made(portal, maker, admin, stranger):
    registered = time_now(portal)
    portal.service.clock.advance(SEEN_STEP)
    for browser in (stranger, maker):
        browser.log_in()
    page = maker.get(f"/admins/{admin.guid}/link")
    facts = re.search(r"Passkey</bdi></h3>.*?</dl>", page.text, re.DOTALL)[0]
    assert re.findall(r"<dt>(\w[\w ]*)</dt><dd><time[^>]*>(.*?)</time>", facts) == [
        ("Registered", registered),
        ("Last used", time_now(portal)),
    ]


def test_where_nobody_has_used_a_link_the_page_says_so(portal, maker, admin):
    for path in (f"/admins/{admin.guid}", f"/admins/{admin.guid}/link"):
        require_texts(maker.get(path), "None: nobody can log in as this administrator")


def test_what_a_stranger_has_registered_is_removed_there(portal, maker, admin, stranger):
    (passkey,) = keys_of(portal, admin)
    path = f"/admins/{admin.guid}/keys/{passkey.guid}/remove"
    page = maker.get(path)
    require_texts(page, "Remove this passkey or device?", BROWSER, "Night shift")
    done = maker.submit(page, path)
    assert done.location == f"/admins/{admin.guid}?done=key-removed"
    require_texts(maker.get(done.location), "It is removed", "None: nobody can log in")
    assert not stranger.is_logged_in()
    assert stranger.log_in().status == 403
    # It is gone: there is nothing to confirm.
    assert maker.get(path).status == 404


def test_a_key_of_somebody_else_is_not_removed_there(portal, maker, admin, stranger):
    (passkey,) = keys_of(portal, admin)
    other = portal.create_person("Other")
    path = f"/admins/{other.guid}/keys/{passkey.guid}/remove"
    token = maker.get("").form("/logout")[0]["csrf_token"]
    assert maker.get(path).status == 404
    assert maker.post(path, {"csrf_token": token}).status == 404
    assert keys_of(portal, admin)[0].state is BindingState.ACTIVE


# A link that was opened


def test_whoever_made_a_link_sees_that_it_was_opened(portal, maker, admin):
    page = maker.get(f"/admins/{admin.guid}")
    link = portal.link(admin)
    require_texts(maker.get(f"/admins/{admin.guid}"), "One-time link", "Not opened yet")
    minutes_pass(portal)
    PersonBrowser(portal).post("/link", {"link": link}, **{"user-agent": CHROME})
    opened = "pened in <bdi>Chrome on Windows</bdi> at <time datetime"
    for path in (f"/admins/{admin.guid}", f"/admins/{admin.guid}/link"):
        page = maker.get(path)
        require_texts(page, opened, time_now(portal), "no passkey is registered by it yet")
        assert "Not opened yet" not in page.text
    # Where another one is made, it says of whom it has ended.
    new_page = maker.submit(page, f"/admins/{admin.guid}/link")
    require_texts(new_page, "An earlier link was opened in Chrome on Windows", time_now(portal))


def test_whose_link_it_is_sees_that_it_was_opened(portal, admin, stranger):
    """Their browser is logged in, and another one has opened a newer link."""
    link = portal.link(admin)
    assert "Not opened yet" in stranger.get("/own").text
    minutes_pass(portal)
    PersonBrowser(portal).post("/link", {"link": link}, **{"user-agent": CHROME})
    require_texts(
        stranger.get("/own"),
        "Opened in <bdi>Chrome on Windows</bdi> at <time datetime",
        time_now(portal),
        "If this was not you, end it",
    )


def test_the_audit_log_says_whose_link_was_opened_and_in_which_browser(portal, maker, admin):
    PersonBrowser(portal).post("/link", {"link": portal.link(admin)})
    AuditChain(portal.service.ports, portal.service.policy).chain()
    page = maker.get("/audit?event=session.redeem")
    require_texts(page, "One-time link opened", "Night shift", BROWSER)


def test_a_link_that_was_used_says_what_to_do(portal, admin):
    link = portal.link(admin)
    PersonBrowser(portal).post("/link", {"link": link})
    page = PersonBrowser(portal).post("/link", {"link": link})
    assert page.status == 403
    assert "ask for a newer link" in page.text
    assert "nobody can register a passkey by this one" in page.text


# Removing one's own


@pytest.fixture
def other(portal, stranger):
    """Another browser of the same person."""
    browser = PersonBrowser(portal)
    browser.passkey, browser.handle = stranger.passkey, stranger.handle
    browser.log_in()
    return browser


@pytest.fixture
def second(portal, admin, stranger):
    """The path of the page that removes a second passkey of the person."""
    page = stranger.get("/own/passkey")
    first, stranger.passkey = (
        stranger.passkey,
        type(stranger.passkey)(rp_id="auth.example", origin=portal.public_url),
    )
    answer = stranger.create(page, "/own/passkey")
    stranger.submit(page, "/own/passkey", credential=answer)
    stranger.passkey = first
    return f"/own/keys/{keys_of(portal, admin)[-1].guid}/remove"


def test_removing_a_passkey_leaves_other_sessions_of_the_others(stranger, other, second):
    assert stranger.submit(stranger.get(second), second).location == REMOVED
    assert stranger.is_logged_in()
    assert other.is_logged_in()


def test_removing_a_passkey_ends_all_other_sessions_if_that_is_chosen(
    portal, admin, stranger, other, second
):
    link = portal.link(admin)
    page = stranger.get(second)
    assert '<input type="checkbox" id="field-others" name="others" value="yes"' in page.text
    done = stranger.submit(page, second, others="yes")
    assert done.location == f"{REMOVED}-alone"
    require_texts(stranger.get(done.location), "you are logged in in this browser only")
    assert not other.is_logged_in()
    assert PersonBrowser(portal).post("/link", {"link": link}).status == 403
    states = [each.state for each in portal.service.sessions.list(admin.guid, by=OPERATOR)]
    assert states == [SessionState.ACTIVE]


def test_removing_the_passkey_of_this_session_ends_all_other_sessions_too(
    portal, admin, stranger, other, second
):
    guid = keys_of(portal, admin)[0].guid
    path = f"/own/keys/{guid}/remove"
    assert stranger.submit(stranger.get(path), path, others="yes").location == f"{REMOVED}-alone"
    assert not stranger.is_logged_in()
    states = [each.state for each in portal.service.sessions.list(admin.guid, by=OPERATOR)]
    assert SessionState.ACTIVE not in states


@pytest.mark.parametrize("fields", [{"others": "no"}, {"others": "yes", "sessions": "all"}])
def test_what_no_form_has_removes_nothing(stranger, other, second, fields):
    page = stranger.get(second)
    assert stranger.submit(page, second, **fields).status in {400, 422}
    assert other.is_logged_in()
    assert stranger.get(second).status == 200


def test_other_sessions_are_ended_after_a_step_up_only(portal, stranger, other, second):
    page = stranger.get(second)
    portal.service.clock.advance(portal.service.policy.step_up_life)
    reply = stranger.submit(page, second, others="yes")
    assert reply.location.startswith("/step-up?next=%2Fportal%2Fown%2Fkeys%2F")
    assert other.is_logged_in()
    page = stranger.get(stranger.step_up(reply.location).location)
    assert stranger.submit(page, second, others="yes").location == f"{REMOVED}-alone"


def test_other_sessions_are_not_ended_for_another_site(stranger, other, second):
    page = stranger.get(second)
    token = page.form(second)[0]["csrf_token"]
    forged = ({"origin": "https://evil.example"}, {})
    for headers, csrf_token in zip(forged, (token, "x"), strict=True):
        fields = {"others": "yes", "csrf_token": csrf_token}
        assert stranger.post(second, fields, **headers).status == 403
    assert other.is_logged_in()


def test_a_passkey_that_is_not_there_ends_no_session(portal, maker, stranger, other):
    (of_maker,) = logins_of(portal).list_keys(admin_in(portal, maker))
    path = f"/own/keys/{of_maker.guid}/remove"
    assert stranger.get(path).status == 404
    token = stranger.get("").form("/logout")[0]["csrf_token"]
    assert stranger.post(path, {"csrf_token": token, "others": "yes"}).status == 404
    assert other.is_logged_in()


def admin_in(portal, browser):
    """Return the GUID of who is logged in."""
    return logins_of(portal).sessions.authenticate(browser.cookies[SESSION]).admin.guid
