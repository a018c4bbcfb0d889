"""A log-in at an Identity Provider: the app adds this browser, in place of a lost device or not."""

import re
import threading
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs
import pytest
from test_screens import VIEWS, Screens
from test_texts import MOMENT, TEXTS
from werkzeug.serving import make_server

from counterseal import OPERATOR, STANDARD, Administration
from counterseal.memory import memory_ports
from counterseal.models import BindingState
from counterseal_pwa import MOUNT, Pages
from counterseal_testing import FakeIdentityProvider
from counterseal_web import Service, Settings
from counterseal_web.wsgi import WsgiApplication

LIMIT = 2
"""Devices that a person may have."""

WORDS = """() => {
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode.data.trim());
  return texts;
}"""


class Bank:
    """
    A service with the app and an App Space whose users a provider identifies.

    Attributes:
        url: The service's.
        provider: A fake; a browser that is sent there comes back at once.
        app_space: The GUID of the App Space.
    """

    def __init__(self, url):
        self.url = url
        ports = memory_ports()
        self.provider = FakeIdentityProvider(ports.entropy)
        self._ports = attrs.evolve(ports, identity=self.provider)
        self._policy = attrs.evolve(STANDARD, bindings_limit=LIMIT)
        settings = attrs.evolve(
            self.provider.settings(), redirect_uri="", returns=(f"http://127.0.0.1{MOUNT}/",)
        )
        administration = Administration(self._ports, self._policy, by=OPERATOR)
        company = administration.create_company("Example")
        created = administration.create_app_space(company.guid, "Harbour Bank", idp=settings)
        self.app_space = created.guid
        self._calls = WsgiApplication(Service(self._ports, self._policy, Settings(public_url=url)))
        self._pages = Pages()

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if not self._pages.serves(path):
            return self._calls(environ, start_response)
        mounted = {**environ, "SCRIPT_NAME": MOUNT, "PATH_INFO": path.removeprefix(MOUNT)}
        return self._pages(mounted, start_response)

    @property
    def address(self):
        """Where a site sends its users to add a browser."""
        return f"{self.url}{MOUNT}/#/login/{self.app_space}"

    def states(self, account_id):
        """Return the state of each living device of the account, by name."""
        account = self._ports.store.account(self.app_space, account_id)
        bindings = self._ports.store.get(*(each.binding for each in account.devices))
        return {binding.name: binding.state for binding in bindings}

    def let_log_in(self, page, account_id, **changes):
        """Answer for the provider: the person logs in as *account_id*, or comes back otherwise."""
        self.provider.admit(account_id)

        def come_back(route):
            url = route.request.url
            back = self.provider.log_in(url, account_id)
            (address,) = parse_qs(urlsplit(url).query)["redirect_uri"]
            parameters = {"state": back.state, "code": back.code, "iss": back.issuer, **changes}
            query = urlencode({name: text for name, text in parameters.items() if text})
            route.fulfill(status=302, headers={"Location": f"{address}?{query}"})

        page.unroute_all()
        page.route(f"{self.provider.issuer}/**", come_back)


