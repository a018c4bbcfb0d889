"""The log-in: links, passkeys, devices, step-up and sessions, without a browser."""

from collections import Counter
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import attrs
import pytest
from login_browser import FIREFOX, LoginPortal, PersonBrowser

from counterseal import STANDARD
from counterseal.device import own_comparison_code
from counterseal.errors import InvalidField
from counterseal.models import OPERATOR, BindingState, NewDeviceRule, SessionState
from counterseal_portal.answers import destination, page
from counterseal_portal.cookies import LIMIT, Cookie, cookie_name, read_cookie
from counterseal_portal.event_labels import REFUSALS
from counterseal_portal.portal import LOG_IN_ROUTES, ROUTES
from counterseal_portal.routes import Route, Routes
from counterseal_portal.session_rows import describe_browser
from counterseal_portal.step_up import ANYTHING, known_question
from counterseal_portal.visitors import csrf_token
from counterseal_web import Request
from counterseal_web.router import NAME

SESSION = "__Host-counterseal-session"
BROWSER = "__Host-counterseal-browser"
CHALLENGE = "__Host-counterseal-challenge"
ADD = "Add a passkey or a device to your account"

FORMS = [route for route in LOG_IN_ROUTES if route.method == "POST"]
PUBLIC_FORMS = [route.path for route in FORMS if route.public]
OWN_FORMS = [route.path for route in FORMS if not route.public]


@pytest.fixture
def portal():
    return LoginPortal()


@pytest.fixture
def admin(portal):
    return portal.create_person()


@pytest.fixture
def browser(portal, admin):
    """A browser that has used a link, and is logged in."""
    browser = PersonBrowser(portal)
    assert browser.use_link(portal.link(admin)).status == 303
    return browser


@pytest.fixture
def phone(portal, browser):
    """The administrator's own device."""
    logins = portal.app._visitors._logins
    invitation = logins.invite_device(browser.cookies[SESSION])
    return portal.service.complete(invitation, portal.service.phone())


# The link


def test_the_page_of_a_link_uses_nothing_up(portal, admin):
    link, browser = portal.link(admin), PersonBrowser(portal)
    for _ in range(3):
        page = browser.get("/link")
        assert page.status == 200
        assert page.cookies == []
        assert link not in page.text
    assert browser.use_link(link).location == ""
    assert browser.is_logged_in()


def test_a_link_serves_once(portal, admin):
    link = portal.link(admin)
    PersonBrowser(portal).use_link(link)

    page = PersonBrowser(portal).post("/link", {"link": link})
    assert page.status == 403
    assert "was used already" in page.text
    assert page.cookies == []


@pytest.mark.parametrize("link", ["", "x", "00000000-0000-8000-8000-000000000000.x", "\xe9.x"])
def test_what_is_no_link_says_the_same(portal, link):
    page = PersonBrowser(portal).post("/link", {"link": link})
    assert (page.status, "was used already" in page.text) == (403, True)


def test_a_browser_that_enrols_sees_nothing_else(portal, admin):
    browser = PersonBrowser(portal)
    browser.post("/link", {"link": portal.link(admin)})
    assert browser.get("").location == "/login?next=%2Fportal"
    assert browser.get("/link/passkey").status == 200


def test_the_page_of_the_passkey_is_for_who_has_the_link(portal):
    assert PersonBrowser(portal).get("/link/passkey").status == 403


def test_a_passkey_that_was_not_made_may_be_tried_again(portal, admin):
    browser = PersonBrowser(portal)
    browser.post("/link", {"link": portal.link(admin)})
    page = browser.submit(browser.get("/link/passkey"), "/link/passkey")
    assert (page.status, "not registered" in page.text) == (403, True)
    answer = browser.create(page, "/link/passkey")
    assert browser.submit(page, "/link/passkey", credential=answer).location == ""


