"""A person gets a device bound: invited for the first time, again, or in place of a lost one."""

import html
import re

import attrs
import pytest
from portal_browser import PortalOfTests, heading, require_page
from portal_tenants import Tenants

from counterseal import STANDARD
from counterseal.errors import StoreUnavailable
from counterseal.models import OPERATOR, OPERATORS, AdminRole, BindingState
from counterseal.wire.link import read_link


def account_of(portal, account_id="zoe"):
    return portal.service.accounts.find(portal.service.app_space.guid, account_id, by=OPERATOR)


def path_of(portal, account_id="zoe"):
    return f"/accounts/{account_of(portal, account_id).guid}"


def link_in(text):
    assert 'aria-label="QR code of the link"' in text
    return read_link(html.unescape(re.search(r'class="secret">([^<]+)<', text)[1]))


def states_of(portal):
    account = account_of(portal)
    _, devices = portal.service.accounts.get_with_devices(account.guid, by=OPERATOR)
    return {device.guid: device.state for device in devices}


@pytest.fixture
def zoe(portal):
    """A phone that is bound to the account `zoe`."""
    return portal.service.bind("zoe")


def lost_path(portal, phone):
    return f"{path_of(portal)}/devices/{phone.guid}/lost"


@pytest.fixture
def lenient():
    """A portal whose policy lets support invite."""
    return PortalOfTests(policy=attrs.evolve(STANDARD, support_invites=True))


def test_an_invitation_is_made_anew_with_a_qr_code(portal):
    service = portal.service
    old = service.invitations.invite(service.origin, "zoe")
    browser, path = portal.support(), path_of(portal)
    address = f"{path}/devices/{old.binding}/renew"
    assert f'href="/portal{address}"' in require_page(browser.get(path))
    assert "The person who opens it first" in require_page(browser.get(address))
    text = require_page(browser.post(address))
    link = link_in(text)
    assert link.account == old.account.guid
    assert browser.post(address).status == 409
    assert link.token not in require_page(browser.get(path))


def test_an_account_without_a_device_is_invited(portal):
    service = portal.service
    service.devices.revoke(service.invitations.invite(service.origin, "zoe").binding, by=OPERATOR)
    browser, path = portal.app_space_admin(), path_of(portal)
    assert f'href="/portal{path}/invite"' in require_page(browser.get(path))
    assert "The person who opens it first" in require_page(browser.get(f"{path}/invite"))
    link = link_in(require_page(browser.post(f"{path}/invite")))
    assert link.account == account_of(portal).guid
    assert list(states_of(portal).values()) == [BindingState.REVOKED, BindingState.INVITED]


def test_a_person_without_an_account_is_invited(portal):
    browser, space = portal.app_space_admin(), portal.service.app_space.guid
    text = require_page(browser.get("/accounts", q="adam smith"))
    address = f"/app-spaces/{space}/invite?account_id=adam+smith"
    assert f'href="/portal{address}"' in text
    assert 'value="adam smith"' in require_page(browser.get(address))
    fields = {"account_id": " adam smith ", "user_info": "Adam Example"}
    text = require_page(browser.post(f"/app-spaces/{space}/invite", fields))
    assert "The account is created." in text
    account = account_of(portal, "adam smith")
    assert link_in(text).account == account.guid
    assert account.user_info == "Adam Example"
    repeated = require_page(
        browser.post(f"/app-spaces/{space}/invite", {"account_id": "adam smith"})
    )
    assert "There was an account with this id." in repeated
    odd = browser.post(f"/app-spaces/{space}/invite", {"account_id": "z" * 1_000})
    assert '<a href="#field-account_id">' in require_page(odd, 422)


def test_support_invites_where_the_policy_lets_it(portal, lenient):
    for tested_portal, status in ((portal, 403), (lenient, 200)):
        service = tested_portal.service
        service.bind("zoe")
        browser, path = tested_portal.support(), path_of(tested_portal)
        space = f"/app-spaces/{service.app_space.guid}/invite"
        for address in (f"{path}/invite", space):
            assert browser.get(address).status == status
        assert browser.post(f"{path}/invite").status == status
        assert browser.post(space, {"account_id": "adam"}).status == status
        offered = status == 200
        assert (f"{path}/invite" in browser.get(path).text) == offered
        assert (space in browser.get("/accounts").text) == offered


def test_nobody_is_invited_whom_an_identity_provider_identifies(portal):
    service = portal.service
    app_space = service.new_app_space("With log-ins", idp=service.idp.settings())
    phone = service.log_in(app_space, "zoe")
    account = service.accounts.find(app_space.guid, "zoe", by=OPERATOR)
    browser, path = portal.company_admin(), f"/accounts/{account.guid}"
    text = require_page(browser.get(path))
    assert f"{path}/invite" not in text
    assert "logs in at the Identity Provider" in text
    for address in (f"{path}/invite", f"/app-spaces/{app_space.guid}/invite"):
        assert browser.get(address).status == 409
        assert browser.post(address, {}).status == 409
    lost = f"{path}/devices/{phone.guid}/lost"
    assert "logs in at the Identity Provider" in require_page(browser.get(lost))
    assert "logs in at the Identity Provider" in require_page(browser.post(lost))
    _, (device,) = service.accounts.get_with_devices(account.guid, by=OPERATOR)
    assert (device.guid, device.state) == (phone.guid, BindingState.REVOKED)


