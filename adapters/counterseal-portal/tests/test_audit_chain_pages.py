"""The chain's state, its verification by a button, and what no device got."""

import re
from datetime import timedelta

import attrs
import pytest
from portal_browser import require_page

from counterseal import AuditChain, AuditVerifications
from counterseal.models import AuditEvent
from counterseal_portal.pages import notifications


@pytest.fixture
def busy(portal):
    """A portal whose log is chained and signed."""
    portal.service.bind("zoe")
    chain(portal.service)
    return portal


def chain(service):
    audit_chain = AuditChain(service.ports, service.policy)
    while audit_chain.chain():
        pass
    audit_chain.sign()


class Ticking:
    """A clock that goes on whenever it is read."""

    def __init__(self, clock):
        self._clock = clock

    def now(self):
        return self._clock.advance(timedelta(milliseconds=50))


def test_the_page_says_what_was_signed_and_who_verified_it(busy):
    browser = busy.global_admin()
    text = require_page(browser.get("/audit/chain"))
    head = busy.service.ports.audit.signed_head()
    assert f"<dt>Number</dt><dd>{head.number}</dd>" in text
    assert "The newest verifications in the log have no end" in text
    reply = browser.post("/audit/chain")
    assert reply.location.startswith("/audit/chain?ticket=")
    text = require_page(browser.get(reply.location))
    assert "256 of 256 parts" in text
    assert "No sign of a change." in text
    assert "http-equiv" not in text
    chain(busy.service)
    text = require_page(browser.get("/audit/chain"))
    assert "<dt>Signs of a change</dt><dd>0</dd>" in text
    events = busy.service.ports.audit.events
    assert [each.reason for each in events if each.event == "audit.verify"] == ["begun", ""]
    # The last step, loaded again, verifies and records nothing.
    again = browser.get(reply.location)
    assert (again.status, again.location) == (303, "/audit/chain")
    events = busy.service.ports.audit.events
    assert [each.reason for each in events if each.event == "audit.verify"] == ["begun", ""]
    assert 'href="/portal/audit/chain"' in require_page(browser.get("/audit"))
    assert "/audit/chain" not in require_page(busy.company_admin().get("/audit"))


def test_an_end_is_shown_behind_many_beginnings(busy):
    browser = busy.global_admin()
    begun_at = busy.service.clock.now()
    reply = browser.post("/audit/chain")
    busy.service.clock.advance(timedelta(minutes=2))
    require_page(browser.get(reply.location))
    for _ in range(25):
        busy.service.clock.advance(timedelta(seconds=1))
        browser.post("/audit/chain")
    chain(busy.service)
    text = require_page(browser.get("/audit/chain"))
    moment = f"{begun_at:%Y-%m-%d %H:%M:%S}"
    assert re.search(rf"<dt>Began</dt><dd>.*{moment}", text)
    assert "<dt>Signs of a change</dt><dd>0</dd>" in text


def test_a_long_verification_goes_on_by_itself_in_steps(busy):
    ports = attrs.evolve(busy.service.ports, clock=Ticking(busy.service.clock))
    busy.web.audit_verifications = AuditVerifications(ports, busy.service.policy)
    browser = busy.global_admin()
    address, steps = browser.post("/audit/chain").location, []
    while address:
        text = require_page(browser.get(address))
        steps.append(int(re.search(r"([0-9]+) of 256 parts", text)[1]))
        match = re.search(r'http-equiv="refresh" content="0; url=/portal([^"]+)"', text)
        address = match and match[1]
        assert bool(address) == ("goes on by itself" in text)
    assert len(steps) > 3
    assert steps == sorted(set(steps))
    assert steps[-1] == 256


def test_a_change_is_said_and_another_person_does_not_go_on(busy):
    audit = busy.service.ports.audit
    partition = next(head.partition for head in audit.heads() if head.position)
    events = audit._chains[partition]
    events[0] = attrs.evolve(events[0], body=events[0].body + b" ")
    browser = busy.global_admin()
    address = browser.post("/audit/chain").location
    assert busy.global_admin().get(address).status in {400, 401, 403}
    text = require_page(browser.get(address))
    assert "that the log was changed" in text
    assert f"Part {partition}, event 1: an event, or its place or hash, was changed" in text


def test_undelivered_notifications_are_listed_and_paged(busy, monkeypatch):
    monkeypatch.setattr(notifications, "AT_ONCE", 2)
    service = busy.service
    challenge = service.ask("zoe", "Pay?").challenge.guid
    for reason in ("undelivered", "late", "", "rejected", "undelivered"):
        service.clock.advance(timedelta(seconds=1))
        service.ports.audit.record(
            AuditEvent(
                at=service.clock.now(),
                event="challenge.push",
                actor="worker",
                subject=challenge,
                reason=reason,
                app_space=service.app_space.guid,
            )
        )
    chain(service)
    browser = busy.support()
    first = require_page(browser.get("/notifications"))
    assert "In the last 14 days there were 3." in first
    assert first.count('<th scope="row"') == 2
    assert first.index("no service took it") < first.index("no time was left")
    assert "Question to" in first
    earlier = re.search(r'href="/portal([^"]+)">Earlier ones', first)[1].replace("&amp;", "&")
    second = require_page(browser.get(earlier))
    assert second.count('<th scope="row"') == 1
    assert 'href="/portal/notifications">Newest ones' in second
    other = service.new_app_space("Other")
    assert other is not None
