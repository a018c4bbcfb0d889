"""
Each page and each form of a served service, for each role, in Chromium, on SQLite and PostgreSQL.

Each role logs in by its passkey; opens every page of its own company, on which axe and the browser
have to find nothing; opens every page of another company, and sends it every form; and sends every
form to its own company. The table of `test_matrix` says what it gets. `pytest -s` prints what it
got.
"""

import os
import sys
import time
from http import HTTPStatus

import pytest
from portal_person import CONFIRM, Person
from served_service import address_of, eventually, served
from served_tenants import ServedTenants
from test_matrix import (
    FORBIDDEN,
    FORMS,
    MISSING,
    OF_NO_TEST,
    OK,
    PAGES,
    ROLES,
    SEE_OTHER,
    SHOWS_A_PAGE,
    WITHOUT_A_RECORD,
    page_of,
)

from counterseal.models import AdminRole
from counterseal_portal.portal import ROLE_ROUTES as ROUTES

pytestmark = pytest.mark.skipif("BROWSER_FULL" not in os.environ, reason="with BROWSER_FULL only")

CONFIGURATION = """
[policy]
portal_session_idle = "1h"
step_up_life = "1h"
session_token_life = "10m"
"""
"""No session and no invitation ends meanwhile; these ten minutes are the longest there are."""

SEND = """async ([path, fields]) => {
  const form = new URLSearchParams(fields);
  form.append("csrf_token", document.querySelector("[name=csrf_token]").value);
  const response = await fetch(path, {method: "POST", body: form, redirect: "manual"});
  return response.type === "opaqueredirect" ? 303 : response.status;
}"""
"""What a form of the page sends, with the browser's own `Origin` and cookies."""

LAST = (
    "account.unlock",
    "account.resume_device",
    "account.renew_invitation",
    "account.invite",
    "account.mail_link",
    "account.lost_device",
    "callback.requeue",
    "callback.drop",
    "callback.requeue_all",
    "origin.forbid_entry",
    "account.revoke_device",
    "account.revoke",
    "account.erase",
    "admin.end_session",
    "admin.link",
    "admin.revoke",
)
"""Acts that end what others need, or need what others do; they are sent last, in this order."""

FORMS_OF_ROLES = {"origin.issue_credential": {"scheme": "signature", "hours": "0"}}
"""What is entered where the origin of a served company is another one than in memory."""

KINDS = ("own page", "own form", "other page", "other form")
"""Of what is opened and sent."""


def in_order(routes):
    """Return the acts in an order in which each is possible."""
    posted = {page_of(route): route for route in routes if route.method == "POST"}
    return [route for name, route in posted.items() if name not in LAST] + [
        posted[name] for name in LAST if name in posted
    ]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request, tmp_path_factory):
    """Serve a service, with another company in it; yield what a test needs."""
    pytest.importorskip("counterseal_server", reason="no counterseal serve")
    folder = tmp_path_factory.mktemp("served")
    report = Report(request.param)
    with (
        address_of(request.param) as address,
        served(folder, address, CONFIGURATION) as (service, receiver),
        service.open_runtime() as runtime,
    ):
        new_tenants = lambda name: ServedTenants(service, runtime, receiver, name)  # noqa: E731
        yield service, receiver, new_tenants, new_tenants("other"), report
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stdout.write(f"\n{report.text()}\n")


class Report:
    """
    What each role got of each page.

    Args:
        store: Where.
    """

    def __init__(self, store):
        self._store, self._began = store, time.monotonic()
        self._results, self._durations = {}, {}

    def add(self, role, route, kind, status):
        self._results.setdefault(page_of(route), {}).setdefault(role, {})[kind] = status

    def end(self, role, seconds):
        self._durations[role] = seconds

    def text(self):
        """Return one line for each page: what each role got of `KINDS`."""
        roles = self._durations
        lines = [f"{self._store}: {', '.join(KINDS)}; {time.monotonic() - self._began:.0f} s"]
        lines.append(_format_row("", roles))
        for name, by_role in self._results.items():
            cells = ["/".join(by_role[role].get(kind, "-") for kind in KINDS) for role in roles]
            lines.append(_format_row(name, cells))
        lines.append(_format_row("", [f"{seconds:.0f} s" for seconds in roles.values()]))
        return "\n".join(lines)