def test_a_link_ends_the_session_that_the_browser_had(portal, browser):
    """Its cookie is replaced, so that the log-in that follows cannot end it."""
    old_cookie = browser.cookies[SESSION]
    link = portal.link(portal.create_person("Other"))
    assert browser.submit(browser.get("/link"), "/link", link=link).location == "/link/passkey"

    earlier = PersonBrowser(portal)
    earlier.cookies[SESSION] = old_cookie
    assert not earlier.is_logged_in()


def test_a_link_that_does_not_serve_ends_no_session(browser):
    assert browser.submit(browser.get("/link"), "/link", link="x").status == 403
    assert browser.is_logged_in()


# Cookies


def test_the_cookies_are_for_this_host_alone(portal, admin):
    browser = PersonBrowser(portal)
    cookies = browser.use_link(portal.link(admin)).cookies
    for name, rest in (
        (SESSION, "Path=/; HttpOnly; SameSite=Lax; Secure"),
        (BROWSER, "Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=7776000"),
        (CHALLENGE, "Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0"),
    ):
        (header,) = (one for one in cookies if one.startswith(f"{name}="))
        assert header.partition("; ")[2] == rest


def test_in_development_the_cookies_are_for_the_portal(admin, portal):
    portal.public_url = "http://localhost:8787"
    portal.use(portal.public_url)
    browser = PersonBrowser(portal)
    for header in browser.use_link(portal.link(admin)).cookies:
        assert header.startswith("counterseal-")
        assert "; Path=/portal; HttpOnly; SameSite=" in header
        assert "Secure" not in header
    assert browser.is_logged_in()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("", ""),
        (f"{SESSION}=a.b", "a.b"),
        (f"x=y; {SESSION}=a.b;z=", "a.b"),
        (f"{SESSION}=a; {SESSION}=b", ""),
        ("counterseal-session=a", ""),
        (SESSION, ""),
        (f"{SESSION}={'a' * (LIMIT + 1)}", ""),
    ],
)
def test_a_cookie_is_read_once_and_by_its_whole_name(header, value):
    request = Request(
        method="GET", path="/", query=b"", headers={"cookie": header}, read_body=lambda _: b""
    )
    assert read_cookie(request, Cookie.SESSION, "https://auth.example") == value


def test_an_address_without_passkeys_serves_no_portal():
    with pytest.raises(InvalidField, match="public_url"):
        LoginPortal("http://127.0.0.1:8787")


# Passkeys


def test_a_log_in_goes_on_to_the_page_that_was_meant(browser):
    browser.log_out()
    assert not browser.is_logged_in()
    login = browser.get("/accounts?q=zoe").location
    assert browser.log_in(login).location == "/accounts?q=zoe"
    assert browser.is_logged_in()
    assert browser.get(login).location == "/accounts?q=zoe"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "/portal//evil.example",
        "/portal/../admin",
        "/portals",
        "/portal/x\r\nSet-Cookie: a=b",
        "/portal/\u202e",
        "javascript:alert(1)",
        "/portal?" + "a" * 1000,
    ],
)
def test_a_log_in_leads_to_no_other_place(browser, text):
    assert destination(text) == ""


def test_a_destination_is_a_page_of_the_portal():
    assert destination("/portal") == ""
    assert destination("/portal/accounts?q=zoe%20x") == "/accounts?q=zoe%20x"


def test_nobody_goes_on_with_a_cookie_from_before_the_log_in(portal, browser):
    """Session fixation: what somebody has planted is never logged in."""
    old_cookie = browser.cookies[SESSION]
    attacker = PersonBrowser(portal)
    attacker.cookies[SESSION] = old_cookie
    browser.submit(browser.get(""), "/logout")
    browser.cookies[SESSION] = old_cookie
    browser.log_in()
    assert browser.cookies[SESSION] != old_cookie
    assert browser.is_logged_in()
    assert not attacker.is_logged_in()


