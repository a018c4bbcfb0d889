"""Whose an account is: tenants that look alike are told apart, and so are accounts of one."""

import re
from datetime import timedelta

import pytest
from app_modules import link_modules
from browser_waits import look_at

MINUTES = timedelta(minutes=3)
VERIFIED = "Harbour Bank plc, London"
ACCOUNTS = link_modules("""async () => {
  const { indexedDbStore } = await import("./device/store.js");
  const { deviceOnlyKeys } = await import("./device/strong_keys.js");
  const { Wallet } = await import("./device/wallet.js");
  const wallet = new Wallet({ store: await indexedDbStore(), strongKeys: [deviceOnlyKeys()] });
  return (await wallet.accounts()).map(
    ({ appSpaceName, companyName, verifiedName, accountId, accountName }) =>
      [appSpaceName, companyName, verifiedName, accountId, accountName],
  );
}""")
"""What the browser stores of its accounts, as a program reads it."""


def text_of(locator):
    """Return a text without what isolates the direction of names."""
    return re.sub("[\u2068\u2069]", "", locator.inner_text())


def read_lines(locator):
    return [line for line in text_of(locator).splitlines() if line]


@pytest.fixture
def verified(two_tenants):
    """Two tenants of which an operator has verified the first."""
    two_tenants.verify(two_tenants.companies[0], VERIFIED)
    yield two_tenants
    two_tenants.verify(two_tenants.companies[0], "--not-verified")


def test_two_tenants_with_equal_names_differ_in_bind_list_and_request(device, verified, tmp_path):
    """All that a tenant chooses is equal; what an operator has chosen is not."""
    page = device.page

    def save_screenshot(name):
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)

    def read_invitation(route):
        reply = route.fetch()
        invitations.append(reply.json())
        route.fulfill(response=reply)

    invitations, views = [], {"bind": [], "request": []}
    page.route("**/device/invitation", read_invitation)
    device.authenticate()
    for number, origin in enumerate(verified.origins, 1):
        page.goto(origin.link("zoe"))
        page.get_by_role("radio", name="Passkey").wait_for()
        # Beside it, the warning of look-alikes says the same of the first.
        views["bind"].append(text_of(page.locator("form > .pairs")))
        save_screenshot(f"bind-{number}")
        # The person says that they know what they add.
        for box in page.locator("input[type=checkbox][required]").all():
            box.check()
        page.locator("form button.main").click()
        page.locator("a.button.main").click()
        page.locator("#waiting").wait_for()
    assert [each.get("verifiedName") for each in invitations] == [VERIFIED, None]
    names = ["Harbour Bank", "Example"]
    stored = sorted(page.evaluate(ACCOUNTS), key=str)
    assert stored == sorted(
        [[*names, VERIFIED, "zoe", "zoe"], [*names, None, "zoe", "zoe"]], key=str
    )
    for origin in verified.origins:
        origin.client.ask("zoe", "Log in?", duration=MINUTES)
    requests = page.locator("a.open:has-text('Log in?')")
    requests.nth(1).wait_for()
    accounts = page.locator("a.card:not(.open)")
    for entries in (requests, accounts):
        texts = [text_of(entries.nth(index)) for index in range(2)]
        assert sorted(f"Verified: {VERIFIED}" in text for text in texts) == [False, True]
        assert sorted("Not verified" in text for text in texts) == [False, True]
        assert all("Harbour Bank" in text for text in texts)
    save_screenshot("list")
    addresses = [requests.nth(index).get_attribute("href") for index in range(2)]
    for number, address in enumerate(addresses, 1):
        page.evaluate("(address) => location.assign(address)", address)
        page.locator(".answer").first.wait_for()
        views["request"].append(text_of(page.locator("main")))
        save_screenshot(f"request-{number}")
        page.evaluate("() => location.assign('#/')")
        page.locator("#waiting").wait_for()
    for texts in views.values():
        assert sorted(f"Verified: {VERIFIED}" in text for text in texts) == [False, True]
        assert sorted("Not verified" in text for text in texts) == [False, True]
    assert all("Company: Example" in text for text in views["bind"])


def test_a_company_that_calls_itself_verified_is_not(device, two_tenants):
    """What a tenant chooses has a line of its own, with its label before it."""
    (_, company), (_, origin) = two_tenants.companies, two_tenants.origins
    two_tenants.rename(company, f"Verified: {VERIFIED}")
    try:
        device.page.goto(origin.link("yves"))
        device.page.locator("#name").wait_for()
        lines = text_of(device.page.locator(".owner").first).splitlines()
        assert lines == ["Not verified", f"Company: Verified: {VERIFIED}"]
    finally:
        two_tenants.rename(company, "Example")


def test_a_name_that_is_taken_away_is_not_shown_any_more(device, verified):
    page, (origin, _) = device.page, verified.origins
    device.bind_passkey(origin.link("wim"))
    page.locator(".verified").wait_for()
    verified.verify(verified.companies[0], "--not-verified")
    page.reload()
    page.locator(".unverified").wait_for()
    assert page.locator(".verified").count() == 0