def test_a_locked_account_is_unlocked_before_it_is_invited(portal, zoe):
    browser, path = portal.app_space_admin(), path_of(portal)
    browser.post(f"{path}/lock")
    assert f"{path}/invite" not in require_page(browser.get(path))
    reply = browser.post(f"{path}/invite")
    assert (reply.status, heading(reply)) == (404, "The account is locked")


# Lost phones


def test_a_lost_phone_is_three_presses(portal, zoe):
    """On the account's page, on the page that says what follows, and on the invitation's."""
    service, browser, path = portal.service, portal.app_space_admin(), path_of(portal)
    challenge = service.ask("zoe", "Pay?").challenge
    address = lost_path(portal, zoe)
    assert f'href="/portal{address}"' in require_page(browser.get(path))
    text = require_page(browser.get(address))
    assert "can never act again" in text
    assert "Revoke it, and invite the new phone" in text
    text = require_page(browser.post(address))
    assert "The lost device is revoked." in text
    link = link_in(text)
    assert f'href="/portal{path}">Done' in text
    states = states_of(portal)
    assert states.pop(zoe.guid) is BindingState.REVOKED
    assert list(states.values()) == [BindingState.INVITED]
    assert link.token.partition(".")[0] in states
    # What the person is asked stays open, for the new phone.
    assert service.challenges.status(service.origin, challenge.guid).outcome is None
    assert browser.post(address).status == 409
    assert len(states_of(portal)) == 2


def test_support_that_may_not_invite_revokes_and_reads_what_comes_next(portal, zoe):
    browser, address = portal.support(), lost_path(portal, zoe)
    text = require_page(browser.get(address))
    assert "the person logs in where the account was made" in text
    assert "invite" not in re.findall(r"<button[^>]*>(.*?)</button>", text)[-1]
    text = require_page(browser.post(address))
    assert heading(browser.get(address))
    assert "the person logs in where the account was made" in text
    assert states_of(portal) == {zoe.guid: BindingState.REVOKED}


@pytest.mark.parametrize("failure", ["locked", "unavailable"])
def test_a_lost_phone_is_revoked_also_if_the_invitation_fails(portal, zoe, monkeypatch, failure):
    service, browser = portal.service, portal.app_space_admin()
    path, address = path_of(portal), lost_path(portal, zoe)
    if failure == "locked":
        service.accounts.lock(account_of(portal).guid, by=OPERATOR)
    else:

        def fail(*_, **__):
            raise StoreUnavailable

        monkeypatch.setattr(type(portal.web.invitations), "invite_as_admin", fail)
    reply = browser.post(address)
    assert reply.status == (404 if failure == "locked" else 503)
    assert "The device is revoked. There is no invitation yet: " in reply.text
    assert f'href="/portal{path}">Go back</a>' in reply.text
    assert states_of(portal) == {zoe.guid: BindingState.REVOKED}


def test_an_administrator_is_invited_by_nobody_else(portal):
    tenants, service = Tenants(portal), portal.service
    account = service.accounts.find(OPERATORS, tenants.admin, by=OPERATOR)
    browser, path = portal.global_admin(), f"/accounts/{account.guid}"
    text = require_page(browser.get(path))
    assert "/revoke" in text
    assert "/invite" not in text
    assert "Lost phone" not in text
    assert browser.post(f"{path}/invite").status == 403
    assert browser.post(f"/app-spaces/{OPERATORS}/invite", {"account_id": "x"}).status == 403


def test_only_a_device_that_was_bound_can_be_lost(portal, zoe):
    service, browser = portal.service, portal.app_space_admin()
    service.invitations.invite(service.origin, "zoe")
    text = require_page(browser.get(path_of(portal)))
    assert text.count("Lost phone") == 1
    service.devices.revoke(zoe.guid, by=OPERATOR)
    assert "Lost phone" not in require_page(browser.get(path_of(portal)))


def test_another_app_space_is_out_of_reach(portal, zoe):
    stranger = portal.create_admin(
        AdminRole.APP_SPACE, app_space=portal.service.new_app_space("Other").guid
    )
    browser = portal.log_in(stranger)
    for address in (
        lost_path(portal, zoe),
        f"{path_of(portal)}/invite",
        f"/app-spaces/{portal.service.app_space.guid}/invite",
    ):
        assert browser.get(address).status == 404
        assert browser.post(address, {}).status == 404
    assert states_of(portal) == {zoe.guid: BindingState.ACTIVE}
