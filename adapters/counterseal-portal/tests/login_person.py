"""A person in Chromium with a virtual authenticator, whose pages are checked as they come."""

import os
from pathlib import Path

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
LISTEN = """() => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
  });
}"""
RUN = """() => axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
})"""


class Person:
    """A person at a browser, whose pages are checked as they come."""

    def __init__(self, chromium, axe, portal):
        self.portal, self._axe = portal, axe
        self.context = chromium.new_context(viewport={"width": 390, "height": 844})
        self.context.add_init_script(f"({LISTEN})()")
        self.page = self.context.new_page()
        session = self.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        added = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.session, self.authenticator = session, added

    def open(self, path):
        self.page.goto(f"{self.portal.public_url}/portal{path}")

    def press(self, name):
        self.page.get_by_role("button", name=name).first.click()

    def see(self, heading):
        """Require a page, on which axe finds nothing, and that breaks no policy."""
        self.page.get_by_role("heading", name=heading, level=1).wait_for()
        assert self.page.evaluate("window.violations") == []
        self.page.evaluate(self._axe)
        findings = self.page.evaluate(RUN)["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in findings] == []
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert (heading, width) == (heading, self.page.viewport_size["width"])
        if "SCREENS" in os.environ:
            name = heading.lower().replace(" ", "-").strip("?")
            path = Path(os.environ["SCREENS"]) / "portal" / f"phone-light-login.{name}.png"
            self.page.screenshot(path=path, full_page=True)

    def code(self):
        return self.page.locator(".code").inner_text()
