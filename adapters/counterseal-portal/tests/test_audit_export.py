"""Exports of the audit log: what the list has, in pieces, and recognisably whole."""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from portal_browser import PUBLIC_URL, require_page

from counterseal import AuditChain, AuditLog
from counterseal.errors import StoreUnavailable
from counterseal.models import Admin, AdminRole, AuditEvent
from counterseal_portal import audit_export
from counterseal_portal.audit_export import COLUMNS, EXPORTS, text_cell
from counterseal_web import Request


@pytest.fixture
def busy(portal):
    """A portal whose log has some questions."""
    service = portal.service
    service.bind("zoe")
    for _ in range(3):
        service.ask("zoe", "Pay?")
        service.clock.advance(timedelta(seconds=1))
    chain(service)
    return portal


def chain(service):
    while AuditChain(service.ports, service.policy).chain():
        pass


def lines_of(reply):
    """Return the events of an export in JSON lines, and its last line."""
    *events, last = map(json.loads, require_page(reply).splitlines())
    return events, last


def rows_of(reply):
    """Return the events of an export in CSV by the names of columns, and its last row."""
    names, *rows, last = csv.reader(io.StringIO(require_page(reply), newline=""))
    return [dict(zip(names, row, strict=True)) for row in rows], last


def test_an_export_has_what_the_list_has_in_both_forms(busy):
    service, browser = busy.service, busy.company_admin()
    log = AuditLog(service.ports, service.policy)
    admin = busy.visitors.by_name[browser.cookie_value].admin
    expected = log.search(event="challenge.issue", by=admin).events
    terms = {"event": "challenge.issue", "since": "2030-01-01"}
    reply = browser.post("/audit/export", terms | {"format": "jsonl"})
    assert reply.headers["Content-Type"] == "application/jsonl"
    assert re.fullmatch(
        r'attachment; filename="audit-log-[0-9]{8}T[0-9]{6}Z\.jsonl"',
        reply.headers["Content-Disposition"],
    )
    assert reply.headers["Cache-Control"] == "no-store"
    assert "Content-Length" not in reply.headers
    events, last = lines_of(reply)
    positions = [(each.partition, each.position) for each in expected]
    assert [(each["partition"], each["position"]) for each in events] == positions
    assert {each["event"] for each in events} == {"challenge.issue"}
    assert last == {"complete": True, "count": 3}
    reply = browser.post("/audit/export", terms | {"format": "csv"})
    assert reply.headers["Content-Type"].startswith("text/csv; charset=utf-8")
    rows, last = rows_of(reply)
    assert tuple(rows[0]) == COLUMNS
    assert [(row["partition"], row["position"]) for row in rows] == [
        (str(partition), str(position)) for partition, position in positions
    ]
    assert {row["label"] for row in rows} == {"Question asked"}
    assert last == ["complete", "3"]
    recorded = [each for each in service.ports.audit.events if each.event == "audit.export"]
    assert [(each.actor, dict(each.attributes)) for each in recorded] == [
        (admin.guid, {"filters": "event since", "form": form}) for form in ("jsonl", "csv")
    ]


def test_each_role_exports_what_it_lists_and_nothing_of_another_tenant(busy):
    service = busy.service
    other = service.administration.create_company("Other Ltd")
    issued = service.credentials.create_admin("x", company=other.guid)
    stranger = busy.log_in(service.administration.get(issued.guid, Admin))
    chain(service)
    events, last = lines_of(stranger.post("/audit/export", {"format": "jsonl"}))
    assert (events, last) == ([], {"complete": True, "count": 0})
    events, _ = lines_of(busy.app_space_admin().post("/audit/export", {"format": "jsonl"}))
    assert {each["appSpaceGuid"] for each in events} == {service.app_space.guid}
    assert "origin.create" in {each["event"] for each in events}
    events, _ = lines_of(busy.support().post("/audit/export", {"format": "jsonl"}))
    nouns = {each["event"].partition(".")[0] for each in events}
    assert nouns == {"account", "binding", "challenge"} & nouns
    assert "challenge" in nouns


