"""
A service as operators run it, driven from the portal alone: `counterseal serve`, and Chromium.

On SQLite; with BROWSER_FULL on PostgreSQL, too.
"""

import json
import os
import re

import pytest
from portal_person import Person
from served_service import WAIT, Phone, address_of, eventually, open_client, served

from counterseal.models import RefusalReason
from counterseal_testing.pictures import build_png

STORES = ["sqlite"]
if "BROWSER_FULL" in os.environ:
    STORES.append("postgresql")
ACCOUNT_ID = "customer-4711"


@pytest.fixture(params=STORES)
def service_and_receiver(request, tmp_path):
    pytest.importorskip("counterseal_server", reason="no counterseal serve")
    with address_of(request.param) as address, served(tmp_path, address) as running:
        yield running


@pytest.fixture
def new_person(chromium, service_and_receiver):
    """Return a function that returns another person, whose browser complains about nothing."""
    people = []

    def new():
        people.append(Person(chromium, service_and_receiver[0].url))
        return people[-1]

    yield new
    for person in people:
        person.context.close()
        assert person.problems == []


def create_tenants(person):
    """Create a company, its App Space and an origin; return the path of each."""
    person.follow("Companies")
    person.send_form("New company", "Create the company", name="Example Ltd")
    person.see("Example Ltd")
    person.send_form("New App Space", "Create the App Space", name="Example Bank")
    person.see("Example Bank")
    app_space = person.guid()
    person.send_form("New origin", "Create the origin", name="Online banking")
    person.see("Online banking")
    return app_space, person.guid()


def equip_origin(person, origin, callback):
    """Give the origin a credential, a callback secret and an address; return the credential."""
    person.send_form("New credential", "Make the credential")
    key = person.secret()
    person.send_form("New callback secret", "Make the callback secret")
    person.secret()
    person.send_form("Add to the allow-list", "Add", entry=callback)
    assert callback in person.text()
    assert person.guid() == origin
    return key


def rotate(person, service, origin, key):
    """Make another credential, beside which the older one works for an hour."""
    person.open(f"/origins/{origin}")
    person.send_form("New credential", "Make the credential", hours="1")
    new_key = person.secret()
    assert person.text().count("Works") == 3  # two credentials, one callback secret
    for each in (key, new_key):
        with open_client(service, origin, each) as client:
            assert len(client.devices(ACCOUNT_ID)) == 1


def ask_twice(client, phone, callback):
    """Ask a person, who approves once, and refuses once for a reason."""
    first = client.ask(ACCOUNT_ID, "Pay 49.90 EUR?", callback=callback)
    phone.answer()
    second = client.ask(ACCOUNT_ID, "Pay 4990 EUR?")
    phone.answer(approves=False, reason=RefusalReason.WRONG_DETAILS)
    assert client.wait(first, WAIT).approved
    assert not client.wait(second, WAIT).approved


def look_after_account(person, app_space):
    """Search the account, read its history, lock and unlock it, and revoke its device."""
    person.follow("Accounts")
    person.page.locator("#app-space").select_option(app_space)
    person.page.locator("#q").fill(ACCOUNT_ID[:6])
    person.press("Find")
    person.follow(ACCOUNT_ID)
    person.see(ACCOUNT_ID)
    assert "Pay 49.90 EUR?" in person.text()
    assert "Refused" in person.text()
    assert "wrong" in person.text()
    person.send_form(re.compile("^Lock"), "Lock the account")
    assert "The account is locked." in person.text()
    person.send_form(re.compile("^Unlock"), "Unlock the account")
    assert "The account is unlocked." in person.text()
    person.send_form("Revoke all devices", "Revoke all devices")
    assert "All devices and open invitations are revoked." in person.text()
    return person.guid()


def requeue(person, origin, receiver):
    """Queue again a callback that is dead, and see it delivered."""
    assert receiver.received == []
    path = f"/origins/{origin}/callbacks"

    def is_dead():
        person.open(path)
        return person.page.get_by_role("link", name="Queue again").count()

    eventually(is_dead)
    assert "410" in person.text()
    receiver.status = 204
    person.send_form("Queue again", "Queue it again")
    assert "The callback is queued again." in person.text()
    eventually(lambda: receiver.received)


