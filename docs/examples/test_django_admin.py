"""From `startproject` to an admin that asks this browser: few lines, servers and Chromium."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx2
import pytest
from django_admin.make_project import HERE, OWN_LINES, make_project
from reserved_ports import reserve_port
from running_shop import PATIENCE

OWN_LINES_LIMIT = 25
PASSWORD = "correct horse battery"  # noqa: S105 (of this test)
PIN = "739154"
SURE = "Yes, I\N{RIGHT SINGLE QUOTATION MARK}m sure"
POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'"
"""A strict Content Security Policy, which the admin and our pages obey."""

WINDOWS = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}

COMMANDS = {
    "runserver": ("manage.py", "runserver", "--noreload", "localhost:{port}"),
    "gunicorn": (
        *("-m", "gunicorn", "--bind=localhost:{port}", "--no-control-socket", "--threads=24"),
        "office.wsgi",
    ),
    "uvicorn": (
        *("-m", "uvicorn", "--host=localhost", "--port={port}", "--lifespan=off"),
        "office.asgi:application",
    ),
}
"""By server, what starts it."""

EVERY_FACE = "EVERY_FACE" in os.environ
SERVERS = list(COMMANDS) if EVERY_FACE else ["runserver"]

FILL = f"""
from django.contrib.auth.models import User
from customers.models import Customer
User.objects.create_superuser("zoe", password={PASSWORD!r})
for name in ("Ada", "Bob", "Cy"):
    Customer.objects.create(name=name)
