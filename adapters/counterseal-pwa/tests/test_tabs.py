"""Tabs of one browser: one of them asks the service, and what changes in one is in all."""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest

MINUTES = timedelta(minutes=5)
NOTHING = "Nothing waits for your answer."
WATCHING = re.compile(r"/device/requests(/events|\?|$)")


class Connections:
    """
    The calls by which all tabs of a browser learn of requests.

    Attributes:
        open: Those that have not ended, by the tab.
        most: How many were open at a time.
    """

    def __init__(self, context):
        self.open, self.most = [], 0
        context.on("request", self._begin)
        context.on("requestfinished", self._end)
        context.on("requestfailed", self._end)

    def _begin(self, request):
        if WATCHING.search(request.url):
            self.open.append(request)
            self.most = max(self.most, len(self.open))

    def _end(self, request):
        if request in self.open:
            self.open.remove(request)

    def of(self, page):
        return [request for request in self.open if request.frame.page == page]


@pytest.fixture
def browser(device):
    device.authenticate()
    return device


def open_tab(device, origin):
    page = device.page.context.new_page()
    page.goto(f"{origin.url}/app/")
    page.locator("#waiting").wait_for()
    return page


@contextmanager
def bound(device, origin, *names):
    for name in names:
        device.page.goto("about:blank")
        device.bind_passkey(origin.link(name))
    yield Connections(device.page.context)


def test_one_tab_leads_and_another_one_when_it_closes(browser, origin):
    with bound(browser, origin, "user-tabs-1", "user-tabs-2") as connections:
        first = browser.page
        second = open_tab(browser, origin)
        for page in (first, second):
            page.locator("#waiting ~ *").filter(has_text=NOTHING).wait_for()
        assert connections.of(second) == []
        origin.client.ask("user-tabs-1", "Log in?", duration=MINUTES)
        for page in (first, second):
            page.locator("a.open").filter(has_text="Log in?").wait_for()
        with second.expect_request("**/device/requests/events"):
            first.close()
        origin.client.ask("user-tabs-2", "Log in again?", duration=MINUTES)
        second.locator("a.open").filter(has_text="Log in again?").wait_for()
        assert connections.most <= 2


def test_an_account_that_is_bound_renamed_or_removed_in_one_tab_is_so_in_the_other(
    browser, origin, open_device
):
    with bound(browser, origin, "user-tabs-3"):
        first = browser.page
        second = open_tab(browser, origin)
        accounts = second.locator("section[aria-labelledby=accounts] li")
        assert accounts.count() == 1
        first.goto("about:blank")
        browser.bind_passkey(origin.link("user-tabs-4"))
        accounts.nth(1).wait_for()
        browser.open_account()
        first.locator("#name").fill("Kitchen tablet")
        first.get_by_role("button", name="Rename").click()
        accounts.filter(has_text="Kitchen tablet").wait_for()
        first.locator("details", has_text="Remove").locator("summary").click()
        first.get_by_role("button", name="Remove").first.click()
        first.locator("#waiting").wait_for()
        accounts.filter(has_text="Kitchen tablet").wait_for(state="detached")
        assert accounts.count() == 1


def test_four_accounts_in_three_tabs_have_two_connections(browser, origin):
    names = [f"user-many-{number}" for number in range(4)]
    with bound(browser, origin, *names) as connections:
        tabs = [browser.page, open_tab(browser, origin), open_tab(browser, origin)]
        for name in names:
            origin.client.ask(name, f"Are you {name}?", duration=MINUTES)
        # Accounts without a connection of their own are asked every ten seconds.
        for page in tabs:
            for name in names:
                page.locator("a.open").filter(has_text=f"Are you {name}?").wait_for()
        assert connections.most <= 2
        assert len([page for page in tabs if connections.of(page)]) <= 1
