"""
Every page in a browser: axe finds nothing, nothing is forbidden by the policy, nothing is too wide.

With SCREENS=FOLDER, as pictures on one page, too.
"""

import base64
import json
import os
from pathlib import Path

import pytest
from page_checks import DESK, LISTEN, PATIENCE, VIEWS
from portal_browser import PortalOfTests
from portal_server import serve
from portal_tenants import Tenants

from counterseal import AuditChain
from counterseal_portal.branding import BLACK, WHITE, readable_on
from counterseal_portal.portal import ROLE_ROUTES as ROUTES
from counterseal_testing.pictures import build_chunk, build_png

ROLES = ["global"]
if "BROWSER_FULL" in os.environ:
    ROLES += ["company", "app_space", "support"]
READABLE_COLOURS = Path(__file__).with_name("readable_colours.json")
"""Black or white by the colour on which it has the greater contrast (WCAG 2.2, 1.4.3)."""
FOLDER = Path(os.environ["SCREENS"]) / "portal" if "SCREENS" in os.environ else None


@pytest.fixture(scope="module")
def served():
    def build(url):
        portal = PortalOfTests(public_url=with_passkeys(url))
        portal.tenants = Tenants(portal, **NAMES)
        portal.people = portal.tenants.people()
        logo = base64.b64encode(build_png()).decode()
        form = {"color": "#0B5F66", "logo": logo}
        path = f"/app-spaces/{portal.tenants.app_space}/brand"
        assert portal.people["global"].post(path, form).status == 303
        fields = {"scheme": "signature", "hours": "24"}
        for _ in range(2):
            path = f"/origins/{portal.tenants.origin}/credentials/new"
            assert portal.people["global"].post(path, fields).status == 200
        AuditChain(portal.service.ports, portal.service.policy).chain()
        return portal

    with serve(build) as (url, portal):
        yield with_passkeys(url), portal


def with_passkeys(url):
    """Return *url* by the name at which browsers have passkeys, which they have at no address."""
    return url.replace("127.0.0.1", "localhost")


NAMES = {"company": "Example Ltd", "app_space": "Example Bank", "origin": "Online banking"}


class Screens:
    """
    A page of Chromium in which each page of the portal is looked at.

    Attributes:
        page: Of Playwright.
    """

    def __init__(self, chromium, page_checks, url, browser, view):
        self._context = chromium.new_context(**VIEWS[view])
        self._context.add_cookies([{"name": "session", "value": browser.cookie_value, "url": url}])
        self._context.add_init_script(f"({LISTEN})()")
        page_checks.prepare(self._context)
        self._checks, self._view, self._url = page_checks, view, url
        self._context.set_default_timeout(PATIENCE)
        self.page = self._context.new_page()

    def open(self, path):
        self.page.goto(f"{self._url}/portal{path}")

    def inspect(self, name):
        """Let axe look at the page as it stands, and require that it finds nothing."""
        self._checks.require_sound(self.page, self._view, name)
        if FOLDER is not None:
            self.page.screenshot(path=FOLDER / f"{self._view}-{name}.png", full_page=True)

    def close(self):
        self._context.close()


@pytest.fixture(scope="module", autouse=True)
def index_page():
    """Write one page with all pictures."""
    if FOLDER is not None:
        FOLDER.mkdir(parents=True, exist_ok=True)
    yield
    if FOLDER is None:
        return
    pictures = "".join(
        f'<figure><img src="{path.name}" alt=""><figcaption>{path.stem}</figcaption></figure>'
        for path in sorted(FOLDER.glob("*.png"))
    )
    style = "body{display:flex;flex-wrap:wrap}img{width:320px}figure{margin:8px}"
    page = f"<!doctype html><meta charset=utf-8><title>Screens</title><style>{style}</style>"
    (FOLDER / "index.html").write_text(page + pictures, "utf-8")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("role", ROLES)
def test_axe_and_the_policy_find_nothing_on_any_page(chromium, page_checks, served, role, view):
    url, portal = served
    browser = portal.people[role]
    screens = Screens(chromium, page_checks, url, browser, view)
    for route in ROUTES:
        path = portal.tenants.address(route)
        if route.method == "GET" and not route.public and browser.get(path).status == 200:
            screens.open(path)
            screens.inspect(route.id if role == "global" else f"{role}-{route.id}")
    screens.close()


LONG = "Example-Kreditversicherungsgesellschaft-fuer-Landwirtschaft-und-Forsten-Aktiengesellschaft"
RIGHT_TO_LEFT = "بنك المثال للتجارة"
EXTREMES = {
    "company": LONG,
    "app_space": RIGHT_TO_LEFT,
    "origin": LONG.replace("-", " "),
    "account_id": "customer-" + "0123456789" * 12,
}


