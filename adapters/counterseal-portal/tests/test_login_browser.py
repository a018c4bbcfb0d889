"""The log-in in Chromium, with its virtual authenticator and a device in software."""

import contextlib
import re

import attrs
import pytest
from login_browser import LoginPortal
from login_person import Person, plant_session, start_session
from page_checks import PATIENCE, VIEWS
from portal_server import serve
from portal_tenants import register_passkey

from counterseal import STANDARD
from counterseal.device import own_comparison_code
from counterseal.models import OPERATOR, NewDeviceRule
from counterseal.wire.link import read_link


@pytest.fixture
def served(request):
    def build(url):
        # Browsers have passkeys at localhost, and at no IP address.
        return LoginPortal(url.replace("127.0.0.1", "localhost"), **getattr(request, "param", {}))

    with serve(build) as (_, portal):
        yield portal


@pytest.fixture(params=VIEWS)
def person(request, chromium, page_checks, served):
    person = Person(chromium, page_checks, served, request.param)
    yield person
    person.context.close()


def test_an_administrator_from_link_to_log_out(person, served):  # noqa: PLR0915 (one story)
    service, logins = served.service, served.app._visitors._logins
    admin = served.create_person("Example person")
    link = served.link(admin)

    # The link leads to a passkey.
    person.open(f"/link#{link}")
    person.see("Your one-time link")
    assert link not in person.page.url
    person.press("Use the link")
    person.see("Register a passkey")
    person.press("Register a passkey")
    person.see("Overview")
    person.open(f"/link#{link}")
    person.press("Use the link")
    person.see("Your one-time link")
    assert "was used already" in person.text()

    # The passkey logs in.
    person.open("")
    person.press("Log out")
    person.see("Log in")
    assert person.page.get_by_role("button", name="own device").count() == 1
    person.press("Log in with a passkey")
    person.see("Overview")

    # The device of the person, by the link under the QR code.
    person.open("/own")
    person.see("Your log-in")
    person.press("Add a device")
    person.see("Add a device")
    bind_link = read_link(person.page.locator("p.mono").inner_text())
    phone = service.phone()
    bound = service.enrolments.complete(
        phone.device.enrolment(bind_link.token, bind_link.app_space, pin=phone.pin)
    )
    phone.device.complete_binding(bound)

    # The device logs in.
    person.press("Log out")
    person.see("Log in")
    person.press("Log in with your own device")
    person.see("Log in with your device")
    (challenge,) = service.ports.store.pending(phone.device.bond.account)
    phone.answer(challenge, code=person.code())
    person.see("Overview")

    # A step-up, which the device confirms.
    service.clock.advance(service.policy.step_up_life)
    person.open("/own/passkey")
    person.see("Confirm that it is you")
    person.press("Confirm with your own device")
    person.see("Add a passkey or a device to your account?")
    (challenge,) = service.ports.store.pending(phone.device.bond.account)
    assert "Add a passkey or a device" in challenge.display
    phone.answer(challenge, code=person.code())
    person.see("Add a passkey")

    # Sessions are listed, and ended.
    other = start_session(served, admin, "Other browser")
    person.open("/own")
    person.press(re.compile("End this session.*Other browser"))
    person.see("Your log-in")
    assert "The session is ended" in person.text()
    listed = logins.sessions.list(admin.guid, by=admin)
    assert other.session.guid not in {each.guid for each in listed}
    person.press("Log out")
    person.see("Log in")
    person.open("/own")
    person.see("Log in")


def test_a_newer_link_works_in_the_tab_of_an_older_one(person, served):
    """Only the fragment of the address changes there, so the browser loads nothing by itself."""
    admin = served.create_person("Example person")
    older = served.link(admin)
    person.open(f"/link#{older}")
    person.see("Your one-time link")
    served.service.sessions.redeem(older, browser="Another browser")
    person.open_in_the_same_tab(served.link(admin))
    replaced = person.page.locator("[name=link]").input_value()
    assert replaced not in {"", older}

    # The same on the page that says that a link serves no more; no other fragment is a link.
    newest = served.link(admin)
    person.press("Use the link")
    person.see("Your one-time link")
    assert "was used already" in person.text()
    person.open_in_the_same_tab(newest)
    person.page.locator(".skip").press("Enter")
    person.page.wait_for_url("**/link#content")
    assert person.page.locator("[name=link]").input_value() == newest
    person.press("Use the link")
    person.see("Register a passkey")
    person.press("Register a passkey")
    person.see("Overview")


def session_cookie(context):
    """Return the value of the session's cookie, as the browser has it."""
    (cookie,) = (one for one in context.cookies() if one["name"] == "counterseal-session")
    return cookie["value"]


