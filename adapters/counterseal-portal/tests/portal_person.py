"""A person at a browser of their own, in front of a served portal."""

import re

from page_checks import PATIENCE

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
LISTEN = """() => {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`violation: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
  });
}"""
CONFIRM = "Confirm that it is you"


class Person:
    """
    A person at a browser of their own, with an authenticator.

    Attributes:
        page: Playwright's.
        problems: What the browser complained about.
    """

    def __init__(self, chromium, url):
        self._url = url
        self.context = chromium.new_context(viewport={"width": 1280, "height": 900})
        self.context.add_init_script(f"({LISTEN})()")
        self.problems = []
        self.context.on("console", self._console)
        self.context.on("weberror", lambda failure: self.problems.append(str(failure.error)))
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        session = self.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

    def _console(self, message):
        # A refusal is a status, which Chromium writes there.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def open(self, path):
        """Open a page of the portal; return the status."""
        return self.page.goto(f"{self._url}/portal{path}").status

    def see(self, heading):
        self.page.get_by_role("heading", name=heading, level=1, exact=True).wait_for()

    def heading(self):
        return self.page.get_by_role("heading", level=1).inner_text()

    def follow(self, name):
        """Follow a link, and confirm if the portal wants it."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=name).first.click()
        self.confirm()

    def press(self, name):
        self.page.wait_for_load_state()  # before it, the page's script does not take the form
        self.page.locator("main, header").get_by_role("button", name=name).first.click()

    def fill(self, **fields):
        for name, text in fields.items():
            self.page.locator(f"#field-{name}").fill(text)

    def send_form(self, link, button, **fields):
        """Follow a link to a form or a confirmation, fill the fields, and send it."""
        self.follow(link)
        for _ in range(5):  # on a slow machine a confirmation ends before the form is sent
            self.fill(**fields)
            with self.page.expect_navigation():
                self.press(button)
            if self.heading() != CONFIRM:
                return
            self.confirm()
        raise AssertionError(f"{button}: it was to be confirmed again and again")

    def confirm(self):
        """Confirm with the passkey, if the portal wants it."""
        if self.heading() == CONFIRM:
            self.press("Confirm with a passkey")
            self.page.wait_for_url(lambda url: "/step-up" not in url)

    def text(self):
        return self.page.inner_text("main")

    def secret(self):
        """Return the secret on the page, which shows it once; go on, and see it no more."""
        secret = self.page.locator("code.secret").inner_text()
        self.follow(re.compile("^I have"))
        assert secret not in self.page.content()
        return secret

    def guid(self):
        """Return the GUID at the end of the page's address."""
        return re.search(r"/([0-9a-f-]{36})(?:\?|$)", self.page.url)[1]

    def register(self, link):
        """Open a one-time link, and register a passkey."""
        self.page.goto(link)
        self.press("Use the link")
        self.see("Register a passkey")
        self.press("Register a passkey")
        self.see("Overview")