def test_a_planted_session_of_the_attacker_ends_at_the_log_in(portal, browser):
    attacker = PersonBrowser(portal)
    attacker.use_link(portal.link(portal.create_person("Attacker")))
    browser.log_out()
    page = browser.get("/login")
    answer = browser.answer(page, "/login")
    browser.cookies[SESSION] = attacker.cookies[SESSION]
    token = csrf_token(attacker.cookies[SESSION])
    browser.submit(page, "/login", credential=answer, csrf_token=token)
    assert browser.is_logged_in()
    assert not attacker.is_logged_in()


def test_a_log_in_that_fails_says_one_thing(browser):
    browser.log_out()
    texts = set()
    for damage in ("credential", "ticket", "handle", "key"):
        page = browser.get("/login")
        fields = {"credential": browser.answer(page, "/login")}
        if damage in fields:
            fields = {damage: "{}"}
        elif damage == "ticket":
            fields[damage] = "AAAA"
        elif damage == "handle":
            fields["credential"] = fields["credential"].replace('"userHandle": "', '"x": "')
        else:
            fields["credential"] = fields["credential"].replace('"id": "', '"id": "AA')
        reply = browser.submit(page, "/login", **fields)
        assert reply.status == 403
        texts.add(reply.text.partition("<noscript>")[0])
        assert reply.cookies == []
    assert len(texts) == 1
    assert not browser.is_logged_in()


def test_a_log_in_serves_once(portal, browser):
    browser.log_out()
    page = browser.get("/login")
    answer = browser.answer(page, "/login")
    assert browser.submit(page, "/login", credential=answer).status == 303
    thief = PersonBrowser(portal)
    assert thief.submit(page, "/login", credential=answer).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "null"},
    ],
)
@pytest.mark.parametrize("path", PUBLIC_FORMS)
def test_no_other_site_logs_anybody_in(portal, path, headers):
    page = PersonBrowser(portal).post(path, {}, **headers)
    assert (page.status, page.cookies) == (403, [])
    assert "The form was not accepted" in page.text


GUID = "2f39e3b0-0d51-8c4a-9d3e-6d2a4f6b8c01"
INVENTED = {name: f"{GUID}.{name.lower()}" for name in (SESSION, BROWSER, CHALLENGE)}
"""Cookies that a stranger has made up, by name."""


def refusals_of(portal, caplog, make_request):
    """Return the codes of refusals that *make_request* leaves in the audit log, and in the log."""
    events_before = len(portal.service.ports.audit.events)
    caplog.clear()
    with caplog.at_level("INFO", "counterseal_portal"):
        make_request()
    events = portal.service.ports.audit.events[events_before:]
    prefix = "refused: "
    logged = [line.removeprefix(prefix) for line in caplog.messages if line.startswith(prefix)]
    assert not [value for value in INVENTED.values() if value in caplog.text]
    return Counter(event.reason for event in events if event.reason in REFUSALS), Counter(logged)


@pytest.mark.parametrize("path", ["", "/accounts", "/login", "/own", "/no-such-page"])
def test_a_page_with_an_invented_cookie_has_a_line_in_the_log(portal, path, caplog):
    stranger = PersonBrowser(portal)
    stranger.cookies = {SESSION: INVENTED[SESSION]}
    audited, logged = refusals_of(portal, caplog, lambda: stranger.get(path))
    assert audited == Counter(["wrong_token"])
    assert logged >= audited


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.id)
@pytest.mark.parametrize("cookies", ["invented", "own"])
def test_each_refusal_of_a_page_that_is_audited_is_logged(portal, browser, route, cookies, caplog):
    """A stranger's, and those of a person who is logged in and sends forms that do not fit."""
    if cookies == "invented":
        browser.cookies = dict(INVENTED)
    path = NAME.sub(GUID, route.path)
    fields = {**dict.fromkeys(route.fields, "invented"), "csrf_token": ""}
    if SESSION in browser.cookies:
        fields["csrf_token"] = csrf_token(browser.cookies[SESSION])
    make_request = (
        partial(browser.get, path) if route.method == "GET" else partial(browser.post, path, fields)
    )
    audited, logged = refusals_of(portal, caplog, make_request)
    assert logged >= audited
    if cookies == "invented":
        assert audited["wrong_token"] >= 1


