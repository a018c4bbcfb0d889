"""
A person at a browser of their own, with a virtual authenticator, in front of the portal.

Every method returns when the page that it leads to is loaded, so that a test may read the page
at once. What a page changes later, by a script, is waited for by a locator.
"""

from page_checks import PATIENCE

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class BrowserPerson:
    """
    A person at a browser of their own, with an authenticator.

    Args:
        chromium: The browser of Playwright.
        url: The address of the service, without the portal's path.
        listen: A function in JavaScript that every page runs first.
        options: Of the context, such as its size.

    Attributes:
        context, page: Playwright's.
        authenticator: What the methods of `session` name it by.
        session: Of the DevTools protocol.
    """

    def __init__(self, chromium, url, listen, **options):
        self._url = url
        self.context = chromium.new_context(**options)
        self.context.add_init_script(f"({listen})()")
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.session = self.context.new_cdp_session(self.page)
        self.session.send("WebAuthn.enable")
        self.authenticator = self.session.send(
            "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR}
        )

    def open(self, path):
        """Open a page of the portal; return the status."""
        return self.page.goto(f"{self._url}/portal{path}").status

    def see(self, heading):
        """Require a page by its heading, and wait until it is loaded."""
        # Exactly: the page before it may have a heading that begins so.
        self.page.get_by_role("heading", name=heading, level=1, exact=True).wait_for()
        self.page.wait_for_load_state()

    def heading(self):
        return self.page.get_by_role("heading", level=1).inner_text()

    def text(self):
        return self.page.inner_text("main")

    def press(self, name, *, navigates=True):
        """Press a button of the portal, which sends a form unless it *navigates* not."""
        self._click(self.page.locator("main, header").get_by_role("button", name=name), navigates)

    def follow(self, name):
        """Follow a link."""
        self._click(self.page.get_by_role("link", name=name), navigates=True)

    def _click(self, locator, navigates):
        # Before the page is loaded, its script does not take the form.
        self.page.wait_for_load_state()
        if not navigates:
            locator.first.click()
            return
        # Headings are often the same afterwards: only the navigation says that the page is new.
        with self.page.expect_navigation():
            locator.first.click()

    def fill(self, **fields):
        for name, text in fields.items():
            self.page.locator(f"#field-{name}").fill(text)

    def register(self, link):
        """Open a one-time link, and register a passkey."""
        self.page.goto(link)
        self.press("Use the link")
        self.see("Register a passkey")
        self.press("Register a passkey")
        self.see("Overview")
