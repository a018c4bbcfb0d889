"""A link of an App Space that looks like another one: the person is warned, and has to agree."""

import threading
from contextlib import contextmanager

import pytest
from test_screens import PHONE, VIEWS, Screens
from test_texts import TEXTS
from werkzeug.serving import make_server

from counterseal import OPERATOR, STANDARD, Administration, Invitations
from counterseal.memory import memory_ports
from counterseal.wire.link import BindLink, write_link
from counterseal_pwa import MOUNT, Pages
from counterseal_web import Service, Settings
from counterseal_web.wsgi import WsgiApplication

LANGUAGE_VIEWS = VIEWS | {"phone-italian": {"viewport": PHONE, "locale": "it-IT"}}
LOOKALIKE = "H\u0430rb\u043eur B\u0430nk"
"""Some of its letters are Cyrillic."""


class Tenants:
    """
    A service with the app, and App Spaces of companies that do not know each other.

    Attributes:
        url: The service's.
    """

    def __init__(self, url):
        self.url = url
        self._ports = memory_ports()
        self._calls = WsgiApplication(Service(self._ports, STANDARD, Settings(public_url=url)))
        self._pages = Pages()

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if not self._pages.serves(path):
            return self._calls(environ, start_response)
        mounted = {**environ, "SCRIPT_NAME": MOUNT, "PATH_INFO": path.removeprefix(MOUNT)}
        return self._pages(mounted, start_response)

    def link(self, company_name, app_space_name, account_id, *, verified_name=None):
        """Return a bind link of a new company's App Space."""
        administration = Administration(self._ports, STANDARD, by=OPERATOR)
        company = administration.create_company(company_name)
        if verified_name is not None:
            administration.verify_company(company.guid, verified_name)
        app_space = administration.create_app_space(company.guid, app_space_name)
        origin = administration.create_origin(app_space.guid, "Online banking")
        party = administration.relying_party(origin.guid)
        invited = Invitations(self._ports, STANDARD).invite(party, account_id)
        return write_link(
            BindLink(
                token=invited.token,
                app_space=app_space.guid,
                app_space_name=app_space_name,
                app=f"{self.url}{MOUNT}",
                service=self.url,
            )
        )


@pytest.fixture(scope="module")
def tenants():
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    server.app = tenants = Tenants(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield tenants
    server.shutdown()
    thread.join()
    server.server_close()


def open_link(device, link):
    """Open a bind link, and wait for the form."""
    device.page.goto("about:blank")
    device.page.goto(link)
    device.page.locator("#name").wait_for()


def accounts_of(device, tenants):
    device.page.goto("about:blank")
    device.page.goto(f"{tenants.url}{MOUNT}/")
    device.page.locator("#waiting").wait_for()
    return device.page.locator("a.card:not(.open)").count()


@contextmanager
def listed_calls(page):
    """Yield the paths of the calls that the page makes meanwhile."""
    paths = []
    page.on("request", lambda request: paths.append(request.url.partition("/device/")[2]))
    yield paths


@pytest.mark.parametrize("view", LANGUAGE_VIEWS)
def test_a_lookalike_is_added_only_if_the_person_says_so(open_device, axe, tenants, view):
    language = LANGUAGE_VIEWS[view].get("locale", "en-GB")[:2]
    texts = TEXTS[language]
    with open_device(**LANGUAGE_VIEWS[view]) as device:
        page, screens = device.page, Screens(device, axe, view)
        # There is nothing that the first account could be taken for.
        first = tenants.link("Harbour Group", "Harbour Bank", "zoe")
        open_link(device, first)
        assert page.evaluate("(({ lang, dir }) => [lang, dir])(document.documentElement)") == [
            language,
            "ltr",
        ]
        assert page.locator(".notice").count() == 0
        device.bind(first)
        open_link(device, tenants.link("Trader", LOOKALIKE, "z"))
        warning = page.get_by_role("group", name=texts["lookalike.title"])
        words = warning.inner_text().splitlines()
        host = tenants.url.removeprefix("http://")
        service = texts["lookalike.service"].replace("{host}", f"\u2068{host}\u2069")
        about_new = [LOOKALIKE, texts["company.unverified"], f"{texts['company.name']} Trader"]
        about_existing = ["Harbour Bank", texts["company.unverified"]]
        about_existing += [f"{texts['company.name']} Harbour Group", service, "zoe"]
        expected = [texts["lookalike.title"], texts["lookalike.about"]]
        expected += [texts["lookalike.new"], *about_new, service]
        expected += [texts["lookalike.existing"], *about_existing]
        expected += [texts["lookalike.neither"], texts["lookalike.confirm"]]
        assert [word for word in words if word] == expected
        screens.inspect("lookalike")
        with listed_calls(page) as paths:
            page.locator("form button.main").click()
            assert page.evaluate("document.activeElement.name") == "different"
            assert page.locator("dialog").count() == 0
            assert paths == []
        warning.get_by_role("checkbox").check()
        page.locator("form button.main").click()
        page.locator("#pin").fill("739154")
        page.locator("#pin-again").fill("739154")
        page.locator("dialog button.main").click()
        device.wait_for_heading(texts["bound.title"])
        assert accounts_of(device, tenants) == 2


def test_another_name_is_no_reason_for_a_warning(device, tenants):
    device.bind(tenants.link("Harbour Group", "Harbour Bank", "zoe"))
    open_link(device, tenants.link("Trader", "Garden Shop", "z"))
    assert device.page.locator(".notice").count() == 0
    device.bind(tenants.link("Trader", "Garden Shop", "z"))
    assert accounts_of(device, tenants) == 2
    # Whoever looks like both resembles two accounts.
    open_link(device, tenants.link("Other", "GARDEN SHOP", "z"))
    assert device.page.locator(".notice dt").count() == 2


def test_the_verified_name_tells_them_apart(device, tenants):
    verified = {"verified_name": "Harbour Bank plc"}
    device.bind(tenants.link("Harbour Group", "Harbour Bank", "zoe", **verified))
    open_link(device, tenants.link("Trader", LOOKALIKE, "z"))
    new, existing = device.page.locator(".notice dd").all()
    assert "Not verified" in new.inner_text()
    assert "Verified: Harbour Bank plc" in existing.inner_text()
    assert TEXTS["en"]["lookalike.neither"] not in device.page.locator(".notice").inner_text()
    # A name that only looks verified is one of the names that are compared.
    open_link(device, tenants.link(LOOKALIKE + " PLC", "Sales", "z"))
    assert device.page.locator(".notice dt").count() == 2


def test_where_the_table_cannot_be_loaded_nothing_is_added(device, tenants):
    device.bind(tenants.link("Harbour Group", "Harbour Bank", "zoe"))
    device.page.route("**/accounts.js", lambda route: route.abort())
    device.page.goto("about:blank")
    device.page.goto(tenants.link("Trader", LOOKALIKE, "z"))
    device.page.locator(".problem[role=alert]").wait_for()
    assert device.page.locator("#name").count() == 0
    device.problems.clear()  # the browser says that the file could not be loaded
