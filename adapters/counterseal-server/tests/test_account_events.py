"""Events to origins over HTTP, on the stores that a service uses."""

from datetime import timedelta

import pytest
from werkzeug.test import Client

from counterseal.credentials.documents import write_basic
from counterseal.models import OPERATOR, Scheme
from counterseal_server.records import opened
from counterseal_testing import FakeService
from counterseal_web import Service, Settings
from counterseal_web.wsgi import WsgiApplication


@pytest.fixture(params=["sqlite", "redis"])
def world(request, tmp_path):
    address = f"sqlite:///{tmp_path}/counterseal.db"
    if request.param == "redis":
        server = request.getfixturevalue("redis")
        address = f"redis://127.0.0.1:{server.port}/0?durability=none"
    records = opened(address)
    records.create()
    yield FakeService(adapters=records.joined)
    records.close()


@pytest.fixture
def get_events(world):
    """Return a function that makes the call, and returns the status and the document."""
    service = Service(world.ports, world.policy, Settings(public_url="https://service.example"))
    client = Client(WsgiApplication(service))
    origin = world.origin.origin.guid
    secret = world.credentials.issue(origin, Scheme.BASIC).secret
    headers = {"Authorization": write_basic(secret, guid=origin)}

    def get_events(**query):
        reply = client.get("/events", query_string=query, headers=headers)
        return reply.status_code, reply.json

    return get_events


def test_an_origin_that_was_away_for_a_day_catches_up_by_after(world, get_events):
    account = world.bind("zoe").device.bond.account
    world.account_events.publish_due()
    status, page = get_events()
    assert status == 200
    assert [one["type"] for one in page["events"]] == ["bound"]
    cursor = page["next"]

    for _ in range(4):
        world.clock.advance(timedelta(hours=6))
        world.accounts.lock(account, by=OPERATOR)
        world.accounts.unlock(account, by=OPERATOR)
        world.account_events.publish_due()
    events, more = [], True
    while more:
        status, page = get_events(after=cursor, limit=3)
        assert (status, page["gap"]) == (200, False)
        events += page["events"]
        cursor, more = page["next"], page["more"]
    assert [one["type"] for one in events] == ["locked", "unlocked"] * 4
    assert [one["sequence"] for one in events] == list(range(2, 10))
    assert len({one["guid"] for one in events}) == 8
    assert get_events(after=cursor)[1] == {
        "events": [],
        "next": cursor,
        "more": False,
        "gap": False,
    }

    # A place in another App Space's log, or a time, is no cursor.
    for after in ("2030-01-01T00:00:00.000Z", "AAAAAAAAAAAAAAAAAAAAAA"):
        status, problem = get_events(after=after)
        assert (status, problem["field"]) == (400, "after")


def test_an_origin_that_was_away_for_too_long_reads_of_a_gap(world, get_events):
    account = world.bind("zoe").device.bond.account
    world.account_events.publish_due()
    cursor = get_events()[1]["next"]
    world.accounts.lock(account, by=OPERATOR)
    world.account_events.publish_due()
    world.clock.advance(world.policy.events_retention)
    world.accounts.unlock(account, by=OPERATOR)
    world.account_events.publish_due()

    page = get_events(after=cursor)[1]
    assert ([one["type"] for one in page["events"]], page["gap"]) == (["unlocked"], True)
    assert get_events(after=page["next"])[1]["gap"] is False
