"""Support staff find an account, see its devices, and do what helps."""

import html
import re

import pytest
from portal_browser import heading, require_page

from counterseal import Accounts, AdminLogins
from counterseal.memory import MemoryStore
from counterseal.models import OPERATOR, OPERATORS, AdminRole, BindingState, RefusalReason
from counterseal.wire.link import read_link
from counterseal_portal import account_search
from counterseal_portal.pages.accounts import AT_ONCE


@pytest.fixture
def zoe(portal):
    """A phone that is bound to the account `zoe`."""
    return portal.service.bind("zoe")


def account_path(portal, account_id="zoe"):
    account = portal.service.accounts.get(portal.service.origin, account_id)
    return f"/accounts/{account.guid}"


def state_of(portal, path):
    """Return the state of the first device of an account."""
    guid = path.rpartition("/")[2]
    devices = portal.service.accounts.get_with_devices(guid, by=OPERATOR)[1]
    return devices[0].state


def device_path(portal, path):
    guid = path.rpartition("/")[2]
    devices = portal.service.accounts.get_with_devices(guid, by=OPERATOR)[1]
    return f"{path}/devices/{devices[0].guid}"


def test_an_account_is_found_by_a_part_of_its_id_and_by_its_guid(portal, zoe):
    service = portal.service
    account = service.invitations.invite(service.origin, "anna.Zoe@example.com").account
    browser, path = portal.support(), account_path(portal)
    for term in ("zoe", " zo ", "z", "ZOE"):
        assert f'href="/portal{path}"' in require_page(browser.get("/accounts", q=term))
    assert browser.get("/accounts", q=path.rpartition("/")[2]).location == path
    for term in ("EXAMPLE.com", "a.z", "zoe@"):
        text = require_page(browser.get("/accounts", q=term))
        assert f'href="/portal/accounts/{account.guid}"' in text
        assert "Accounts with this in their ids" in text
    assert "Any part of the customer number" in text
    text = require_page(browser.get("/accounts", q="adam"))
    assert "No account has this in its id." in text
    assert 'value="adam"' in text
    assert "No account begins like this. Upper and lower case matter. From 3" in require_page(
        browser.get("/accounts", q="oe")
    )


def test_the_page_says_how_many_characters_a_part_has(portal, monkeypatch):
    monkeypatch.setattr(Accounts, "part_length", 4)
    text = require_page(portal.support().get("/accounts", q="zoe"))
    assert "Fewer than 4 characters find how it begins." in text
    assert "From 4 characters on, any part of an id is found, in any case." in text


def test_where_the_store_knows_no_parts_the_page_says_so(portal, zoe, monkeypatch):
    monkeypatch.setattr(MemoryStore, "search_part", None)
    portal.service.invitations.invite(portal.service.origin, "x zoe")
    browser = portal.support()
    text = require_page(browser.get("/accounts", q="zoe"))
    assert "This store finds accounts by the beginning of their id only." in text
    assert re.findall(r"<bdi>([^<]*zoe)</bdi>", text) == ["zoe"]
    assert "Accounts that begin like this" in text
    text = require_page(browser.get("/accounts", q="Zoe"))
    assert "No account begins like this. Upper and lower case matter.<" in text
    assert "This store finds" in require_page(browser.get(""))


def test_many_accounts_are_shown_page_by_page(portal):
    names = [f"user-{number:02}" for number in range(60)]
    for name in names:
        portal.service.invitations.invite(portal.service.origin, name)
    browser, path, pages = portal.support(), "/accounts?q=user-", []
    while path:
        text = require_page(browser.get(path))
        pages.append(re.findall(r"<bdi>(user-[0-9]+)</bdi>", text))
        link = re.search(r'href="/portal([^"]+)">Next accounts', text)
        path = html.unescape(link[1]) if link else ""
    assert [len(page) for page in pages] == [25, 25, 10]
    assert [name for page in pages for name in page] == names


def test_a_cursor_that_is_none_is_said(portal, zoe):
    text = require_page(portal.support().get("/accounts", q="z", after="\x00" * 4_000))
    assert 'role="alert"' in text


