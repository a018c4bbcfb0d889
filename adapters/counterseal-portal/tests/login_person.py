"""A person in Chromium with a virtual authenticator, whose pages are checked as they come."""

import os
from pathlib import Path

from browser_person import BrowserPerson
from page_checks import LISTEN, VIEWS

from counterseal.models import LogInMethod
from counterseal_testing import FakePasskey


class Person(BrowserPerson):
    """A person at a browser, whose pages are checked as they come."""

    def __init__(self, chromium, page_checks, portal, view="phone-light"):
        super().__init__(chromium, portal.public_url, LISTEN, **VIEWS[view])
        page_checks.prepare(self.context)
        self._checks, self._view = page_checks, view

    def see(self, heading):
        """Require a page, on which axe finds nothing, and that breaks no policy."""
        super().see(heading)
        self._checks.require_sound(self.page, self._view, heading)
        if "SCREENS" in os.environ:
            name = heading.lower().replace(" ", "-").strip("?")
            path = Path(os.environ["SCREENS"]) / "portal" / f"{self._view}-login.{name}.png"
            self.page.screenshot(path=path, full_page=True)

    def open_in_the_same_tab(self, link):
        """Change the address of a page of a one-time link to that of another link."""
        address = f"{self._url}/portal/link"
        self.page.goto(f"{address}#{link}")
        # Its script takes the secret out of the address.
        self.page.wait_for_url(address)
        self.page.wait_for_load_state()

    def code(self):
        return self.page.locator(".code").inner_text()


def start_session(portal, admin, browser="Example"):
    """Return a new session of *admin*, as a log-in by passkey starts one."""
    passkey = FakePasskey(rp_id="localhost", origin=portal.public_url)
    domain = portal.public_url.partition("://")[2]
    binding = portal.service.bind_passkey(admin.guid, domain=domain, passkey=passkey)
    sessions = portal.app._visitors._logins.sessions
    return sessions.start(admin.guid, LogInMethod.PASSKEY, binding=binding.guid, browser=browser)


def plant_session(context, token):
    """Give a browser the cookie of a session."""
    cookie = {"name": "counterseal-session", "domain": "localhost", "path": "/portal"}
    context.add_cookies([cookie | {"value": token}])