def preview_brand(person, app_space, folder):
    """See colour and logo before they are saved, and save them."""
    logo = folder / "logo.png"
    logo.write_bytes(build_png())
    person.open(f"/app-spaces/{app_space}/brand")
    person.fill(color="#0B5F66")
    app = person.page.frame_locator("iframe")
    app.locator(".space[style*='rgb(11, 95, 102)']").wait_for()
    person.page.locator("#field-logo").set_input_files(logo)
    app.locator(".space img[src^='blob:']").wait_for()
    person.press("Save")
    assert person.page.locator("[role=status]").count() == 1
    person.page.wait_for_function("() => document.querySelector('.label img')?.naturalWidth > 0")


def events_of(person, query):
    """Return the names of all events that the audit log has for *query*."""
    names = []
    person.open(f"/audit?{query}")
    while True:
        names += person.page.locator(".rows th code").all_inner_texts()
        earlier = person.page.get_by_role("link", name="Earlier events")
        if not earlier.count():
            return set(names)
        person.follow("Earlier events")


EXPORT = """async () => {
  const form = new URLSearchParams(new FormData(document.querySelector(".export")));
  form.set("format", "jsonl");
  const response = await fetch("/portal/audit/export", {method: "POST", body: form});
  return [response.headers.get("content-length"), await response.text()];
}"""


def exported(person):
    """Return the names of all events of an export, which comes in pieces and is whole."""
    person.open("/audit")
    length, text = person.page.evaluate(EXPORT)
    *events, last = map(json.loads, text.splitlines())
    assert (length, last) == (None, {"complete": True, "count": len(events)})
    return {each["event"] for each in events}


def support_sees_accounts_only(person, new_person, app_space):
    """Create a support administrator, who logs in by a link and sees no companies."""
    person.open(f"/app-spaces/{app_space}")
    person.send_form("New administrator or support", "Create the administrator", name="Night shift")
    person.see("Administrator created")
    support = new_person()
    support.register(person.secret())
    assert support.page.get_by_role("link", name="Companies").count() == 0
    assert support.page.get_by_role("link", name="Accounts").count() == 1
    for path in ("/companies", f"/app-spaces/{app_space}/edit", "/admins"):
        assert (path, support.open(path)) == (path, 403)


def log_in_by_device(person, service):
    """Log out, log in by the passkey, and by an own device that types a code."""
    person.open("/own")
    person.send("Add a device")
    person.see("Add a device")
    phone = Phone(service, person.page.locator("p.mono").inner_text())
    person.press("Log out")
    person.see("Log in")
    person.press("Log in with a passkey")
    person.see("Overview")
    person.press("Log out")
    person.see("Log in")
    person.press("Log in with your own device")
    person.see("Log in with your device")
    phone.answer(code=person.page.locator(".code").inner_text())
    person.see("Overview")


def test_a_service_is_run_from_the_portal(new_person, service_and_receiver, tmp_path):
    service, receiver = service_and_receiver
    person = new_person()
    person.register(service.output["adminLink"])
    app_space, origin = create_tenants(person)
    key = equip_origin(person, origin, receiver.url)
    with open_client(service, origin, key) as client:
        phone = Phone(service, client.bind(ACCOUNT_ID, user_info="Zoë Example").link())
        ask_twice(client, phone, receiver.url)
    rotate(person, service, origin, key)
    account = look_after_account(person, app_space)
    requeue(person, origin, receiver)
    preview_brand(person, app_space, tmp_path)

    path = f"/origins/{origin}/credentials/revoke"
    eventually(lambda: person.must_confirm(path), pause=0.5)
    person.open(path)
    assert "Revoke the credentials of an origin?" in person.text()
    person.confirm()
    person.open(f"/origins/{origin}")
    person.send_form("Revoke all", "Revoke the credentials")
    assert "All credentials of the origin are revoked." in person.text()
    support_sees_accounts_only(person, new_person, app_space)
    log_in_by_device(person, service)

    done = {"account.lock", "account.unlock", "account.revoke"}
    eventually(lambda: done <= events_of(person, f"subject={account}"))
    done |= {"company.create", "app_space.create", "origin.create", "credential.issue"}
    done |= {"webhook_key.issue", "origin.allow_callback", "challenge.issue", "challenge.answered"}
    done |= {"callback.requeue", "app_space.edit", "credential.revoke", "session.step_up"}
    eventually(lambda: done <= events_of(person, ""))
    assert exported(person) >= done