def test_two_accounts_of_one_app_space_differ_by_their_ids(device, two_tenants):
    page, (origin, _) = device.page, two_tenants.origins
    device.bind_passkey(origin.link("user-1"))
    assert page.locator(".account-id").count() == 0
    page.goto(origin.link("user-2"))
    page.locator("#name").wait_for()
    assert text_of(page.locator(".account-id")) == "Account id: user-2"
    page.locator("form button.main").click()
    page.locator("a.button.main").click()
    page.locator("#waiting").wait_for()
    page.locator(".account-id").nth(1).wait_for()
    ids = [text_of(page.locator(".account-id").nth(index)) for index in range(2)]
    assert sorted(ids) == ["Account id: user-1", "Account id: user-2"]
    origin.client.ask("user-1", "Log in?", duration=MINUTES)
    entry = page.locator("a.open:has-text('Log in?')")
    entry.wait_for()
    assert "Account id: user-1" in text_of(entry)
    device.open_request()
    assert text_of(page.locator(".who .account-id")) == "Account id: user-1"


def test_ids_that_differ_by_spaces_alone_look_different(device, two_tenants):
    page, (origin, _) = device.page, two_tenants.origins
    texts_by_id = {
        "una": "una",
        "una ": "una<U+0020>",
        " una": "<U+0020>una",
        "u  na": "u <U+0020>na",
        "u na": "u na",
    }
    device.authenticate()
    for account_id, text in texts_by_id.items():
        page.goto(origin.link(account_id))
        page.get_by_role("radio", name="Passkey").wait_for()
        assert text_of(page.locator("dd.owner bdi").last) == text
        page.locator("form button.main").click()
        page.locator("a.button.main").click()
        page.locator("#waiting").wait_for()
    ids = page.locator(".card:not(.open) .account-id")
    ids.nth(len(texts_by_id) - 1).wait_for()
    texts = [text_of(ids.nth(index)) for index in range(len(texts_by_id))]
    assert sorted(texts) == sorted(f"Account id: {text}" for text in texts_by_id.values())
    for account_id in ("una", "una "):
        pending_request = origin.client.ask(account_id, "Log in?", duration=MINUTES)
        look_at(page)  # an account that has no connection of its own is asked every ten seconds
        device.open_request()
        text = texts_by_id[account_id]
        assert text_of(page.locator("#who .account-id")) == f"Account id: {text}"
        assert text in page.locator(".details dd").all_text_contents()
        origin.client.cancel(pending_request)
        page.goto("about:blank")
        page.goto(f"{origin.url}/app/")
        page.locator("#waiting").wait_for()


def test_a_link_names_the_account_until_the_service_does(device, two_tenants):
    """Anybody can write a link, and its name of the account is shown as that."""
    page, (origin, _) = device.page, two_tenants.origins
    names_of_account = ("accountId", "accountName")

    def leave_out(route):
        reply = route.fetch()
        members = {
            name: text for name, text in reply.json().items() if name not in names_of_account
        }
        route.fulfill(response=reply, json=members)

    for path in ("invitation", "bind", "status"):
        page.route(f"**/device/{path}", leave_out)
    link = f"{origin.link('user-3')}&displayName=Savings%20of%20Zo%C3%AB"
    page.goto(link)
    row = page.locator("dt:has-text('Account, as the link says') + dd")
    assert text_of(row) == "Savings of Zo\u00eb"
    page.goto("about:blank")
    device.bind_passkey(link)
    page.locator("a.card:has-text('According to the link: Savings of Zo\u00eb')").wait_for()
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    page.locator("a.card:has-text('user-3')").wait_for()
    assert "Savings" not in text_of(page.locator("main"))


def test_a_new_device_and_a_lock_are_decided_beside_whose_account_it_is(
    device, verified, open_device, tmp_path
):
    """Of two accounts of one App Space, and of a link that chose the name."""
    page, (origin, _) = device.page, verified.origins

    def leave_out(route):
        reply = route.fetch()
        members = {name: text for name, text in reply.json().items() if name != "accountName"}
        route.fulfill(response=reply, json=members)

    for path in ("invitation", "bind", "status"):
        page.route(f"**/device/{path}", leave_out)
    device.bind_passkey(origin.link("vera-1"))
    page.goto("about:blank")
    device.bind_passkey(f"{origin.link('vera-2')}&displayName=Savings%20of%20Vera")
    device.follow(page.locator("a.card:not(.open):has-text('Savings of Vera')"))
    page.locator("summary:has-text('Lock my account')").click()
    lock = page.locator("details:has-text('Lock my account')")
    identity = [
        "Harbour Bank",
        f"Verified: {VERIFIED}",
        "Company: Example",
        f"According to the link: Savings of Vera Account id: vera-2 {origin.url}",
    ]
    assert read_lines(page.locator("main > .identity")) == identity
    assert read_lines(lock.locator(".identity")) == identity
    page.get_by_role("button", name="Add another device").click()
    link = page.locator("#new-link").input_value()
    with open_device() as new:
        new.authenticate()
        new.page.goto(link)
        new.page.get_by_role("radio", name="Passkey").wait_for()
        new.page.locator("form button.main").click()
        device.wait_for_heading("Add this new device?")
    page.screenshot(path=tmp_path / "new-device.png", full_page=True)
    assert read_lines(page.locator("main > .identity")) == identity