def _format_row(name, cells):
    return f"{name:26}" + "".join(f"{cell:>18}" for cell in cells)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_the_table_says(chromium, axe, running, role):
    service, receiver, new_tenants, other, report = running
    receiver.status = HTTPStatus.GONE
    own = new_tenants(role)
    before = other.records()
    began = time.monotonic()
    person = Person(chromium, service.url)
    visit = Visit(person, role, report)
    visit.log_in(own, service)
    visit.own_pages(own, axe)
    if role != "global":
        visit.other_pages(other)
        visit.other_forms(other)
        assert other.records() == before
    # From now on, a callback that is queued again fails, and is attempted again much later.
    receiver.status = HTTPStatus.SERVICE_UNAVAILABLE
    visit.own_forms(own)
    assert other.records() == before
    person.context.close()
    assert person.problems == []
    report.end(role, time.monotonic() - began)


class Visit:
    """
    What one role does.

    Args:
        person: Its browser.
        role: Of `ROLES`.
        report: The results of every role, which are printed at the end.
    """

    def __init__(self, person, role, report):
        self._person, self._role, self._report = person, role, report
        self._admin = None

    def log_in(self, own, service):
        """Register a passkey by a one-time link, log out, log in by the passkey, and confirm."""
        reach = {
            "global": {"all_companies": True},
            "company": {"company": own.company},
            "app_space": {"role": AdminRole.APP_SPACE, "app_space": own.app_space},
            "support": {"role": AdminRole.SUPPORT, "app_space": own.app_space},
        }
        self._admin, secret = own.person(self._role, **reach[self._role])
        person = self._person
        person.register(f"{service.url}/portal/link#{secret}")
        person.press("Log out")
        person.see("Log in")
        person.press("Log in with a passkey")
        person.see("Overview")

    def own_pages(self, own, axe):
        for route in ROUTES:
            if route.method == "GET":
                status = self._open(own.address(route))
                expected = self._expected(route)
                assert (route.id, status) == (route.id, expected)
                violations = axe.violations(self._person.page)
                assert (route.id, violations) == (route.id, {})
                self._note(route, "own page", status)

    def other_pages(self, other):
        for route in ROUTES:
            if route.method == "GET" and page_of(route) not in WITHOUT_A_RECORD:
                status = self._open(other.address(route))
                assert (route.id, status) == (route.id, self._expected_of_other(route))
                self._note(route, "other page", status)

    def other_forms(self, other):
        self._open("")
        for route in in_order(ROUTES):
            if page_of(route) not in WITHOUT_A_RECORD:
                status = self._send(route, other)
                assert (route.id, status) == (route.id, self._expected_of_other(route))
                self._note(route, "other form", status)

    def own_forms(self, own):
        self._open("")
        for route in in_order(ROUTES):
            status, expected = self._send(route, own), self._expected(route)
            assert (route.id, status) == (route.id, expected)
            self._note(route, "own form", status)
            if page_of(route) == "callback.requeue" and status == SEE_OTHER:
                eventually(own.has_failed_callback)

    def _expected(self, route):
        """Return what the table says, where each act is sent in a state that allows it."""
        status = PAGES[page_of(route)][ROLES.index(self._role)]
        if route.method == "GET":
            # Chromium follows a redirect to what the person has instead.
            return OK if status == SEE_OTHER else status
        if status != OK:
            return status
        if page_of(route) in OF_NO_TEST:
            return FORBIDDEN
        return OK if page_of(route) in SHOWS_A_PAGE else SEE_OTHER

    def _expected_of_other(self, route):
        return MISSING if route.is_for(self._admin) else FORBIDDEN

    def _open(self, path):
        status = self._person.open(path)
        if status == HTTPStatus.OK and self._person.heading() == CONFIRM:
            self._person.confirm()
            status = self._person.open(path)
            assert self._person.heading() != CONFIRM
        return status

    def _send(self, route, tenants):
        fields = FORMS.get(page_of(route), {}) | FORMS_OF_ROLES.get(page_of(route), {})
        path = f"/portal{tenants.address(route)}"
        return self._person.page.evaluate(SEND, [path, fields])

    def _note(self, route, kind, status):
        self._report.add(self._role, route, kind, str(status))
