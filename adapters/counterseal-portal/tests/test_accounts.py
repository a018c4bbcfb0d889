"""Support staff find an account, see its devices, and do what helps."""

import html
import re
from datetime import timedelta

import attrs
import pytest
from portal_browser import PortalOfTests, heading, require_page

from counterseal import STANDARD, Accounts, AdminLogins
from counterseal.memory import MemoryStore
from counterseal.models import (
    OPERATOR,
    OPERATORS,
    Action,
    AdminRole,
    BindingState,
    Question,
    RefusalReason,
)
from counterseal_portal import account_search
from counterseal_portal.pages.accounts import AT_ONCE

PAYMENT = {
    "transaction_id": "8d8ac610",
    "payee": {"name": "Example shop", "id": "DE00 0000 0000"},
    "currency": "EUR",
    "amount": "49.90",
}


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


def rows_in(text):
    """Return the texts of each row of the page's tables, by their columns."""
    rows = re.findall(r'<tr role="row">\n(.*?)</tr>', text, re.DOTALL)
    return [
        {
            label or "": " ".join(html.unescape(re.sub(r"<[^>]*>", "", cell)).split())
            for label, cell in re.findall(
                r'<t[hd] (?:scope="row" )?role="\w+"(?: data-label="([^"]*)")?>(.*?)</t[hd]>',
                row,
                re.DOTALL,
            )
        }
        for row in rows
    ]


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
    assert [len(page) for page in pages] == [50, 10]
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
    assert len(rows_in(text)) == 2
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
    (row,) = [each for each in rows_in(page) if "Kind" in each]
    assert row["State (UTC)"].startswith("Refused")
    assert ("the person says" in row["State (UTC)"]) == bool(texts)
    assert all(text in row["State (UTC)"] for text in texts)


def test_the_page_says_who_asked_and_which_device_answered(portal, zoe):
    issued = portal.service.ask("zoe", "Pay?")
    zoe.answer(zoe.fetch(issued.challenge.guid))
    for browser in (portal.support(), portal.app_space_admin()):
        text = require_page(browser.get(account_path(portal)))
        (row,) = [each for each in rows_in(text) if "Kind" in each]
        assert row["Origin"] == portal.service.origin.origin.name
        state = row["State (UTC)"]
        assert state.startswith(f"Approved {portal.service.clock.now():%Y-%m-%d %H:%M:%S}")
        assert state.endswith(f" on {rows_in(text)[0]['']}")
        assert row[""] == f"{issued.challenge.issued_at:%Y-%m-%d %H:%M:%S}"
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
    assert "For a new device" not in require_page(portal.app_space_admin().get(path))


def test_an_invitation_that_was_revoked_is_an_invitation(portal):
    service = portal.service
    invitation = service.invitations.invite(service.origin, "zoe")
    service.devices.revoke(invitation.binding, by=OPERATOR)
    text = require_page(portal.support().get(account_path(portal)))
    (row,) = rows_in(text)
    assert (row[""], row["State"]) == ("Invitation", "Revoked")
    assert row["Commands"] == "Events of Invitation"


# Questions


def questions_in(text):
    return [row for row in rows_in(text) if "Kind" in row]


def test_a_persons_questions_differ_by_kind_origin_and_second(portal, zoe):
    service = portal.service
    agent = service.new_origin(service.app_space, "Agent")
    service.ask("zoe", "Pay 10 EUR?", transaction_id="order-7")
    service.clock.advance(timedelta(seconds=2))
    action = Action(type="payment", resource="shop", arguments=PAYMENT)
    issued = service.challenges.issue(agent, Question(account_id="zoe", content=action))
    path = account_path(portal)
    payment, plain = questions_in(require_page(portal.support().get(path)))
    assert (payment["Kind"], payment["Origin"]) == ("Payment", "Agent")
    assert (plain["Kind"], plain["Origin"]) == ("Question", service.origin.origin.name)
    assert payment[""] == f"{issued.challenge.issued_at:%Y-%m-%d %H:%M:%S}" != plain[""]
    assert payment["State (UTC)"] == plain["State (UTC)"] == "Waiting"
    assert "What it says" not in payment
    payment, plain = questions_in(require_page(portal.app_space_admin().get(path)))
    assert "49.90" in payment["What it says"]
    assert plain["What it says"] == "Pay 10 EUR? order-7"


def test_support_reads_the_content_where_the_policy_lets_it():
    portal = PortalOfTests(policy=attrs.evolve(STANDARD, support_reads_content=True))
    portal.service.bind("zoe")
    portal.service.ask("zoe", "Pay 10 EUR?", transaction_id="order-7")
    (row,) = questions_in(require_page(portal.support().get(account_path(portal))))
    assert row["What it says"] == "Pay 10 EUR? order-7"


def test_a_long_content_is_cut(portal, zoe):
    portal.service.ask("zoe", "z" * 500)
    (row,) = questions_in(require_page(portal.app_space_admin().get(account_path(portal))))
    assert row["What it says"] == "z" * 119 + "…"


def test_support_withdraws_an_open_question(portal, zoe):
    service, browser, path = portal.service, portal.support(stepped_up=False), account_path(portal)
    answered = service.ask("zoe", "Pay 1 EUR?").challenge
    zoe.answer(answered)
    service.clock.advance(timedelta(seconds=1))
    challenge = service.ask("zoe", "Pay 10 EUR?").challenge
    address = f"{path}/questions/{challenge.guid}/withdraw"
    text = require_page(browser.get(path))
    assert re.findall(r'href="/portal([^"]*/withdraw)"', text) == [address]
    text = require_page(browser.get(address))
    assert service.origin.origin.name in text
    assert "Pay 10 EUR?" not in text
    assert "Pay 10 EUR?" in require_page(portal.app_space_admin().get(address))
    reply = browser.post(address)
    assert reply.location == f"{path}?done=question-withdrawn"
    text = require_page(browser.get(reply.location))
    assert "The question is withdrawn." in text
    assert questions_in(text)[0]["State (UTC)"].startswith("Withdrawn ")
    assert "/withdraw" not in text
    assert browser.post(address).status == 409
    for guid in (challenge.account, zoe.guid, "none"):
        assert browser.get(f"{path}/questions/{guid}/withdraw").status == 404


def test_a_question_is_withdrawn_on_the_page_of_its_account_only(portal, zoe):
    portal.service.bind("adam")
    challenge = portal.service.ask("adam", "Pay?").challenge
    address = f"{account_path(portal)}/questions/{challenge.guid}/withdraw"
    assert portal.support().post(address).status == 404
    assert portal.service.challenges.status(portal.service.origin, challenge.guid).outcome is None
