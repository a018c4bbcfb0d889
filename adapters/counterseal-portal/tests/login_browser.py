"""A browser of an administrator who logs in: its cookies, its forms, and its passkey."""

import html
import json
import re
from urllib.parse import urlencode, urlsplit

import counterseal_web
from counterseal import keys
from counterseal.models import OPERATOR
from counterseal_portal import MOUNT, Portal, SessionVisitors
from counterseal_testing import FakeModel, FakePasskey, FakeService
from counterseal_web import Request

PUBLIC_URL = "https://auth.example"
FORM = "application/x-www-form-urlencoded"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class LoginPortal:
    """
    A portal over a service in memory, with its own log-in.

    Attributes:
        service: The service in memory.
        app: The portal.
    """

    def __init__(self, public_url=PUBLIC_URL, **options):
        self.service = FakeService(**options)
        self.public_url = public_url
        self.use(public_url)

    def use(self, public_url):
        """Serve it at *public_url*."""
        settings = counterseal_web.Settings(public_url=public_url)
        self.web = counterseal_web.Service(self.service.ports, self.service.policy, settings)
        self.app = Portal(self.web, SessionVisitors(self.web))

    def create_person(self, name="Example", **reach):
        return self.service.credentials.create_person(name, **reach or {"all_companies": True})

    def link(self, admin):
        """Return the secret of a new one-time link."""
        return self.service.sessions.create_link(admin.guid, by=OPERATOR).token


class Page:
    """A response, its forms and their hidden fields."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.body.decode()

    @property
    def location(self):
        return dict(self.headers)["Location"].removeprefix(MOUNT)

    @property
    def cookies(self):
        return [value for name, value in self.headers if name == "Set-Cookie"]

    def form(self, action):
        """Return the hidden fields of the form that goes to *action*, and its options."""
        forms = re.findall(r"<form[^>]*>.*?</form>", self.text, re.DOTALL)
        (form,) = (one for one in forms if f'action="{MOUNT}{action}"' in one)
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="(.*?)">', form)
        options = re.search(r'data-options="(.*?)"', form)
        loaded = json.loads(html.unescape(options[1])) if options else {}
        return {name: html.unescape(value) for name, value in fields}, loaded


class PersonBrowser:
    """
    One browser.

    Args:
        portal: A `LoginPortal`.

    Attributes:
        cookies: Those that it sends, by name.
    """

    def __init__(self, portal):
        self.portal = portal
        self.cookies = {}
        host = urlsplit(portal.public_url)
        self.passkey = FakePasskey(rp_id=host.hostname, origin=portal.public_url)
        self.handle = None

    def send(self, method, path, body=b"", **headers):
        address, _, query = path.partition("?")
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        own = {"cookie": cookie, "user-agent": FIREFOX}
        if method == "POST":
            own |= {
                "content-type": FORM,
                "content-length": str(len(body)),
                "origin": self.portal.public_url,
                "sec-fetch-site": "same-origin",
            }
        page = Page(
            self.portal.app.respond(
                Request(
                    method=method,
                    path=MOUNT + address,
                    query=query.encode(),
                    headers=own | headers,
                    read_body=lambda limit: body[:limit],
                )
            )
        )
        for header in page.cookies:
            pair, *attributes = header.split("; ")
            name, _, value = pair.partition("=")
            self.cookies.pop(name, None)
            if "Max-Age=0" not in attributes:
                self.cookies[name] = value
        return page

    def get(self, path):
        return self.send("GET", path)

    def post(self, path, fields=None, **headers):
        return self.send("POST", path, urlencode(fields or {}).encode(), **headers)

    def submit(self, page, action, path="", **fields):
        """Send the form of *page* that goes to *action*, with its hidden fields."""
        hidden, _ = page.form(action)
        return self.post(path or action, hidden | fields)

    def create(self, page, action):
        """Let the passkey answer the page's form, as `create()` does."""
        _, options = page.form(action)
        self.handle = keys.unb64url(options["user"]["id"])
        challenge = keys.unb64url(options["challenge"])
        response = FakeModel(attestation="none").create(self.passkey, challenge)
        return self._answer(
            clientDataJSON=response.client_data, attestationObject=response.attestation_object
        )

    def answer(self, page, action):
        """Let the passkey answer the page's form, as `get()` does."""
        _, options = page.form(action)
        parts = self.passkey.get(keys.unb64url(options["challenge"]))
        return self._answer(
            clientDataJSON=parts.client_data,
            authenticatorData=parts.authenticator_data,
            signature=parts.signature,
            userHandle=self.handle,
        )

    def _answer(self, **response):
        return json.dumps(
            {
                "id": self.passkey.public.passkey.credential_id,
                "type": "public-key",
                "response": {name: keys.b64url(value) for name, value in response.items()},
            }
        )

    # What a person does

    def use_link(self, link):
        """Open a link, register the passkey, and be logged in."""
        assert self.post("/link", {"link": link}).location == "/link/passkey"
        page = self.get("/link/passkey")
        return self.submit(page, "/link/passkey", credential=self.create(page, "/link/passkey"))

    def log_in(self, path="/login"):
        """Log in with the passkey."""
        page = self.get(path)
        return self.submit(page, "/login", credential=self.answer(page, "/login"))

    def log_out(self):
        return self.submit(self.get(""), "/logout")

    def step_up(self, path):
        """Confirm with the passkey."""
        page = self.get(path)
        return self.submit(page, "/step-up", credential=self.answer(page, "/step-up"))

    def is_logged_in(self):
        return self.get("").status == 200
