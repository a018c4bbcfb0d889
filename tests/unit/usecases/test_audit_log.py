"""What administrators read of the audit log: each within its reach, by role."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from counterseal import OPERATOR, AuditChain, AuditLog
from counterseal.errors import CredentialRefused, Foreign, InvalidField, NotFound, RoleLacking
from counterseal.models import AdminRole, AuditEvent
from counterseal.models.guid import mint

NOBODY = mint(0, bytes(15))


@pytest.fixture
def log(service):
    return AuditLog(service.ports, service.policy)


@pytest.fixture
def chained(service):
    """Chain all that was recorded so far."""
    chain = AuditChain(service.ports, service.policy)

    def chain_all():
        while chain.chain():
            pass

    return chain_all


def names(page):
    """Return the names of a page's events."""
    return {one.event.event for one in page.events}


@pytest.fixture
def admins(service):
    """An administrator of each kind, and events in two App Spaces and in none."""
    other = service.new_app_space("Other")
    credentials, space, company = service.credentials, service.app_space.guid, service.company.guid
    guids = {
        "global": credentials.create_admin("root", all_companies=True).guid,
        "company": credentials.create_admin("ceo", company=company).guid,
        "app space": credentials.create_admin(
            "boss", app_space=space, role=AdminRole.APP_SPACE
        ).guid,
        "support": credentials.create_admin("ann", app_space=space, role=AdminRole.SUPPORT).guid,
    }
    service.bind("alice")
    service.ask("alice", "Pay?")
    return {name: service.stored(guid) for name, guid in guids.items()} | {"other": other}


def test_each_role_reads_its_reach(service, log, chained, admins):
    chained()
    space, other = service.app_space.guid, admins["other"].guid
    by_role = {
        name: log.search(by=admins[name], limit=1_000)
        for name in ("global", "company", "app space", "support")
    }
    assert by_role["global"].events == log.search(by=OPERATOR, limit=1_000).events
    assert "company.create" in names(by_role["global"])
    spaces = {one.event.app_space for one in by_role["company"].events}
    assert spaces == {space, other}
    assert {one.event.app_space for one in by_role["app space"].events} == {space}
    assert "origin.create" in names(by_role["app space"])
    assert "challenge.issue" in names(by_role["support"])
    assert "origin.create" not in names(by_role["support"])
    for name in ("app space", "support"):
        with pytest.raises(Foreign):
            log.search(app_space=other, by=admins[name])
        with pytest.raises(Foreign):
            log.counts(*DAY, app_space=other, by=admins[name])
    with pytest.raises(NotFound):
        log.search(app_space=NOBODY, by=admins["global"])
    service.credentials.revoke_admin(admins["company"].guid)
    with pytest.raises(CredentialRefused):
        log.search(by=admins["company"])


def test_only_who_reads_all_events_gets_the_signed_head(service, log, admins):
    assert log.signed_head(by=OPERATOR) is None
    chain = AuditChain(service.ports, service.policy)
    while chain.chain():
        pass
    assert chain.sign()
    head = chain.signed_head()
    assert log.signed_head(by=OPERATOR) == log.signed_head(by=admins["global"]) == head
    assert chain.verify(head_file=head).tamperings == ()
    for name in ("company", "app space", "support"):
        with pytest.raises(RoleLacking):
            log.signed_head(by=admins[name])
        assert service.last_event() == ("audit.head", "role_lacking")
    service.credentials.revoke_admin(admins["global"].guid)
    with pytest.raises(CredentialRefused):
        log.signed_head(by=admins["global"])


START = datetime(2030, 1, 1, tzinfo=UTC)
DAY = (START - timedelta(days=1), START + timedelta(days=2))


def test_counts_are_of_the_same_reach(service, log, chained, admins):
    chained()
    totals = {
        name: sum(log.counts(*DAY, by=admins[name]).values())
        for name in ("global", "company", "app space", "support")
    }
    for name, total in totals.items():
        assert total == len(log.search(by=admins[name], limit=1_000).events), name
    (issued,) = [
        count
        for key, count in log.counts(*DAY, by=OPERATOR).items()
        if (key.event, key.reason) == ("challenge.issue", "")
    ]
    assert issued == 1