def post_own(browser, path, **fields):
    return browser.post(path, {**fields, "csrf_token": csrf_token(browser.cookies[SESSION])})


@pytest.mark.parametrize(
    ("make_request", "reason"),
    [
        (lambda browser: post_own(browser, "/companies/new", name="x" * 999), "invalid_field"),
        (lambda browser: browser.get(f"/accounts?q={GUID}"), "not_found"),
        (lambda browser: browser.get(f"/accounts?q={'z' * 999}&app_space={GUID}"), "not_found"),
        (lambda browser: browser.get(f"/audit?performer={'z' * 999}"), "invalid_field"),
    ],
)
def test_a_refusal_that_a_page_explains_is_logged_too(
    portal, browser, make_request, reason, caplog
):
    audited, logged = refusals_of(portal, caplog, lambda: make_request(browser))
    assert audited == Counter([reason])
    assert logged >= audited


def test_a_person_who_was_revoked_has_a_line_in_the_log(portal, admin, browser, caplog):
    portal.service.credentials.revoke_admin(admin.guid)
    audited, logged = refusals_of(portal, caplog, lambda: browser.get(""))
    assert sum(audited.values()) == 1
    assert logged >= audited


def test_no_page_of_the_log_in_can_be_framed(portal, browser):
    """Neither before it, nor in a browser that is logged in, nor what a form answers."""
    for person in (PersonBrowser(portal), browser):
        for route in LOG_IN_ROUTES:
            path = route.path.format(session="x", key="x")
            page = person.get(path) if route.method == "GET" else person.post(path)
            headers = dict(page.headers)
            assert (route.id, headers["X-Frame-Options"]) == (route.id, "DENY")
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


# Sessions


