"""Exports of the audit log: on record before they begin, within the reach, with a bound."""

from datetime import UTC, datetime, timedelta

import pytest

from counterseal import OPERATOR, AuditChain, AuditLog
from counterseal.audit.usecases import log as log_module
from counterseal.errors import CredentialRefused, Foreign, InvalidField
from counterseal.models import AdminRole, AuditEvent

DAY = timedelta(days=1)


@pytest.fixture
def log(service):
    return AuditLog(service.ports, service.policy)


@pytest.fixture
def busy(service):
    """A service whose log has events of users and of tenants, all of them chained."""
    service.bind("alice")
    for _ in range(5):
        service.ask("alice", "Pay?")
        service.clock.advance(timedelta(seconds=1))
    chain_all(service)
    return service


def chain_all(service):
    while AuditChain(service.ports, service.policy).chain():
        pass


def admin(service, role, **reach):
    issued = service.credentials.create_admin("person", role=role, **reach)
    return service.stored(issued.guid)


def events_of(pages):
    return [chained for found_events in pages for chained in found_events.events]


def test_an_export_has_what_the_search_finds_and_is_on_record_before_it_begins(busy, log):
    expected = log.search(event="challenge.", limit=1_000, by=OPERATOR).events
    recorded_before = len(busy.events)
    pages = log.export(event="challenge.", since=busy.clock.now() - DAY, form="csv", by=OPERATOR)
    (event,) = busy.events[recorded_before:]
    assert (event.event, event.actor, event.reason) == ("audit.export", "staff", "")
    assert event.attributes == (("filters", "event since"), ("form", "csv"))
    assert events_of(pages) == list(expected)
    assert len(expected) >= 5
    log.export(form="jsonl", by=OPERATOR)
    assert busy.events[-1].attributes == (("filters", "none"), ("form", "jsonl"))


def test_each_role_exports_what_it_reads(busy, log):
    space = busy.app_space.guid
    other = busy.new_app_space("Other")
    for role in (AdminRole.APP_SPACE, AdminRole.SUPPORT):
        person = admin(busy, role, app_space=space)
        expected = log.search(limit=1_000, by=person).events
        assert events_of(log.export(form="csv", by=person)) == list(expected)
        assert expected
        assert (busy.events[-1].actor, busy.events[-1].app_space) == (person.guid, space)
        with pytest.raises(Foreign):
            log.export(app_space=other.guid, form="csv", by=person)
        assert busy.last_event() == ("audit.export", "foreign")


def test_what_does_not_fit_is_refused_and_nothing_begins(busy, log):
    for terms in ({"event": "DROP"}, {"performer": "z" * 65}, {"form": ""}):
        with pytest.raises(InvalidField):
            log.export(**{"form": "csv", **terms}, by=OPERATOR)
        assert busy.last_event() == ("audit.export", "invalid_field")


def test_a_person_who_is_revoked_meanwhile_gets_no_further_page(busy, log, monkeypatch):
    monkeypatch.setattr(log_module, "LIST_LIMIT", 2)
    person = admin(busy, AdminRole.SUPPORT, app_space=busy.app_space.guid)
    pages = log.export(form="csv", by=person)
    assert len(next(pages).events) == 2
    busy.credentials.revoke_admin(person.guid)
    with pytest.raises(CredentialRefused):
        next(pages)


def test_an_export_ends_at_its_limit_and_says_that_there_is_more(busy, log, monkeypatch):
    monkeypatch.setattr(log_module, "LIST_LIMIT", 2)
    monkeypatch.setattr(log_module, "EXPORT_LIMIT", 3)
    *before, last = log.export(form="csv", by=OPERATOR)
    assert [len(each.events) for each in (*before, last)] == [2, 1]
    assert last.after is not None


def test_an_export_ends_at_its_deadline(busy, log, monkeypatch):
    monkeypatch.setattr(log_module, "LIST_LIMIT", 2)
    pages = log.export(form="csv", by=OPERATOR)
    assert next(pages).after is not None
    busy.clock.advance(log_module.EXPORT_TIME)
    assert list(pages) == []


def test_events_without_a_reason_are_found(busy, log):
    with pytest.raises(InvalidField):
        busy.callbacks.list_all_dead(0, by=OPERATOR)
    chain_all(busy)
    found_events = log.search(reason="", limit=1_000, by=OPERATOR).events
    refused_events = log.search(reason="invalid_field", by=OPERATOR).events
    assert found_events
    assert {each.event.reason for each in found_events} == {""}
    assert [each.event.event for each in refused_events] == ["callback.dead"]


def test_what_no_device_got_is_listed_newest_first(busy, log):
    space = busy.app_space.guid
    for number, (event, reason) in enumerate(
        [
            ("challenge.push", "undelivered"),
            ("challenge.push", ""),
            ("binding.push", "late"),
            ("binding.push", "rejected"),
            ("challenge.issue", "undelivered"),
        ]
    ):
        at = datetime(2031, 1, 1, tzinfo=UTC) + number * DAY
        busy.ports.audit.record(
            AuditEvent(at=at, event=event, actor="worker", reason=reason, app_space=space)
        )
    chain_all(busy)
    listed = [("binding.push", "late"), ("challenge.push", "undelivered")]
    for person in (OPERATOR, admin(busy, AdminRole.SUPPORT, app_space=space)):
        events = log.undelivered(by=person).events
        assert [(each.event.event, each.event.reason) for each in events] == listed
    first = log.undelivered(limit=1, by=OPERATOR)
    assert events_of([first]) + events_of([log.undelivered(after=first.after, by=OPERATOR)]) == [
        *events
    ]
    other = admin(busy, AdminRole.APP_SPACE, app_space=busy.new_app_space("Other").guid)
    assert log.undelivered(by=other).events == ()
    days = (datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 1, 6, tzinfo=UTC))
    counts = log.counts(*days, by=OPERATOR)
    assert sum(count for key, count in counts.items() if log.is_undelivered(key)) == 2
