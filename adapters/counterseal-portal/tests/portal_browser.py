"""A portal over a service in memory, with people who are logged in."""

import re
from http import HTTPStatus
from urllib.parse import urlencode

import attrs

import counterseal_web
from counterseal.models import Admin, AdminRole, Guid
from counterseal_portal import MOUNT, Portal, Visitor
from counterseal_testing import FakeService
from counterseal_web import Request

PUBLIC_URL = "https://auth.example"
FORM = "application/x-www-form-urlencoded"


class FakeVisitors:
    """People who are logged in: the cookie of a request is the name of one of them."""

    def __init__(self):
        self.by_name = {}

    def visitor(self, request):
        cookie = request.headers.get("cookie", "")
        return self.by_name.get(cookie.removeprefix("session="))


@attrs.frozen
class Reply:
    """A response as a browser reads it."""

    status: int
    headers: dict
    text: str

    @property
    def location(self):
        return self.headers["Location"].removeprefix(MOUNT)


class Browser:
    """
    One person's browser.

    Args:
        portal: Whom it calls.
        visitor: Who is logged in, by the name of their cookie; None for nobody.
    """

    def __init__(self, portal, name, token, public_url):
        self._portal, self._name, self.token = portal, name, token
        self._public_url = public_url

    @property
    def cookie_value(self):
        return self._name

    def send(self, method, path, *, query="", headers=None, body=b""):
        address, _, in_address = path.partition("?")
        headers = {"cookie": self._name} | (headers or {})
        if body:
            headers = {"content-length": str(len(body))} | headers
        response = self._portal.respond(
            Request(
                method=method,
                path=MOUNT + address,
                query=(query or in_address).encode(),
                headers={name: value for name, value in headers.items() if value is not None},
                read_body=lambda limit: body[:limit],
            )
        )
        body = response.body
        if response.stream is not None:
            body = b"".join(response.stream)
            response.stream.close()
        return Reply(response.status, dict(response.headers), body.decode())

    def get(self, path, **query):
        return self.send("GET", path, query=urlencode(query))

    def post(self, path, fields=(), *, headers=None, token=None):
        pairs = [*dict(fields).items()] if not isinstance(fields, list) else fields
        pairs.append(("csrf_token", self.token if token is None else token))
        base_headers = {
            "content-type": FORM,
            "origin": self._public_url,
            "sec-fetch-site": "same-origin",
        }
        body = urlencode(pairs, doseq=True).encode()
        return self.send("POST", path, headers=base_headers | (headers or {}), body=body)


class PortalOfTests:
    """
    A portal over a service in memory.

    Attributes:
        service: The service in memory, with its company, App Space and origin.
        web: The use cases as the portal has them.
        visitors: Who is logged in.
        app: The portal.
    """

    def __init__(self, public_url=PUBLIC_URL, **options):
        self.service = FakeService(**options)
        settings = counterseal_web.Settings(public_url=public_url, app_url=f"{public_url}/app")
        self.web = counterseal_web.Service(self.service.ports, self.service.policy, settings)
        self.visitors = FakeVisitors()
        self.app = Portal(self.web, self.visitors)

    def create_admin(self, role, **reach) -> Admin:
        """Create an administrator, and return its record."""
        issued = self.service.credentials.create_admin(f"{role.value} person", role=role, **reach)
        return self.service.administration.get(issued.guid, Admin)

    def log_in(self, admin, *, stepped_up=True):
        """Return the browser of somebody who is logged in as *admin*."""
        name = f"session-{len(self.visitors.by_name)}"
        token = f"token-of-{name}"
        self.visitors.by_name[name] = Visitor(
            admin=admin, session=Guid(admin.guid), csrf_token=token, stepped_up=stepped_up
        )
        return Browser(self.app, name, token, self.web.settings.public_url)

    def nobody(self):
        """Return a browser in which nobody is logged in."""
        return Browser(self.app, "", "", self.web.settings.public_url)

    def global_admin(self, **options):
        admin = self.create_admin(AdminRole.COMPANY, all_companies=True)
        return self.log_in(admin, **options)

    def company_admin(self, **options):
        company = self.service.app_space.company
        return self.log_in(self.create_admin(AdminRole.COMPANY, company=company), **options)

    def app_space_admin(self, **options):
        app_space = self.service.app_space.guid
        return self.log_in(self.create_admin(AdminRole.APP_SPACE, app_space=app_space), **options)

    def support(self, **options):
        app_space = self.service.app_space.guid
        return self.log_in(self.create_admin(AdminRole.SUPPORT, app_space=app_space), **options)


def heading(reply):
    """Return the heading of a page."""
    return re.search(r"<h1[^>]*>(.*?)</h1>", reply.text, re.DOTALL)[1].strip()


def require_page(reply, status=HTTPStatus.OK):
    """Require a page with this status, and return its text."""
    assert reply.status == status, reply.text
    return reply.text