def test_a_search_goes_on_where_a_page_ends(service, log, chained, admins):
    chained()
    expected = log.search(by=OPERATOR, limit=1_000).events
    events, after = [], None
    while True:
        page = log.search(by=OPERATOR, limit=3, after=after)
        events += page.events
        after = page.after
        if after is None:
            break
    assert tuple(events) == expected


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("limit", {"limit": 0}),
        ("event", {"event": "challenge"}),
        ("event", {"event": "Challenge.issue"}),
        ("actor", {"performer": "x" * 65}),
        ("after", {"after": "x"}),
        ("after", {"after": "AAAA"}),
        ("after", {"after": "_" * 22 + "w"}),
        ("since", {"since": START.replace(tzinfo=None)}),
        ("until", {"until": START.replace(tzinfo=None)}),
    ],
)
def test_what_does_not_fit_is_refused_and_recorded(service, log, field, arguments):
    with pytest.raises(InvalidField) as caught:
        log.search(by=OPERATOR, **arguments)
    assert caught.value.field == field
    assert service.last_event() == ("audit.search", "invalid_field")


@pytest.mark.parametrize("days", [0, -1, 32])
def test_counts_are_of_a_month_at_most(log, days):
    with pytest.raises(InvalidField):
        log.counts(START, START + timedelta(days=days), by=OPERATOR)


def test_telemetry_is_found_and_not_counted(service, log, chained):
    event = AuditEvent(at=START, event="telemetry.shown", actor="device", subject=NOBODY)
    service.ports.audit.record(event)
    chained()
    assert [one.event for one in log.search(event="telemetry.", by=OPERATOR).events] == [event]
    assert not [key for key in log.counts(*DAY, by=OPERATOR) if key.event.startswith("telemetry")]


@pytest.fixture
def guids_by_name(service, admins):
    """GUIDs of records of each kind that has a name, and of two that are out of reach."""
    phone, other = service.bind("alice"), admins["other"]
    account = service.accounts.get(service.origin, "alice").guid
    stranger = service.invitations.invite(service.new_origin(other, "Elsewhere"), "zoe")
    company = service.administration.create_company("Second Ltd").guid
    return {
        "account": account,
        "device": phone.guid,
        "challenge": service.ask("alice", "Pay?").challenge.guid,
        "origin": service.origin.origin.guid,
        "app space": service.app_space.guid,
        "company": service.company.guid,
        "other app space": other.guid,
        "other account": stranger.account.guid,
        "other company": company,
        "other admin": service.credentials.create_admin("eve", company=company).guid,
        "company's admin": admins["company"].guid,
        "global": admins["global"].guid,
        "support": admins["support"].guid,
    }


OWN = {"account", "device", "challenge", "origin", "app space", "company", "support"}
OWN |= {"global", "company's admin"}
OF_COMPANY = OWN | {"other app space", "other account"}


@pytest.mark.parametrize(
    ("reader", "readable"),
    [
        ("support", OWN),
        ("app space", OWN),
        ("company", OF_COMPANY),
        ("global", OF_COMPANY | {"other company", "other admin"}),
    ],
)
def test_names_are_those_of_records_within_reach(log, admins, guids_by_name, reader, readable):
    record_names = log.names([*guids_by_name.values(), "worker", NOBODY, ""], by=admins[reader])
    assert {name for name, guid in guids_by_name.items() if guid in record_names} == readable


def test_a_name_is_what_people_call_it(service, log, admins, guids_by_name):
    record_names = log.names(guids_by_name.values(), by=admins["support"])
    account = guids_by_name["account"]
    expected = {
        "account": ("account", "", account, "alice"),
        "device": ("device", service.stored(guids_by_name["device"]).name, account, "alice"),
        "challenge": ("challenge", "", account, "alice"),
        "origin": ("origin", service.origin.origin.name, None, ""),
        "app space": ("app_space", service.app_space.name, None, ""),
        "support": ("admin", "ann", None, ""),
    }
    assert {name: attrs.astuple(record_names[guids_by_name[name]]) for name in expected} == expected


def test_what_is_erased_or_unreadable_has_no_name(service, log, admins, guids_by_name):
    service.accounts.erase(guids_by_name["account"], by=OPERATOR)
    record_names = log.names(guids_by_name.values(), by=admins["support"])
    assert not {
        guids_by_name["account"],
        guids_by_name["device"],
        guids_by_name["challenge"],
    } & set(record_names)
    service.credentials.revoke_admin(admins["support"].guid)
    with pytest.raises(CredentialRefused):
        log.names([], by=admins["support"])
