"""What administrators read of the gauges: each within its reach, by role."""

import pytest

from counterseal import OPERATOR, Gauges
from counterseal.errors import CredentialRefused, Foreign, NotFound
from counterseal.models import AdminRole, Gauge, GaugeKey, Scheme, sum_gauges
from counterseal.models.guid import mint
from counterseal_testing.service import CALLBACK

NOBODY = mint(0, bytes(15))


@pytest.fixture
def gauges(service):
    return Gauges(service.ports, service.policy)


@pytest.fixture
def admins(service):
    """An administrator of each kind, and records that count in two App Spaces."""
    other = service.new_app_space("Other")
    credentials, space, company = service.credentials, service.app_space.guid, service.company.guid
    elsewhere = service.administration.create_company("Elsewhere").guid
    guids = {
        "global": credentials.create_admin("root", all_companies=True).guid,
        "company": credentials.create_admin("ceo", company=company).guid,
        "stranger": credentials.create_admin("boss", company=elsewhere).guid,
        "app space": credentials.create_admin(
            "lead", app_space=space, role=AdminRole.APP_SPACE
        ).guid,
        "support": credentials.create_admin("ann", app_space=space, role=AdminRole.SUPPORT).guid,
    }
    credentials.issue(service.origin.origin.guid, Scheme.BASIC)
    credentials.issue(service.administration.create_origin(other.guid, "Shop").guid, Scheme.BASIC)
    phone = service.bind("alice")
    phone.answer(service.ask("alice", "Pay?", callback=CALLBACK).challenge)
    service.ask("alice", "Lunch?")
    return {name: service.stored(guid) for name, guid in guids.items()} | {"other": other}


def test_each_role_reads_its_reach(service, gauges, admins):
    space, origin, other = (
        service.app_space.guid,
        service.origin.origin.guid,
        admins["other"].guid,
    )
    users = {
        GaugeKey(Gauge.ACTIVE_USERS, space, None): 1,
        GaugeKey(Gauge.PENDING_CHALLENGES, space, origin): 1,
    }
    own = users | {
        GaugeKey(Gauge.ACTIVE_ORIGINS, space, None): 1,
        GaugeKey(Gauge.QUEUED_CALLBACKS, space, origin): 1,
    }
    everything = own | {GaugeKey(Gauge.ACTIVE_ORIGINS, other, None): 1}

    assert gauges.read(by=OPERATOR) == everything
    assert gauges.read(by=admins["global"]) == everything
    assert gauges.read(by=admins["company"]) == everything
    assert gauges.read(by=admins["app space"]) == own
    assert gauges.read(by=admins["support"]) == users
    assert gauges.read(by=admins["stranger"]) == {}
    assert gauges.totals(by=admins["support"]) == {
        Gauge.ACTIVE_USERS: 1,
        Gauge.PENDING_CHALLENGES: 1,
    }
    assert set(gauges.totals(by=admins["stranger"]).values()) == {0}
    assert gauges.totals(by=admins["global"])[Gauge.ACTIVE_ORIGINS] == 2
    assert gauges.read(app_space=space, by=admins["company"]) == own
    assert gauges.read(app_space=space, by=admins["support"]) == users
    for name in ("app space", "support", "stranger"):
        with pytest.raises(Foreign):
            gauges.read(app_space=other, by=admins[name])
    with pytest.raises(NotFound):
        gauges.read(app_space=NOBODY, by=admins["global"])
    service.credentials.revoke_admin(admins["company"].guid)
    with pytest.raises(CredentialRefused):
        gauges.read(by=admins["company"])


def test_a_dead_callback_and_a_locked_account_change_the_sums(service, gauges, admins):
    before = sum_gauges(gauges.read(by=OPERATOR))
    assert list(before) == list(Gauge)
    service.sender.script(410)
    service.deliver()
    service.accounts.lock(
        service.ports.store.account(service.app_space.guid, "alice").guid, by=OPERATOR
    )

    after = sum_gauges(gauges.read(by=OPERATOR))

    changes = {
        gauge: after[gauge] - before[gauge] for gauge in Gauge if after[gauge] != before[gauge]
    }
    assert changes == {
        Gauge.ACTIVE_USERS: -1,
        Gauge.QUEUED_CALLBACKS: -1,
        Gauge.DEAD_CALLBACKS: 1,
    }