def test_all_app_spaces_within_reach_are_searched_or_the_one_that_is_chosen(portal, zoe):
    other = portal.service.new_app_space("Other app")
    foreign = portal.service.administration.create_company("Foreign").guid
    stranger = portal.service.administration.create_app_space(foreign, "Foreign app").guid
    for app_space in (other.guid, stranger):
        origin = portal.service.administration.create_origin(app_space, "Shop").guid
        party = portal.service.administration.relying_party(origin)
        portal.service.invitations.invite(party, "zoe of another")
    browser, path = portal.company_admin(), account_path(portal)
    text = require_page(browser.get("/accounts", q="zoe"))
    assert path in text
    own = portal.service.app_space.name
    rows = re.findall(rf"<bdi>zoe( of another)?</bdi>.*?({own}|Other app)", text, re.DOTALL)
    assert rows == [("", own), (" of another", "Other app")]
    assert "Foreign" not in text
    app_space = portal.service.app_space.guid
    chosen = require_page(browser.get("/accounts", q="zoe", app_space=app_space))
    assert path in chosen
    assert "of another" not in chosen
    unknown = browser.get("/accounts", q="adam", app_space=other.guid)
    assert "No account has this in its id." in require_page(unknown)
    reply = browser.get("/accounts", q="zoe", app_space=stranger)
    assert reply.status == 404
    elsewhere = require_page(browser.get("/accounts", q="zoe", at=stranger))
    assert "Begin the search again." in elsewhere
    # By its GUID it is found wherever it is.
    assert browser.get("/accounts", q=path.rpartition("/")[2]).location == path


def test_accounts_of_many_app_spaces_are_shown_page_by_page(portal, monkeypatch):
    monkeypatch.setattr(account_search, "AT_MOST", 4)
    service, administration = portal.service, portal.service.administration
    numbers, expected = (0, AT_ONCE + 5, *(0,) * 10, AT_ONCE, 1, 0), []
    for index, number in enumerate(numbers):
        app_space = service.new_app_space(f"App {index}").guid
        party = administration.relying_party(administration.create_origin(app_space, "A").guid)
        for account in range(number):
            expected.append(f"User-{index}-{account:02}")
            service.invitations.invite(party, expected[-1])
    browser, path, pages = portal.company_admin(), "/accounts?q=SER-", []
    while path:
        text = require_page(browser.get(path))
        pages.append(re.findall(r"<bdi>(User-[-0-9]+)</bdi>", text))
        link = re.search(r'href="/portal([^"]+)">Next accounts', text)
        path = html.unescape(link[1]) if link else ""
        if not pages[-1] and path:
            assert "No account in these 4 App Spaces has this in its id." in text
    assert [name for page in pages for name in page] == expected
    assert max(map(len, pages)) == AT_ONCE
    assert [] in pages


def test_the_portals_own_app_space_is_not_offered(portal, zoe):
    service = portal.service
    person = service.credentials.create_person("Example", all_companies=True)
    link = service.sessions.create_link(person.guid, by=OPERATOR).token
    cookie = service.sessions.redeem(link, browser="").token
    AdminLogins(service.ports, service.policy, domain="auth.example").start_registration(cookie)
    browser = portal.global_admin()
    text = require_page(browser.get("/accounts", q="zoe"))
    assert f'href="/portal{account_path(portal)}"' in text
    assert "<select" not in text
    text = require_page(browser.get("/accounts", app_space=OPERATORS))
    assert "Operators" in text


def test_a_row_has_the_name_and_says_what_is_locked(portal):
    service = portal.service
    invitation = service.invitations.invite(service.origin, "zoe", user_info="Zoë Example")
    service.accounts.lock(invitation.account.guid, by=OPERATOR)
    text = require_page(portal.support().get("/accounts", q="zoe"))
    assert "Zoë Example" in text
    assert ">Locked<" in text