def test_a_cookie_that_was_planted_before_the_log_in_is_nobodys(chromium, person, served):
    """Session fixation: what the attacker knows is not what the person has after the log-in."""
    person.open(f"/link#{served.link(served.create_person('Example person'))}")
    person.press("Use the link")
    person.press("Register a passkey")
    person.see("Overview")
    person.press("Log out")
    person.see("Log in")
    attacker = served.create_person("Attacker")
    session = start_session(served, attacker, "Attacker")
    for value in (f"{session.session.guid}.{'A' * 43}", "planted"):
        plant_session(person.context, value)
        person.open("/login")
        person.press("Log in with a passkey")
        person.see("Overview")
        assert session_cookie(person.context) != value
        with contextlib.closing(chromium.new_context()) as other:
            plant_session(other, value)
            other.set_default_timeout(PATIENCE)
            page = other.new_page()
            page.goto(f"{served.public_url}/portal")
            assert page.get_by_role("heading", level=1).inner_text() == "Log in"
        person.press("Log out")
        person.see("Log in")
    # One that is in force, planted while the page is open: the log-in is refused.
    plant_session(person.context, session.token)
    person.press("Log in with a passkey")
    person.see("The form was not accepted")
    assert session_cookie(person.context) == session.token
    sessions = served.app._visitors._logins.sessions
    assert len(sessions.list(attacker.guid, by=attacker)) == 1


def test_a_stranger_who_has_used_a_link_is_seen_and_removed(person, served):
    service, admin = served.service, served.create_person("Night shift")
    person.open(f"/link#{served.link(served.create_person('Example person'))}")
    person.press("Use the link")
    person.press("Register a passkey")
    person.see("Overview")
    ports, policy, url = service.ports, service.policy, served.public_url
    register_passkey(ports, policy, url, served.link(admin), browser="Stranger's browser")
    service.sessions.redeem(served.link(admin), browser="Other browser")

    person.open(f"/admins/{admin.guid}/link")
    person.see("Make a link to log in?")
    assert "An earlier link was opened in Other browser" in person.text()
    person.follow("Remove Passkey, Stranger's browser")
    person.see("Remove this passkey or device?")
    person.press("Remove it")
    person.see("Night shift")
    assert "It is removed" in person.text()
    assert "nobody can log in as this administrator" in person.text()
    person.follow("Make a link to log in")
    person.see("Make a link to log in?")
    person.press("Make the link")
    person.see("Link to log in")
    assert "An earlier link was opened in Other browser" in person.text()


def test_whoever_removes_a_passkey_ends_all_other_sessions_too(person, served):
    service, admin = served.service, served.create_person("Example person")
    person.open(f"/link#{served.link(admin)}")
    person.press("Use the link")
    person.press("Register a passkey")
    person.see("Overview")
    ports, policy, url = service.ports, service.policy, served.public_url
    register_passkey(ports, policy, url, served.link(admin), browser="Other browser")
    service.sessions.redeem(served.link(admin), browser="Stranger's browser")
    service.clock.advance(policy.step_up_life)

    person.open("/own")
    person.see("Your log-in")
    assert "Opened in Stranger's browser" in person.text()
    person.follow("Remove Passkey, Other browser")
    person.see("Confirm that it is you")
    person.press("Confirm with a passkey")
    person.see("Remove this passkey or device?")
    person.page.get_by_label("End all other sessions").check()
    person.press("Remove it")
    person.see("Your log-in")
    assert "you are logged in in this browser only" in person.text()
    (session,) = service.sessions.list(admin.guid, by=OPERATOR)
    assert session.browser not in {"Other browser", "Stranger's browser"}


@pytest.mark.parametrize(
    "served",
    [{"policy": attrs.evolve(STANDARD, new_devices=NewDeviceRule.CONFIRMED)}],
    indirect=True,
)
def test_an_own_new_device_is_confirmed_by_its_code(person, served):
    service = served.service
    session = start_session(served, served.create_person("Example person"))
    plant_session(person.context, session.token)
    person.open("/own")
    person.press("Add a device")
    person.see("Add a device")
    bind_link = read_link(person.page.locator("p.mono").inner_text())
    phone = service.phone()
    bound = service.enrolments.complete(
        phone.device.enrolment(bind_link.token, bind_link.app_space, pin=phone.pin)
    )
    phone.device.complete_binding(bound)
    person.open("/own")
    person.follow("Confirm")
    person.see("Confirm a device")
    person.page.locator("#field-code").fill("wrong")
    person.press("Confirm the device")
    person.see("Confirm a device")
    assert person.page.locator(".errors").count() == 1
    code = own_comparison_code(phone.device, pin=phone.pin)
    person.page.locator("#field-code").fill(code)
    person.press("Confirm the device")
    person.see("Your log-in")
    assert "Waits to be confirmed" not in person.text()


@pytest.mark.parametrize("path", ["/login", "/link"])
def test_a_form_of_a_passkey_is_not_sent_without_its_script(chromium, served, path):
    with contextlib.closing(chromium.new_context(java_script_enabled=False)) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(f"{served.public_url}/portal{path}")
        assert page.locator("form:is([data-passkey], [data-link]) button").is_disabled()
        assert "Passkeys need JavaScript" in page.inner_text("main")


def test_a_passkey_without_verification_logs_nobody_in(person, served):
    person.open(f"/link#{served.link(served.create_person())}")
    person.press("Use the link")
    person.press("Register a passkey")
    person.see("Overview")
    person.press("Log out")
    person.session.send(
        "WebAuthn.setUserVerified", {**person.authenticator, "isUserVerified": False}
    )
    person.press("Log in with a passkey", navigates=False)
    person.page.get_by_text("Nothing was done").wait_for()
    person.see("Log in")