"""


def test_the_own_lines_of_the_project_are_few():
    lines = [line for name in OWN_LINES for line in (HERE / name).read_text("utf-8").splitlines()]
    assert 1 < len([line for line in lines if line.strip()]) <= OWN_LINES_LIMIT


@contextmanager
def serving(folder, server, port):
    """Run *server* on the project in *folder*; yield the URL of its admin."""
    words = [word.format(port=port) for word in COMMANDS[server]]
    process = subprocess.Popen([sys.executable, *words], cwd=folder)
    url = f"http://localhost:{port}/admin"
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)  # there is no other way to see a port
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE)


def answers(url):
    try:
        httpx2.get(url, timeout=PATIENCE)
    except httpx2.TransportError:
        return False
    return True


class Person:
    """A member of the staff at a browser, which becomes their device."""

    def __init__(self, chromium, pictures, axe=None):
        self.context = chromium.new_context(
            locale="en-GB", reduced_motion="reduce", service_workers="block"
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        self.problems = []
        self.context.on("console", self._note_problem)
        self.page = self.context.new_page()
        self.page.route("**/admin/**", self._with_policy)
        self._pictures, self._axe = pictures, axe

    def _note_problem(self, message):
        # A refusal is a status, which Chromium writes there; only runserver has static files.
        expected = (
            "Failed to load resource",
            "Refused to apply style",
            "Refused to execute script",
        )
        # What has no address is a tool's of ours, not the page's.
        if (
            message.type == "error"
            and message.location["url"]
            and ("Content Security Policy" in message.text or not message.text.startswith(expected))
        ):
            self.problems.append(message.text)

    def _with_policy(self, route):
        if route.request.resource_type != "document":
            route.continue_()
            return
        response = route.fetch(max_redirects=0)
        headers = response.headers | {"content-security-policy": POLICY}
        route.fulfill(response=response, headers=headers)

    def look(self, name):
        """With EVERY_FACE, check that the page fits each window and everybody; take pictures."""
        if self._axe is None:
            return
        for window, size in WINDOWS.items():
            self.page.set_viewport_size(size)
            self.page.screenshot(path=self._pictures / f"{name}-{window}.png", full_page=True)
            fits = "width => document.documentElement.scrollWidth <= width"
            self.page.wait_for_function(fits, arg=size["width"])
        violations = self._axe.violations(self.page)
        ours = {
            rule: [each for each in elements if "counterseal" in each]
            for rule, elements in violations.items()
        }
        assert not any(ours.values()), ours

    @contextmanager
    def app(self, link):
        """Follow *link* to the browser device, which opens in a tab of its own; yield the tab."""
        with self.context.expect_page() as opening:
            self.page.get_by_role("link", name=link).click()
        yield opening.value
        opening.value.close()

    def log_in(self, url):
        self.page.goto(f"{url}/")
        self.page.get_by_label("Username").fill("zoe")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

    def connect(self):
        """Make this browser the device."""
        self.page.get_by_role("link", name="Connect this browser").click()
        self.page.get_by_label("Your password").fill(PASSWORD)
        self.look("2-connect")
        self.page.get_by_role("button", name="Connect this browser").click()
        self.page.locator("#counterseal-link").wait_for()
        self.look("3-link")
        with self.app("Connect this browser") as app:
            app.locator("form:has(#name) button.main").click()
            app.locator("#pin").fill(PIN)
            app.locator("#pin-again").fill(PIN)
            app.locator("dialog button.main").click()
            app.locator("a.button.main").wait_for()
        self.page.get_by_role("link", name="Back to what you were about to do").click()

    def answer(self, button):
        """Open the browser device, and press *button* there."""
        code = self.page.locator("#counterseal-code").inner_text()
        with self.app("Open your browser device") as app:
            # Between the press of a mouse and its release it may be filled anew.
            app.locator("a.open").dispatch_event("click")
            if button == "Approve":
                app.locator("#code").fill(code)
                app.get_by_role("button", name="Approve", exact=True).click()
                app.locator("#pin").fill(PIN)
                app.locator("dialog button.main").click()
                app.get_by_role("heading", name="Approved", level=1).wait_for()
            else:
                app.get_by_role("button", name="Reject", exact=True).click()
                app.get_by_role("button", name="Refuse without a reason", exact=True).click()
                app.get_by_role("heading", name="Refused", level=1).wait_for()

    def delete_selected(self, *names):
        """Select customers in the list, and delete them."""
        for name in names:
            self.page.get_by_role("row", name=name).get_by_role("checkbox").check()
        self.page.locator("select[name=action]").select_option("delete_selected")
        self.page.get_by_role("button", name="Go", exact=True).click()
        self.page.get_by_role("button", name=SURE).click()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Make the project of the page, with a superuser and three customers."""
    folder, port = tmp_path_factory.mktemp("office"), reserve_port()
    make_project(folder, port, FILL)
    return folder, port


@pytest.mark.parametrize("server", SERVERS)
def test_deleting_customers_in_the_admin_asks_this_browser(
    server, project, chromium_of_file, request, tmp_path
):
    axe = request.getfixturevalue("axe") if EVERY_FACE else None
    pristine, port = project
    folder = shutil.copytree(pristine, tmp_path / "office")
    person = Person(chromium_of_file, tmp_path, axe)
    page = person.page
    with serving(folder, server, port) as url:
        customers = f"{url}/customers/customer/"
        person.log_in(url)
        page.goto(customers)
        page.get_by_role("link", name="Ada").click()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name=SURE).click()
        person.look("1-no-device")
        person.connect()
        page.get_by_role("button", name=SURE).click()
        page.get_by_text("Waiting for your answer").wait_for()
        person.look("4-waiting")
        person.answer("Approve")
        # The page goes on by itself.
        page.get_by_text("was deleted successfully").wait_for()
        person.look("5-deleted")

        if EVERY_FACE:
            person.delete_selected("Bob", "Cy")
            person.look("6-waiting-for-several")
            person.answer("Reject")
            page.get_by_text("You declined on your device").wait_for()
            person.look("7-declined")
            page.goto(customers)
            page.get_by_text("2 customers").wait_for()
        person.delete_selected("Bob", "Cy")
        person.answer("Approve")
        page.get_by_text("Successfully deleted 2 customers.").wait_for()
        person.context.close()
    assert person.problems == []