def test_ids_that_differ_by_spaces_alone_look_different(portal):
    accounts = {
        account_id: portal.service.invitations.invite(portal.service.origin, account_id).account
        for account_id in ("zoe", "zoe ", "zoe  b", "zoe b")
    }
    browser = portal.support()
    results = browser.get("/accounts", q="zoe").text
    for account_id, text in (
        ("zoe", "zoe"),
        ("zoe ", "zoe&lt;U+0020&gt;"),
        ("zoe  b", "zoe &lt;U+0020&gt;b"),
        ("zoe b", "zoe b"),
    ):
        assert f"<bdi>{text}</bdi>" in results
        assert (
            f"<h1><bdi>{text}</bdi></h1>"
            in browser.get(f"/accounts/{accounts[account_id].guid}").text
        )


def test_an_app_space_out_of_reach_is_not_searched(portal, zoe):
    other = portal.service.new_app_space("Other app")
    reply = portal.support().get("/accounts", q="zoe", app_space=other.guid)
    assert (reply.status, heading(reply)) == (404, "Not found")


def test_the_page_shows_devices_and_no_key(portal, zoe):
    portal.service.invitations.invite(portal.service.origin, "zoe")
    text = require_page(portal.support().get(account_path(portal)))
    assert heading(portal.support().get(account_path(portal))) == "<bdi>zoe</bdi>"
    assert text.count('class="card"') == 2
    assert re.findall(r'class="badge (\w+)"', text) == ["active", "invited"]
    for secret in ("kid", "thumbprint", "token", "jwk"):
        assert secret not in text.replace("csrf_token", "").replace("token-of", "")


@pytest.mark.parametrize(
    ("commands", "state"),
    [
        (["suspend"], BindingState.SUSPENDED),
        (["suspend", "resume"], BindingState.ACTIVE),
        (["revoke"], BindingState.REVOKED),
    ],
)
def test_a_device_is_suspended_resumed_and_revoked(portal, zoe, commands, state):
    browser, path = portal.support(), account_path(portal)
    for command in commands:
        address = f"{device_path(portal, path)}/{command}"
        assert "What follows" in require_page(browser.get(address))
        done = browser.post(address)
        assert done.status == 303
        assert 'role="status"' in require_page(browser.get(done.location))
    assert state_of(portal, path) is state


def test_an_account_is_locked_and_unlocked(portal, zoe):
    browser, path = portal.support(), account_path(portal)
    assert browser.post(f"{path}/lock").location == f"{path}?done=account-locked"
    assert "This account is locked" in require_page(browser.get(path))
    assert browser.post(f"{path}/unlock").location == f"{path}?done=account-unlocked"
    assert "This account is locked" not in require_page(browser.get(path))


def test_all_devices_are_revoked(portal, zoe):
    browser, path = portal.support(), account_path(portal)
    assert browser.post(f"{path}/revoke").location == f"{path}?done=devices-revoked"
    assert state_of(portal, path) is BindingState.REVOKED


def test_an_account_is_erased_after_a_step_up_only(portal, zoe):
    path = account_path(portal)
    early = portal.support(stepped_up=False)
    for reply in (early.get(f"{path}/erase"), early.post(f"{path}/erase")):
        to = f"%2Fportal{path.replace('/', '%2F')}%2Ferase"
        assert reply.location == f"/step-up?next={to}&title=Erase+an+account%3F"
    assert state_of(portal, path) is BindingState.ACTIVE
    browser = portal.support()
    done = browser.post(f"{path}/erase").location
    assert done == "/accounts?done=account-erased"
    assert "The account is erased." in require_page(browser.get(done))
    assert browser.get(path).status == 404


def test_what_was_quicker_is_said(portal, zoe):
    browser, path = portal.support(), account_path(portal)
    address = f"{device_path(portal, path)}/suspend"
    browser.post(address)
    again = browser.post(address)
    assert (again.status, heading(again)) == (409, "Already changed")
    assert f'href="/portal{path}">Go back</a>' in again.text