def test_a_session_ends_by_idleness_and_by_age(portal, browser):
    clock, policy = portal.service.clock, portal.service.policy
    clock.advance(policy.portal_session_idle)
    assert browser.get("").location == "/login?next=%2Fportal"

    browser.log_in()
    for _ in range(policy.portal_session_life // timedelta(minutes=10) - 1):
        clock.advance(timedelta(minutes=10))
        assert browser.is_logged_in()
    clock.advance(timedelta(minutes=10))
    assert not browser.is_logged_in()


def test_a_revoked_administrator_is_logged_out(portal, admin, browser):
    assert browser.is_logged_in()
    portal.service.credentials.revoke_admin(admin.guid)
    assert not browser.is_logged_in()
    assert browser.log_in().status == 403


def test_the_session_is_ended_by_the_log_out(portal, browser):
    thief = PersonBrowser(portal)
    thief.cookies = dict(browser.cookies)
    assert thief.is_logged_in()
    assert browser.log_out().location == "/login"
    assert SESSION not in browser.cookies
    assert not thief.is_logged_in()


def test_sessions_are_listed_and_ended(portal, admin, browser):
    other = PersonBrowser(portal)
    other.passkey, other.handle = browser.passkey, browser.handle
    other.log_in()
    page = browser.get("/own")
    assert page.text.count("Firefox on Linux</bdi></h3>") == 2
    assert page.text.count("This browser") == 1
    (session,) = (
        each
        for each in portal.service.sessions.list(admin.guid, by=OPERATOR)
        if other.cookies[SESSION].startswith(each.guid)
    )
    assert browser.submit(page, f"/own/sessions/{session.guid}/end").status == 303
    assert not other.is_logged_in()
    assert browser.is_logged_in()


def test_nobody_ends_a_session_of_somebody_else_there(portal, browser):
    other = PersonBrowser(portal)
    other.use_link(portal.link(portal.create_person("Other")))
    guid = other.cookies[SESSION].partition(".")[0]
    token = browser.get("/own").form("/logout")[0]["csrf_token"]
    assert browser.post(f"/own/sessions/{guid}/end", {"csrf_token": token}).status == 404
    assert other.is_logged_in()


def test_each_own_form_needs_the_token_of_its_session(portal, browser):
    """And an older one of the same session is none any more."""
    other = PersonBrowser(portal)
    other.use_link(portal.link(portal.create_person("Other")))
    wrong = other.get("").form("/logout")[0]["csrf_token"]
    older = browser.get("").form("/logout")[0]["csrf_token"]
    portal.service.clock.advance(portal.service.policy.step_up_life)
    browser.step_up("/step-up?next=/portal/own")
    guid = browser.cookies[SESSION].partition(".")[0]
    assert {"/logout", "/step-up", "/own/passkey", "/own/device"} < set(OWN_FORMS)
    for form in OWN_FORMS:
        path = form.format(session=guid, key=guid)
        for token in ("", "x", wrong, older):
            assert browser.post(path, {"csrf_token": token}).status == 403
    assert browser.is_logged_in()


# Step-up


def test_a_step_up_leads_back_and_changes_the_cookie(portal, browser):
    portal.service.clock.advance(portal.service.policy.step_up_life)
    thief = PersonBrowser(portal)
    thief.cookies = dict(browser.cookies)
    address = browser.get("/own/passkey").location
    assert address.startswith("/step-up?next=%2Fportal%2Fown%2Fpasskey&title=Add")
    page = browser.get(address)
    assert f"{ADD}?" in page.text
    assert browser.step_up(address).location == "/own/passkey"
    assert browser.get("/own/passkey").status == 200
    assert not thief.is_logged_in()


def test_a_step_up_by_somebody_elses_passkey_is_refused(portal, browser):
    other = PersonBrowser(portal)
    other.use_link(portal.link(portal.create_person("Other")))
    portal.service.clock.advance(portal.service.policy.step_up_life)
    page = browser.get("/step-up?next=/portal/own")
    answer = other.answer(page, "/step-up")
    assert browser.submit(page, "/step-up", credential=answer).status == 403
    assert browser.get("/own/passkey").status == 303


def test_whoever_is_stepped_up_goes_on(browser):
    assert browser.get("/step-up?next=/portal/own&title=x").location == "/own"


def test_an_address_does_not_say_what_the_device_is_asked():
    visit = SimpleNamespace(questions=Routes(ROUTES).questions)

    assert known_question(visit, "Approve your holiday?") == ANYTHING
    assert known_question(visit, f"{ADD}?") == f"{ADD}?"


def test_a_page_of_the_host_may_ask_for_a_confirmation():
    route = Route(
        id="shop.close",
        method="GET",
        path="/shop",
        handler=lambda _: page("shop.html"),
        stepped_up="Close the shop",
    )
    visit = SimpleNamespace(questions=Routes((*ROUTES, route)).questions)

    assert known_question(visit, "Close the shop?") == "Close the shop?"


def test_passkeys_are_added_and_removed(portal, admin, browser):
    page = browser.get("/own/passkey")
    browser.passkey = type(browser.passkey)(rp_id="auth.example", origin=portal.public_url)
    answer = browser.create(page, "/own/passkey")
    assert browser.submit(page, "/own/passkey", credential=answer).location.startswith("/own?")
    page = browser.get("/own")
    assert page.text.count("/remove") == 2
    first, added = portal.app._visitors._logins.list_keys(admin.guid)
    path = f"/own/keys/{added.guid}/remove"
    assert f'href="/portal{path}"' in page.text
    reply = browser.submit(browser.get(path), path)
    assert reply.location == "/own?done=key-removed"
    page = browser.get("/own")
    assert page.text.count("/remove") == 1
    # The session ends with the passkey that opened it.
    path = f"/own/keys/{first.guid}/remove"
    browser.submit(browser.get(path), path)
    assert not browser.is_logged_in()


# The person's own device


def test_a_device_is_added_by_a_qr_code(portal, browser):
    page = browser.submit(browser.get("/own"), "/own/device")
    assert page.status == 200
    assert "<svg" in page.text
    assert "style=" not in page.text


@pytest.fixture
def unconfirmed():
    """A portal where new devices have to be confirmed, a browser, and an own new device."""
    policy = attrs.evolve(STANDARD, new_devices=NewDeviceRule.CONFIRMED)
    portal = LoginPortal(policy=policy)
    browser = PersonBrowser(portal)
    browser.use_link(portal.link(portal.create_person()))
    invitation = portal.app._visitors._logins.invite_device(browser.cookies[SESSION])
    phone = portal.service.complete(invitation, portal.service.phone())
    return portal, browser, phone


def test_an_own_new_device_is_confirmed_by_the_code_that_it_shows(unconfirmed, caplog):
    portal, browser, phone = unconfirmed
    path = f"/own/keys/{phone.guid}/confirm"
    assert f'href="/portal{path}"' in browser.get("/own").text
    page = browser.get(path)
    assert page.status == 200
    replies = []
    audited, logged = refusals_of(
        portal, caplog, lambda: replies.append(browser.submit(page, path, code="wrong"))
    )
    assert audited == Counter(["wrong_code"])
    assert logged >= audited
    (wrong,) = replies
    assert wrong.status == 422
    assert "attempts left: 2" in wrong.text
    code = own_comparison_code(phone.device, pin=phone.pin)
    done = browser.submit(wrong, path, code=f" {code.lower()} ")
    assert done.location == "/own?done=device-confirmed"
    (binding,) = portal.service.ports.store.get(phone.guid)
    assert binding.state is BindingState.ACTIVE
    assert browser.get(path).status == 404
    assert path not in browser.get("/own").text


def test_wrong_codes_remove_an_own_new_device(unconfirmed):
    portal, browser, phone = unconfirmed
    path = f"/own/keys/{phone.guid}/confirm"
    page = browser.get(path)
    while True:
        answer = browser.submit(page, path, code="wrong")
        if answer.status != 422:
            break
    assert answer.location == "/own?done=device-miscompared"
    (binding,) = portal.service.ports.store.get(phone.guid)
    assert binding.state is BindingState.REVOKED


def test_nobody_confirms_a_device_of_somebody_else_there(unconfirmed):
    portal, _, phone = unconfirmed
    other = PersonBrowser(portal)
    other.use_link(portal.link(portal.create_person("Other")))
    path = f"/own/keys/{phone.guid}/confirm"
    assert other.get(path).status == 404
    token = other.get("").form("/logout")[0]["csrf_token"]
    code = own_comparison_code(phone.device, pin=phone.pin)
    assert other.post(path, {"csrf_token": token, "code": code}).status == 404
    (binding,) = portal.service.ports.store.get(phone.guid)
    assert binding.state is BindingState.UNCONFIRMED


def test_an_own_new_device_is_confirmed_after_a_step_up_only(unconfirmed):
    portal, browser, phone = unconfirmed
    portal.service.clock.advance(portal.service.policy.step_up_life)
    reply = browser.get(f"/own/keys/{phone.guid}/confirm")
    assert reply.location.startswith("/step-up?next=%2Fportal%2Fown%2Fkeys%2F")


def test_a_stranger_is_offered_the_passkey_only(portal, phone):
    stranger = PersonBrowser(portal)
    assert "/login/device" not in stranger.get("/login").text
    page = stranger.post("/login/device", {})
    assert page.status == 403
    assert portal.service.notifications.due() == ()


def test_a_log_in_by_the_own_device(portal, browser, phone):
    browser.log_out()
    page = browser.submit(browser.get("/login?next=/portal/accounts"), "/login/device")
    assert page.location == "/login/device?next=%2Fportal%2Faccounts"
    code_page = browser.get(page.location)
    logins = portal.app._visitors._logins
    answer = logins.answer(browser.cookies[CHALLENGE])
    assert answer.code in code_page.text
    assert browser.get("/login/device/state").status == 202
    assert browser.submit(code_page, "/login/device/finish").location == page.location

    phone.answer(answer.challenge, code=answer.code)
    assert browser.get("/login/device/state").status == 200
    reply = browser.submit(code_page, "/login/device/finish")
    assert reply.location == "/accounts"
    assert browser.is_logged_in()
    assert CHALLENGE not in browser.cookies


def test_a_device_that_refuses_logs_nobody_in(portal, browser, phone):
    browser.log_out()
    browser.submit(browser.get("/login"), "/login/device")
    code_page = browser.get("/login/device")
    challenge = portal.app._visitors._logins.answer(browser.cookies[CHALLENGE]).challenge
    phone.answer(challenge, 1)
    reply = browser.submit(code_page, "/login/device/finish")
    assert (reply.status, "did not approve" in reply.text) == (403, True)
    assert not browser.is_logged_in()


def test_a_challenge_that_nobody_began_is_no_log_in(portal):
    stranger = PersonBrowser(portal)
    assert stranger.get("/login/device").status == 403
    assert stranger.get("/login/device/state").status == 200
    assert stranger.post("/login/device/finish", {}).status == 403


def test_a_device_confirms_what_its_person_is_about_to_do(portal, browser, phone):
    portal.service.clock.advance(portal.service.policy.step_up_life)
    page = browser.get(browser.get("/own/passkey").location)
    reply = browser.submit(page, "/step-up/device")
    code_page = browser.get(reply.location)
    answer = portal.app._visitors._logins.step_up_answer(browser.cookies[CHALLENGE])
    assert f"{ADD}?" in answer.challenge.display
    assert f"{ADD}?" in code_page.text
    assert browser.get("/step-up/device/state").status == 202
    waiting = browser.submit(code_page, "/step-up/device/finish")
    assert waiting.location.startswith("/step-up/device?next=")

    phone.answer(answer.challenge, code=answer.code)
    assert browser.get("/step-up/device/state").status == 200
    assert browser.submit(code_page, "/step-up/device/finish").location == "/own/passkey"
    assert browser.get("/own/passkey").status == 200
    assert CHALLENGE not in browser.cookies


def test_a_step_up_by_passkey_leaves_no_question_and_no_token_of_before(portal, browser, phone):
    portal.service.clock.advance(portal.service.policy.step_up_life)
    address = browser.get("/own/passkey").location
    browser.submit(browser.get(address), "/step-up/device")
    token = browser.get("").form("/logout")[0]["csrf_token"]
    assert CHALLENGE in browser.cookies

    browser.step_up(address)
    assert CHALLENGE not in browser.cookies
    assert browser.get("").form("/logout")[0]["csrf_token"] != token
    assert browser.post("/logout", {"csrf_token": token}).status == 403
    assert browser.is_logged_in()


def test_a_link_that_is_open_is_listed(portal, admin, browser):
    portal.link(admin)
    assert "One-time link" in browser.get("/own").text
    states = [each.state for each in portal.service.sessions.list(admin.guid, by=OPERATOR)]
    assert states == [SessionState.ACTIVE, SessionState.INVITED]


AGENTS = {
    "Firefox on Linux": FIREFOX,
    "Edge on Windows": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
    ),
    "Safari on iPhone": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML,"
        " like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
    ),
    "": "curl/8",
}


@pytest.mark.parametrize("name", AGENTS)
def test_a_browser_by_name(name):
    assert describe_browser(AGENTS[name]) == name


def test_the_names_of_cookies():
    assert cookie_name(Cookie.SESSION, "https://auth.example") == SESSION
    assert cookie_name(Cookie.SESSION, "http://localhost:8787") == "counterseal-session"