@pytest.mark.skipif("BROWSER_FULL" not in os.environ, reason="with BROWSER_FULL only")
@pytest.mark.parametrize("view", VIEWS)
def test_long_names_and_states_fit_on_every_page(chromium, page_checks, view):
    def build(url):
        portal = PortalOfTests(public_url=with_passkeys(url))
        portal.tenants = Tenants(portal, **EXTREMES)
        return portal

    with serve(build) as (url, portal):
        tenants, browser = portal.tenants, portal.global_admin()
        account = f"/accounts/{tenants.account}"
        assert browser.post(f"{account}/lock").status == 303
        AuditChain(portal.service.ports, portal.service.policy).chain()
        screens = Screens(chromium, page_checks, with_passkeys(url), browser, view)
        for name, path in {
            "overview": "",
            "audit": "/audit",
            "accounts": f"/accounts?app_space={tenants.app_space}&q=customer",
            "account": f"{account}?done=account-locked",
            "unlock": f"{account}/unlock",
            "companies": "/companies",
            "company": f"/companies/{tenants.company}",
            "app-space": f"/app-spaces/{tenants.app_space}",
            "origin": f"/origins/{tenants.origin}",
            "callbacks": f"/origins/{tenants.origin}/callbacks",
            "not-found": "/absent",
        }.items():
            screens.open(path)
            screens.inspect(f"long-{name}")
        screens.open("")
        screens.page.locator("main summary").first.click()
        if "phone" in view:
            screens.page.locator(".menu summary").click()
        screens.inspect("long-open")
        screens.close()


def test_a_form_with_errors_and_a_secret(chromium, page_checks, served):
    url, portal = served
    tenants = portal.tenants
    screens = Screens(chromium, page_checks, url, portal.people["global"], "phone-light")
    page = screens.page
    screens.open(f"/origins/{tenants.origin}/allow-list/new")
    page.locator("main button").click()
    page.locator(".errors a").click()
    page.locator("#field-entry:focus").wait_for()
    screens.inspect("form-with-errors")
    screens.open(f"/origins/{tenants.origin}/credentials/new")
    page.locator("main button").click()
    page.locator(".secret").wait_for()
    screens.inspect("secret")
    screens.open("/absent")
    screens.inspect("not-found")
    screens.close()


def test_colour_and_logo_are_shown_before_they_are_saved(chromium, page_checks, served, tmp_path):
    url, portal = served
    tenants = portal.tenants
    screens = Screens(chromium, page_checks, url, portal.people["global"], "phone-light")
    page = screens.page
    logo = tmp_path / "logo.png"
    # As a paint program writes it: too large, and with more than the picture in the file.
    png, header_end = build_png(width=600, height=600), 33
    comment = build_chunk(b"tEXt", b"Software\x00Example")
    logo.write_bytes(png[:header_end] + comment + png[header_end:])
    screens.open(f"/app-spaces/{tenants.app_space}/brand")
    app = page.frame_locator("iframe")
    page.locator("#field-color").fill("#FFD400")
    app.locator(f".space{drawn_in('255, 212, 0', '0, 0, 0')}").wait_for()
    page.locator("#field-color").fill("#FFD4")
    app.locator(".space:not([style])").wait_for()
    page.locator("#field-color").fill("#0B5F66")
    app.locator(f".space{drawn_in('11, 95, 102', '255, 255, 255')}").wait_for()
    page.locator("#field-logo").set_input_files(logo)
    app.locator(".space img[src^='blob:']").wait_for()
    assert page.locator(".phone").is_hidden()
    page.get_by_text("As it will be once you save it.", exact=True).wait_for()
    screens.inspect("brand-preview")
    page.locator("main button").click()
    page.locator("[role=status]").wait_for()
    page.wait_for_function("() => document.querySelector('.label img')?.naturalWidth === 512")
    screens.close()


def drawn_in(background, text):
    """Return the selector of what the app draws in these colours."""
    return f"[style*='background-color: rgb({background})'][style*=' color: rgb({text})']"


def test_pages_write_on_a_colour_what_devices_do():
    """`test_brand.py` of counterseal-pwa compares the device in the browser with the same table."""
    for colour, text in json.loads(READABLE_COLOURS.read_text("utf-8")).items():
        assert readable_on(colour) == {"white": WHITE, "black": BLACK}[text]


DELAYED = """
  const convert = globalThis.createImageBitmap;
  window.delayed = [];
  globalThis.createImageBitmap = (picture) =>
    new Promise((resolve) => window.delayed.push(() => resolve(convert(picture))));
"""
"""Each conversion of a picture waits until the test lets it go on."""