@pytest.fixture(scope="module")
def bank():
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    server.app = bank = Bank(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield bank
    server.shutdown()
    thread.join()
    server.server_close()


def log_in(device, bank, account_id):
    """Log in, and wait for the form that adds the browser; what loads it has the same heading."""
    bank.let_log_in(device.page, account_id)
    device.page.goto("about:blank")
    device.page.goto(bank.address)
    device.page.get_by_role("button", name="Log in", exact=True).click()
    device.wait_for_heading("Add this browser")
    device.page.locator("#name").wait_for()


def add(device, name, replaced=None):
    """Fill the form, choose what the browser replaces, and a PIN."""
    page = device.page
    page.locator("#name").fill(name)
    if replaced is not None:
        page.get_by_role("radio", name=replaced).check()
    page.locator("form button.main").click()
    page.locator("#pin").fill("739154")
    page.locator("#pin-again").fill("739154")
    page.locator("dialog button.main").click()


def test_a_new_browser_takes_the_place_of_a_lost_one(bank, device, open_device):
    log_in(device, bank, "user-lost")
    # A person without a device is asked nothing about one.
    assert device.page.locator("input[name=replaces]").count() == 0
    assert device.page.evaluate("location.search + sessionStorage.length") == "0"
    add(device, "Old phone")
    device.wait_for_heading("You are set up")
    with open_device() as new:
        log_in(new, bank, "user-lost")
        assert new.page.get_by_role("radio", name="No, keep all my devices").is_checked()
        add(new, "New phone", "Yes, it replaces Old phone")
        new.wait_for_heading("You are set up")
    assert bank.states("user-lost") == {"New phone": BindingState.ACTIVE}
    device.page.goto(f"{bank.url}{MOUNT}/")
    device.page.locator("a.card .problem").filter(
        has_text="This device is no longer connected"
    ).wait_for()


def test_a_person_with_all_devices_chooses_one(bank, open_device):
    for name in ("First", "Second"):
        with open_device() as device:
            log_in(device, bank, "user-full")
            add(device, name)
            device.wait_for_heading("You are set up")
    with open_device() as device:
        log_in(device, bank, "user-full")
        add(device, "Third")
        problem = device.page.get_by_role("alert").filter(has_text="Choose the one that this")
        problem.wait_for()
        # The log-in and the keys serve for another try, and no other PIN is asked for.
        device.page.get_by_role("radio", name="Yes, it replaces First").check()
        device.page.locator("form button.main").click()
        device.wait_for_heading("You are set up")
    active = BindingState.ACTIVE
    assert bank.states("user-full") == {"Second": active, "Third": active}


def test_what_is_no_log_in_of_this_tab_adds_nothing(bank, device):
    device.page.goto(f"{bank.url}{MOUNT}/?state=x&code=y")
    device.wait_for_heading("Not logged in")
    assert device.page.evaluate("location.search") == ""
    bank.let_log_in(device.page, "user-refused", code="", error="access_denied")
    device.page.goto(bank.address)
    device.page.get_by_role("button", name="Log in", exact=True).click()
    device.wait_for_heading("Not logged in")
    device.page.get_by_text("login_refused").wait_for()
    bank.let_log_in(device.page, "user-refused")
    device.page.get_by_role("button", name="Log in again").click()
    device.page.get_by_role("button", name="Log in", exact=True).click()
    device.wait_for_heading("Add this browser")


def test_by_keyboard_alone(bank, device):
    log_in(device, bank, "user-keys")
    add(device, "Old phone")
    device.wait_for_heading("You are set up")
    log_in(device, bank, "user-keys")
    page = device.page
    assert page.evaluate("document.activeElement.tagName") == "H1"
    for key in ("Tab", "Tab", "ArrowDown"):
        page.keyboard.press(key)
    assert page.get_by_role("radio", name="Yes, it replaces Old phone").is_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for _ in range(2):
        page.locator("#pin").wait_for()
        page.keyboard.type("739154")
        page.keyboard.press("Tab")
    page.locator("dialog button.main").click()
    device.wait_for_heading("You are set up")
    assert bank.states("user-keys") == {"Computer (Chrome)": BindingState.ACTIVE}


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_in_a_log_in(bank, open_device, axe, name):
    with open_device(**VIEWS[name]) as device:
        page, screens = device.page, Screens(device, axe, f"login-{name}")
        for number in range(LIMIT + 1):
            bank.let_log_in(page, f"user-{name}")
            page.goto("about:blank")
            page.goto(bank.address)
            page.locator("form button.main").wait_for()
            if number == 0:
                screens.inspect("log-in")
            page.locator("form button.main").click()
            add(device, f"Phone {number}")
            if number < LIMIT:
                page.locator("a.button.main").wait_for()
        page.locator("form .problem:not(:empty)").wait_for()
        screens.inspect("all-devices")
        page.goto(f"{bank.url}{MOUNT}/?state=x&code=y")
        page.locator("main > .problem").wait_for()
        screens.inspect("not-logged-in")


def test_every_word_comes_from_its_file(bank, open_device):
    """Each text of the file is in brackets here: what is not in them is not from the file."""
    with open_device() as device:
        look_at_words(bank, device)


def look_at_words(bank, device):
    made_up = {key: f"⟦{text}⟧" for key, text in TEXTS["en"].items()}
    page = device.page

    def beside():
        texts = [text for text in page.evaluate(WORDS) if text]
        assert any(text.startswith("⟦") for text in texts)
        others = {text for text in texts if not re.fullmatch(r"⟦.*⟧", text)}
        return {text for text in others if not MOMENT.fullmatch(text)}

    for _ in range(2):
        bank.let_log_in(page, "user-words")
        page.route("**/texts/en.json", lambda route: route.fulfill(json=made_up))
        page.goto("about:blank")
        page.goto(bank.address)
        page.locator("form button.main").wait_for()
        assert beside() == {bank.url}
        page.locator("form button.main").click()
        page.locator("#name").wait_for()
        assert beside() == {bank.url, "Harbour Bank", "Example", "user-words"}
        add(device, "⟦Old phone⟧")
        page.locator("a.button.main").wait_for()
    page.goto("about:blank")
    page.goto(f"{bank.url}{MOUNT}/?state=x&code=y")
    page.locator("main > .problem").wait_for()
    assert beside() == set()
