"""A person in Chromium with a virtual authenticator, whose pages are checked as they come."""

import os
from pathlib import Path

from page_checks import PATIENCE, VIEWS
from portal_person import AUTHENTICATOR

LISTEN = """() => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
  });
}"""


class Person:
    """A person at a browser, whose pages are checked as they come."""

    def __init__(self, chromium, axe, portal, view="phone-light"):
        self.portal, self._axe, self._view = portal, axe, view
        self.context = chromium.new_context(**VIEWS[view])
        self.context.add_init_script(f"({LISTEN})()")
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        session = self.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        added = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.session, self.authenticator = session, added

    def open(self, path):
        self.page.goto(f"{self.portal.public_url}/portal{path}")

    def press(self, name):
        self.page.wait_for_load_state()  # before it, the page's script does not take the form
        self.page.get_by_role("button", name=name).first.click()

    def see(self, heading):
        """Require a page, on which axe finds nothing, and that breaks no policy."""
        # Exactly: the page before it may have a heading that begins so.
        self.page.get_by_role("heading", name=heading, level=1, exact=True).wait_for()
        assert self.page.evaluate("window.violations") == []
        assert self._axe.violations(self.page) == {}
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert (heading, width) == (heading, self.page.viewport_size["width"])
        if "SCREENS" in os.environ:
            name = heading.lower().replace(" ", "-").strip("?")
            path = Path(os.environ["SCREENS"]) / "portal" / f"{self._view}-login.{name}.png"
            self.page.screenshot(path=path, full_page=True)

    def code(self):
        return self.page.locator(".code").inner_text()