def test_a_form_that_does_not_fit_or_is_forged_exports_nothing(busy):
    browser = busy.support()
    for fields in (
        {},
        {"format": "xls"},
        {"format": "csv", "since": "x"},
        {"format": "csv", "event": "x"},
    ):
        assert browser.post("/audit/export", fields).status == 400
    assert browser.post("/audit/export", {"format": "csv"}, token="x").status == 403
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert browser.post("/audit/export", {"format": "csv"}, headers=foreign).status == 403
    assert browser.get("/audit/export").status == 405
    recorded = [each for each in busy.service.ports.audit.events if each.event == "audit.export"]
    assert {each.reason for each in recorded} <= {"invalid_field"}


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(busy, begin):
    service = busy.service
    service.ports.audit.record(
        AuditEvent(
            at=service.clock.now(),
            event="telemetry.x",
            actor=f"{begin}cmd|' /C calc'!A0",
            reason=f"{begin}1+1",
            app_space=service.app_space.guid,
        )
    )
    chain(service)
    rows, _ = rows_of(
        busy.support().post("/audit/export", {"format": "csv", "event": "telemetry."})
    )
    assert (rows[0]["actor"], rows[0]["reason"]) == (f"'{begin}cmd|' /C calc'!A0", f"'{begin}1+1")
    assert not any(cell.startswith(audit_export.FORMULAS) for cell in rows[0].values())
    assert (text_cell("a=b"), text_cell("")) == ("a=b", "")


@pytest.mark.parametrize("begin", "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
def test_a_cell_that_a_spreadsheet_would_calculate_is_a_text(begin):
    assert text_cell(f"{begin}1+1") == f"'{begin}1+1"


def test_every_cell_is_quoted_so_that_no_other_separator_begins_one():
    assert audit_export.end_rows(1, is_complete=True) == b'"complete","1"\r\n'
    assert audit_export.begin_rows().startswith(b'"at","event",')


def respond(portal, browser, form="jsonl"):
    """Return the response to an export, of which nothing was read."""
    body = f"format={form}&csrf_token={browser.token}".encode()
    return portal.app.respond(
        Request(
            method="POST",
            path="/portal/audit/export",
            headers={
                "cookie": browser.cookie_value,
                "content-type": "application/x-www-form-urlencoded",
                "content-length": str(len(body)),
                "origin": PUBLIC_URL,
            },
            read_body=lambda limit: body[:limit],
        )
    )


def test_it_comes_in_pieces_and_is_on_record_before_the_first(busy, monkeypatch):
    monkeypatch.setattr("counterseal.audit.usecases.log.LIST_LIMIT", 2)
    browser = busy.support()
    response = respond(busy, browser)
    last = busy.service.ports.audit.events[-1]
    assert (last.event, last.reason) == ("audit.export", "")
    pieces = list(response.stream)
    assert all(piece.count(b"\n") <= 2 for piece in pieces)
    assert len(pieces) > 3
    response.stream.close()


def test_one_that_breaks_off_says_so_or_has_no_last_line(busy, monkeypatch):
    monkeypatch.setattr("counterseal.audit.usecases.log.LIST_LIMIT", 2)
    service = busy.service
    admin = busy.create_admin(AdminRole.SUPPORT, app_space=service.app_space.guid)
    for form, ending in (
        ("jsonl", b'{"complete":false,"count":2}\n'),
        ("csv", b'"incomplete","2"\r\n'),
    ):
        response = respond(busy, busy.log_in(admin), form)
        pieces = iter(response.stream)
        for _ in range(1 if form == "jsonl" else 2):
            next(pieces)
        audit = service.ports.audit
        with monkeypatch.context() as patched:
            patched.setattr(type(audit), "search", fail)
            assert list(pieces) == [ending]
        response.stream.close()


def fail(*_):
    raise StoreUnavailable


def test_one_that_is_longer_than_the_limit_is_not_complete(busy, monkeypatch):
    monkeypatch.setattr("counterseal.audit.usecases.log.EXPORT_LIMIT", 2)
    events, last = lines_of(busy.support().post("/audit/export", {"format": "jsonl"}))
    assert len(events) == 2
    assert last == {"complete": False, "count": 2}


def test_a_process_makes_a_few_at_once(busy):
    browser = busy.support()
    responses = [respond(busy, browser) for _ in range(EXPORTS)]
    assert {response.status for response in responses} == {200}
    refused = respond(busy, browser)
    assert (refused.status, refused.stream) == (503, None)
    # Another person gets one, and the oldest of the first ends.
    other = respond(busy, busy.app_space_admin())
    assert other.status == 200
    assert list(responses[0].stream) == [b'{"complete":false,"count":0}\n']
    assert list(responses[1].stream)[-1].startswith(b'{"complete":true')
    for response in (*responses, other):
        response.stream.close()
    assert respond(busy, browser).status == 200
