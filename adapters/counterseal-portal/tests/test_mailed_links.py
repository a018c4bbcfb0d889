"""A link is made to mail to a user, who gets one fresh invitation by it."""

import html
import re
from datetime import timedelta

import attrs
import pytest
from portal_browser import PUBLIC_URL, PortalOfTests, heading, require_page

from counterseal import STANDARD, MailedLinks
from counterseal.models import OPERATOR
from counterseal.wire.link import read_link


@pytest.fixture
def zoe(portal):
    """A phone that is bound to the account `zoe`."""
    return portal.service.bind("zoe")


def path_of(portal):
    account = portal.service.accounts.find(portal.service.app_space.guid, "zoe", by=OPERATOR)
    return f"/accounts/{account.guid}"


def secret_in(text):
    return html.unescape(re.search(r'class="secret">([^<]+)<', text)[1])


def made_link(portal, browser, **fields):
    text = require_page(browser.post(f"{path_of(portal)}/mail-link", fields))
    return text, secret_in(text)


def test_a_user_gets_one_invitation_by_a_mailed_link(portal, zoe):
    browser, path = portal.app_space_admin(), path_of(portal)
    assert f'href="/portal{path}/mail-link"' in require_page(browser.get(path))
    assert "The first person who reads the mail" in require_page(browser.get(f"{path}/mail-link"))
    text, link = made_link(portal, browser, link_life="600")
    end_time = f"{portal.service.clock.now() + timedelta(minutes=10):%Y-%m-%d %H:%M} UTC"
    (mail,) = re.findall(r"<textarea[^>]* readonly>\n(.*?)</textarea>", text, re.DOTALL)
    assert link in mail.splitlines()
    assert f"works once, until {end_time}." in mail
    address, _, secret = link.partition("#")
    assert address == f"{PUBLIC_URL}/portal/invitation"
    assert secret not in require_page(browser.get(path))
    user = portal.nobody()
    text = require_page(user.post("/invitation", {"link": secret}))
    assert 'aria-label="QR code of the link"' in text
    bind_link = secret_in(text)
    assert f'href="{html.escape(bind_link)}">Open it on this device' in text
    assert f"/accounts/{read_link(bind_link).account}" == path
    again = user.post("/invitation", {"link": secret})
    assert "used already" in require_page(again, 403)
    assert bind_link not in again.text


def test_whoever_only_opens_the_page_uses_nothing_up(portal, zoe):
    """So that a scanner of mails, which opens every link, leaves it to the person."""
    _, link = made_link(portal, portal.app_space_admin())
    user, before = portal.nobody(), dict(portal.service.ports.store._records)
    for _ in range(3):
        text = require_page(user.get("/invitation"))
        assert "Get the invitation" in text
        assert 'name="link" value=""' in text
    assert dict(portal.service.ports.store._records) == before
    require_page(user.post("/invitation", {"link": link.partition("#")[2]}))


def test_a_page_of_another_site_uses_no_link(portal, zoe):
    _, link = made_link(portal, portal.app_space_admin())
    headers = {"origin": "https://other.example", "sec-fetch-site": "cross-site"}
    fields = {"link": link.partition("#")[2]}
    assert portal.nobody().post("/invitation", fields, headers=headers).status == 403
    require_page(portal.nobody().post("/invitation", fields))


@pytest.mark.parametrize("secret", ["", "x", "x.y", "00000000-0000-8000-8000-000000000000.x"])
def test_what_is_no_link_is_said(portal, secret):
    reply = portal.nobody().post("/invitation", {"link": secret})
    assert "used already" in require_page(reply, 403)


SPOILS = {
    "is too old": lambda service, account: service.clock.advance(service.policy.mailed_link_life),
    "is locked": lambda service, account: service.accounts.lock(account, by=OPERATOR),
    "as many devices": lambda service, account: [
        service.invitations.invite(service.origin, "zoe")
        for _ in range(service.policy.bindings_limit - 1)
    ],
}


@pytest.mark.parametrize("problem", SPOILS)
def test_who_has_a_link_reads_what_is_wrong_with_it(portal, zoe, problem):
    """Who only knows the account learns neither whose it is nor how it stands."""
    service, account = portal.service, path_of(portal).rpartition("/")[2]
    links = MailedLinks(service.ports, service.policy)
    link = links.make(service.app_space.guid, "zoe", by=OPERATOR).token
    guess = {"link": f"{account}.x"}
    uniform = require_page(portal.nobody().post("/invitation", guess), 403)
    assert "somebody else may have" in uniform
    SPOILS[problem](service, account)
    text = require_page(portal.nobody().post("/invitation", {"link": link}), 403)
    assert problem in text
    assert "somebody else may have" not in text
    for other in (guess, {"link": f"{service.origin.origin.guid}.x"}):
        assert require_page(portal.nobody().post("/invitation", other), 403) == uniform


@pytest.mark.parametrize("is_old", [False, True])
def test_an_open_link_is_seen_and_ended_on_the_account_s_page(portal, zoe, is_old):
    service, browser, path = portal.service, portal.support(), path_of(portal)
    address = f"{path}/end-link"
    assert address not in require_page(browser.get(path))
    _, link = made_link(portal, portal.app_space_admin(), link_life="600")
    end_time = f"{service.clock.now() + timedelta(minutes=10):%Y-%m-%d %H:%M}"
    if is_old:
        service.clock.advance(timedelta(minutes=10))
    text = require_page(browser.get(path))
    assert end_time in text
    assert ("is too old" in text) == is_old
    assert f'href="/portal{address}">End the link' in text
    assert "no longer works" in require_page(browser.get(address))
    assert browser.post(address).location == f"{path}?done=link-ended"
    text = require_page(browser.get(path, done="link-ended"))
    assert "The link no longer works." in text
    assert address not in text
    reply = portal.nobody().post("/invitation", {"link": link.partition("#")[2]})
    assert "used already" in require_page(reply, 403)


def test_who_guesses_denies_a_link_to_nobody(portal, zoe):
    _, link = made_link(portal, portal.app_space_admin())
    account = path_of(portal).rpartition("/")[2]
    for _ in range(20):
        require_page(portal.nobody().post("/invitation", {"link": f"{account}.x"}), 403)
    require_page(portal.nobody().post("/invitation", {"link": link.partition("#")[2]}))


@pytest.mark.parametrize(
    ("longest", "offered"),
    [
        (timedelta(hours=1), ["10 minutes", "1 hour"]),
        (timedelta(days=7), ["10 minutes", "1 hour", "1 day", "7 days"]),
    ],
)
def test_its_life_is_chosen_as_the_policy_allows(longest, offered):
    portal = PortalOfTests(policy=attrs.evolve(STANDARD, mailed_link_life=longest))
    portal.service.bind("zoe")
    browser, path = portal.app_space_admin(), f"{path_of(portal)}/mail-link"
    text = require_page(browser.get(path))
    options = re.findall(r'name="link_life" value="(\d+)"[^>]*><span><bdi>([^<]+)</bdi>', text)
    assert [label for _, label in options] == offered
    assert browser.post(path, {"link_life": "99"}).status == 400


def test_support_mails_none_unless_the_policy_lets_it(portal, zoe):
    browser, path = portal.support(), path_of(portal)
    assert "mail-link" not in require_page(browser.get(path))
    for reply in (browser.get(f"{path}/mail-link"), browser.post(f"{path}/mail-link")):
        assert (reply.status, heading(reply)) == (403, "Not allowed")