@pytest.fixture
def brand_page(chromium, page_checks, served):
    """The form of the brand, in a browser that converts pictures when the test lets it."""
    url, portal = served
    screens = Screens(chromium, page_checks, url, portal.people["global"], "phone-light")
    screens.page.add_init_script(DELAYED)
    screens.open(f"/app-spaces/{portal.tenants.app_space}/brand")
    yield screens.page
    screens.close()


def choose_logo(page, folder, width):
    """Choose a picture of that width, and return when its conversion waits."""
    logo = folder / f"{width}.png"
    logo.write_bytes(build_png(width=width, height=width))
    count = page.evaluate("() => window.delayed.length")
    page.locator("#field-logo").set_input_files(logo)
    page.wait_for_function("(count) => window.delayed.length > count", arg=count)


SAVED_WIDTH = """(width) =>
  document.querySelector("[role=status]") !== null &&
  document.querySelector(".label img")?.naturalWidth === width
"""


def test_of_two_logos_picked_quickly_the_second_is_saved(brand_page, tmp_path):
    choose_logo(brand_page, tmp_path, 200)
    choose_logo(brand_page, tmp_path, 100)
    encoded = brand_page.locator("input[type=hidden][name=logo]")
    brand_page.evaluate("() => window.delayed[1]()")
    brand_page.wait_for_function("(input) => input.value !== ''", arg=encoded.element_handle())
    second = encoded.input_value()
    brand_page.evaluate("() => window.delayed[0]()")
    image = brand_page.frame_locator("iframe").locator(".space img")
    image.evaluate("(element) => element.decode()")
    assert image.evaluate("(element) => element.naturalWidth") == 100
    assert encoded.input_value() == second
    brand_page.locator("main button").click()
    brand_page.wait_for_function(SAVED_WIDTH, arg=100)


def test_a_save_waits_for_the_conversion_of_the_logo(brand_page, tmp_path):
    choose_logo(brand_page, tmp_path, 120)
    brand_page.locator("main button").click(no_wait_after=True)
    brand_page.evaluate("() => window.delayed[0]()")
    brand_page.wait_for_function(SAVED_WIDTH, arg=120)


def test_a_logo_that_cannot_be_read_is_not_saved_and_said_so(brand_page, tmp_path):
    choose_logo(brand_page, tmp_path, 140)
    brand_page.locator("main button").click(no_wait_after=True)
    brand_page.evaluate(
        """() => {
          const refusal = new DOMException("", "NotReadableError");
          Blob.prototype.arrayBuffer = () => Promise.reject(refusal);
        }"""
    )
    logo = tmp_path / "unreadable.png"
    logo.write_bytes(build_png(width=160, height=160))
    brand_page.locator("#field-logo").set_input_files(logo)
    brand_page.get_by_text("The browser cannot read this file.", exact=True).wait_for()
    assert brand_page.locator("#field-logo").input_value() == ""
    assert brand_page.locator("[role=status]").count() == 0


def test_no_page_can_be_framed(chromium, served):
    url, portal = served
    context = chromium.new_context()
    name = portal.people["global"].cookie_value
    context.add_cookies([{"name": "session", "value": name, "url": url}])
    page = context.new_page()
    page.goto(f"{url}/.well-known/jwks.json")
    page.evaluate(
        """url => new Promise((resolve) => {
          const frame = document.createElement("iframe");
          frame.addEventListener("load", resolve);
          frame.src = url;
          document.body.append(frame);
        })""",
        f"{url}/portal",
    )
    frame = page.frames[-1]
    assert "Overview" not in frame.content()
    context.close()


VISIBLE_ROWS = """() => [...document.querySelectorAll(".rows tbody tr")].filter(
  (row) => row.getBoundingClientRect().bottom <= innerHeight
).length"""


def test_twenty_accounts_are_seen_at_once_on_a_desk(chromium):
    def build(url):
        portal = PortalOfTests(public_url=with_passkeys(url))
        for number in range(30):
            portal.service.invitations.invite(portal.service.origin, f"user-{number:02}")
        return portal

    with serve(build) as (url, portal):
        context = chromium.new_context(viewport=DESK)
        cookie = {"name": "session", "value": portal.support().cookie_value}
        context.add_cookies([cookie | {"url": with_passkeys(url)}])
        page = context.new_page()
        page.goto(f"{with_passkeys(url)}/portal/accounts?q=user", timeout=PATIENCE)
        assert page.evaluate(VISIBLE_ROWS) >= 20
        context.close()
