"""A person who runs a served portal, and whose browser notes what it complains about."""

import re

from browser_person import BrowserPerson
from page_checks import DESK

LISTEN = """() => {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`violation: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
  });
}"""
FETCH = "(url) => fetch(url).then((response) => response.text())"
CONFIRM = "Confirm that it is you"
ATTEMPTS = 5
"""Times that a confirmation may end before it is used, on a slow machine."""


class Person(BrowserPerson):
    """
    A person who confirms with the passkey whenever the portal wants it.

    Attributes:
        problems: What the browser complained about.
    """

    def __init__(self, chromium, url):
        super().__init__(chromium, url, LISTEN, viewport=DESK)
        self.problems = []
        self.context.on("console", self._console)
        self.context.on("weberror", lambda failure: self.problems.append(str(failure.error)))

    def _console(self, message):
        # A refusal is a status, which Chromium writes there.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def follow(self, name):
        """Follow a link, and confirm if the portal wants it."""
        super().follow(name)
        self.confirm()

    def send_form(self, link, button, **fields):
        """Follow a link to a form or a confirmation, fill the fields, and send it."""
        self.follow(link)
        self.send(button, **fields)

    def send(self, button, **fields):
        """Fill the fields of the page's form, and send it, again after each confirmation."""
        for _ in range(ATTEMPTS):
            self.fill(**fields)
            self.press(button)
            if self.heading() != CONFIRM:
                return
            self.confirm()
        raise AssertionError(f"{button}: it was to be confirmed again and again")

    def confirm(self):
        """Confirm with the passkey, if the portal wants it."""
        for _ in range(ATTEMPTS):
            if self.heading() != CONFIRM:
                return
            self.press("Confirm with a passkey")
        raise AssertionError("it was to be confirmed again and again")

    def must_confirm(self, path):
        """Return whether a page of the portal is shown after a confirmation only."""
        document = self.page.evaluate(FETCH, f"{self._url}/portal{path}")
        return CONFIRM in document

    def secret(self):
        """Return the secret on the page, which shows it once; go on, and see it no more."""
        secret = self.page.locator("code.secret").inner_text()
        self.follow(re.compile("^I have"))
        assert secret not in self.page.content()
        return secret

    def guid(self):
        """Return the GUID at the end of the page's address."""
        return re.search(r"/([0-9a-f-]{36})(?:\?|$)", self.page.url)[1]
