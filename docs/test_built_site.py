"""
The site in Chromium: what its search finds first; pages fit, and can be used by keyboard.

BUILT_SITE names the folder with the site; without it, Sphinx builds the site first.
"""

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote_plus

import pytest

DOCS = Path(__file__).parent
PATIENCE = 240_000
"""Milliseconds, for a machine on which nothing is soon."""
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
pytest.importorskip("furo")

BROWSER_DEVICE = "how-to/let-people-answer-in-the-browser"
AGENT = "how-to/let-a-person-approve-what-your-agent-does"
COMPARISON = "explanation/how-it-compares"
FOUND_FIRST = {
    "cors": BROWSER_DEVICE,
    "passkey": BROWSER_DEVICE,
    "passkeys": BROWSER_DEVICE,
    "push fatigue": "explanation/limitations",
    "GDPR": "how-to/look-after-users",
    "Duo": COMPARISON,
    "Okta": COMPARISON,
    "privacyIDEA": COMPARISON,
    "license": "index",
    "backup": "how-to/back-up-and-restore",
    "lost phone": "how-to/change-phones",
    "rate limit": "reference/policy",
    "multi-tenant": "how-to/look-after-tenants",
    "webhook": "how-to/verify-callbacks",
    "docker": "how-to/run-in-containers",
    "kubernetes": "how-to/run-on-a-cluster",
    "number matching": "how-to/ask-from-your-site",
    "dead callback": "how-to/solve-problems",
    "dead callbacks": "how-to/solve-problems",
    "audit": "reference/audit-log",
    "audit log": "how-to/watch-over-the-audit-log",
    "receipt": "how-to/read-a-receipt",
    "qr code": BROWSER_DEVICE,
    "offline": "how-to/read-a-receipt",
    "agent": AGENT,
    "langgraph": AGENT,
    "mcp": "how-to/let-an-mcp-client-ask",
    "django": "how-to/embed-in-django",
    "flask": "how-to/embed-in-flask",
    "fastapi": "how-to/embed-in-fastapi",
    "swift": "how-to/write-a-device",
    "error codes": "reference/errors",
}
"""By what a reader types, the page that the site lists first."""

LOOKED_AT = [
    "index",
    "how-to/let-people-answer-in-the-browser",
    "how-to/run-the-service",
    "reference/policy",
    "reference/errors",
    COMPARISON,
    "explanation/limitations",
]


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, *_):
        """Leave the output to the tests."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the address of the site."""
    folder = os.environ.get("BUILT_SITE")
    if folder is None:
        folder = tmp_path_factory.mktemp("site")
        options = ["-W", "-n", "-E", "-q", "--jobs=auto"]
        command = [sys.executable, "-m", "sphinx", *options, DOCS, folder]
        subprocess.run(command, check=True, timeout=PATIENCE)
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(chromium_of_file):
    return chromium_of_file


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(browser, request):
    context = browser.new_context(viewport=request.param)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


@pytest.fixture(scope="module")
def search_page(browser):
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def search(page, site, words):
    """Return the pages that the site lists for *words*, without the place on the page."""
    page.goto(f"{site}/search.html?q={quote_plus(words)}")
    # Each result comes on its own; then their number.
    page.locator(".search-summary:not(:empty)").wait_for()
    links = page.locator("ul.search > li > a")
    addresses = links.evaluate_all("(links) => links.map((link) => link.pathname)")
    return [address.removeprefix("/").removesuffix(".html") for address in addresses]


@pytest.mark.parametrize(("words", "first"), FOUND_FIRST.items())
def test_the_page_that_answers_comes_first(search_page, site, words, first):
    assert search(search_page, site, words)[0] == first


def test_pages_for_a_task_come_before_facts_and_decisions(search_page, site):
    folders = [found.partition("/")[0] for found in search(search_page, site, "outbox")]

    ranks = {"how-to": 0, "tutorial": 0, "explanation": 1, "reference": 2, "decisions": 3}
    whole = [ranks[folder] for folder in folders if folder in ranks]
    assert whole == sorted(whole)
    assert {1, 2, 3} <= set(whole)


def test_python_names_are_listed_on_request(search_page, site):
    assert not search(search_page, site, "receipt")[0].startswith("reference/api/")
    assert search_page.locator("li.kind-object").count() == 0

    offer = search_page.get_by_role("link", name="Python names")
    offer.click()
    search_page.locator("li.kind-object").first.wait_for()


def test_a_python_name_is_found_at_once(search_page, site):
    assert search(search_page, site, "SoftwareDevice")[0].startswith("reference/api/")


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_fits_and_axe_finds_nothing(page, site, axe, name):
    page.goto(f"{site}/{name}.html")

    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == page.viewport_size["width"]
    assert axe.violations(page) == {}


SCROLLERS = """() => [...document.querySelectorAll("article pre, article .table-wrapper")]
  .filter((element) => element.scrollWidth > element.clientWidth + 1)
  .map((element) => [element.tabIndex, element.getAttribute("role"), element.ariaLabel])"""


@pytest.mark.parametrize("name", ["how-to/run-the-service", "reference/errors"])
def test_what_scrolls_can_be_scrolled_by_keyboard(browser, site, name):
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(f"{site}/{name}.html")

    scrollers = page.evaluate(SCROLLERS)
    assert scrollers
    for index, role, label in scrollers:
        assert (index, role) == (0, "group")
        assert label
    context.close()


def test_the_table_of_the_policy_is_read_without_scrolling_on_a_phone(browser, site):
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(f"{site}/reference/policy.html")

    cells = page.locator("section#policy table td")
    boxes = cells.evaluate_all(
        "(cells) => cells.map((cell) => cell.getBoundingClientRect())"
        ".map(({ left, right }) => [left, right])"
    )
    assert boxes
    assert [box for box in boxes if box[0] < 0 or box[1] > PHONE["width"]] == []
    context.close()
