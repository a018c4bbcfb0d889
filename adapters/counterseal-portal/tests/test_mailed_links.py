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
    assert "reads the mail first" in require_page(browser.get(f"{path}/mail-link"))
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


def test_every_refusal_reads_the_same(portal, zoe):
    """Whoever tries a link learns neither whose account it is nor how it stands."""
    service, texts = portal.service, set()
    links = MailedLinks(service.ports, service.policy)
    space, account = service.app_space.guid, path_of(portal).rpartition("/")[2]
    for spoil in (
        lambda: service.clock.advance(service.policy.mailed_link_life),
        lambda: service.accounts.lock(account, by=OPERATOR),
    ):
        link = links.make(space, "zoe", by=OPERATOR).token
        spoil()
        reply = portal.nobody().post("/invitation", {"link": link})
        texts.add(require_page(reply, 403))
    texts.add(require_page(portal.nobody().post("/invitation", {"link": f"{account}.x"}), 403))
    assert len(texts) == 1


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