def test_support_does_not_remove_whom_an_identity_provider_identifies(portal):
    service = portal.service
    app_space = service.new_app_space("With log-ins", idp=service.idp.settings())
    service.log_in(app_space, "zoe")
    account = service.accounts.find(app_space.guid, "zoe", by=OPERATOR)
    admin = portal.create_admin(AdminRole.SUPPORT, app_space=app_space.guid)
    browser, path = portal.log_in(admin), f"/accounts/{account.guid}"
    assert "erase" not in require_page(browser.get(path))
    for command in ("revoke", "erase"):
        assert browser.post(f"{path}/{command}").status == 403
    assert f"{path}/erase" in require_page(portal.company_admin().get(path))


def test_an_invitation_is_made_anew_with_a_qr_code(portal):
    service = portal.service
    old = service.invitations.invite(service.origin, "zoe")
    browser, path = portal.support(), account_path(portal)
    address = f"{path}/devices/{old.binding}/renew"
    assert f'href="/portal{address}"' in require_page(browser.get(path))
    assert "The person who opens it first" in require_page(browser.get(address))
    text = require_page(browser.post(address))
    link = html.unescape(re.search(r'class="secret">([^<]+)<', text)[1])
    assert 'aria-label="QR code of the link"' in text
    assert read_link(link).account == old.account.guid
    assert browser.post(address).status == 409
    assert read_link(link).token not in require_page(browser.get(path))


def test_support_sees_that_a_person_was_asked_and_not_what(portal, zoe):
    issued = portal.service.ask("zoe", "Pay 10 EUR to Adam?")
    zoe.answer(zoe.fetch(issued.challenge.guid))
    path = account_path(portal)
    text = require_page(portal.support().get(path))
    assert "Approved" in text
    assert "Adam" not in text
    assert "Pay 10 EUR to Adam?" in require_page(portal.app_space_admin().get(path))


@pytest.mark.parametrize(
    ("reason", "texts"),
    [
        (RefusalReason.WRONG_DETAILS, ["details are wrong"]),
        (RefusalReason.PRESSURED, []),
        (None, []),
    ],
)
def test_a_reason_of_a_refusal_is_shown_unless_the_person_was_pressed(portal, zoe, reason, texts):
    issued = portal.service.ask("zoe", "Pay?")
    zoe.answer(zoe.fetch(issued.challenge.guid), 1, reason=reason)
    page = require_page(portal.support().get(account_path(portal)))
    assert ">Refused<" in page
    assert re.findall(r"; the person says: (.*?)</p>", page) == texts


def test_the_page_says_who_asked_and_which_device_answered(portal, zoe):
    issued = portal.service.ask("zoe", "Pay?")
    zoe.answer(zoe.fetch(issued.challenge.guid))
    for browser in (portal.support(), portal.app_space_admin()):
        text = require_page(browser.get(account_path(portal)))
        (line,) = re.findall(r'<p class="quiet">(Asked .*?)</p>', text)
        assert f"Asked by <bdi>{portal.service.origin.origin.name}</bdi>" in line
        assert " on <bdi>" in line
        assert f'/audit?subject={issued.challenge.guid}"' in text
    hint = "support sees who asked"
    assert hint in require_page(portal.support().get(account_path(portal)))
    assert hint not in text


def test_only_the_newest_invitation_is_offered_again_and_for_a_day(portal):
    service, path = portal.service, None
    for _ in range(2):
        service.invitations.invite(service.origin, "zoe")
        service.clock.advance(service.policy.session_token_life)
        service.invitations.expire(10)
    path = account_path(portal)
    text = require_page(portal.support().get(path))
    assert text.count("Invite again") == 1
    living, past = text.split('id="ended"')
    assert "Invite again" in living
    assert past.count(">Expired<") >= 1
    service.clock.advance(service.policy.renewal_window)
    text = require_page(portal.support().get(path))
    assert "Invite again" not in text
    assert "For a new device, the person logs in" in text


def test_an_invitation_that_was_revoked_is_an_invitation(portal):
    service = portal.service
    invitation = service.invitations.invite(service.origin, "zoe")
    service.devices.revoke(invitation.binding, by=OPERATOR)
    text = require_page(portal.support().get(account_path(portal)))
    assert "<h3><bdi>Invitation</bdi></h3>" in text
    assert "Expire" not in text
