"""Callbacks that did not arrive, over HTTP: listed, looked at, and queued again."""

import json
from datetime import timedelta

import pytest
from served import bodies_of

from counterseal.models import AdminRole, Callback, CallbackState
from counterseal.wire.members import format_time
from counterseal_testing.service import CALLBACK

NOTHING = "00000000-0000-8000-8000-000000000000"


@pytest.fixture
def app(kit, world):
    return kit.application(world.ports, administration=True)


@pytest.fixture
def support(world, employ):
    return employ(role=AdminRole.APP_SPACE, app_space=world.app_space.guid)


@pytest.fixture
def die(kit, world, shop, device_client):
    """Let a callback die, and return its request's GUID."""

    def die(status=410):
        world.clock.advance(timedelta(seconds=1))
        guid = kit.ask(shop, callback=CALLBACK).json["guid"]
        device_client.answer(guid)
        world.sender.script(status)
        world.deliver()
        return guid

    return die


def test_a_dead_callback_is_listed_and_delivered_once_it_is_queued_again(
    world, support, origin, die
):
    assert support.get(f"{origin}/deadDeliveries").json == []
    guid = die()
    (dead,) = support.get(f"{origin}/deadDeliveries").json
    assert (dead["requestGuid"], dead["status"], dead["cause"]) == (guid, "DEAD", "gone")
    assert (dead["attempts"], dead["lastStatus"], dead["callbackUrl"]) == (1, 410, CALLBACK)
    delivery = f"{origin}/deliveries/{dead['deliveryGuid']}"
    assert support.get(delivery).json == dead
    requeued = support.post(f"{delivery}/requeue", None).json
    now = format_time(world.clock.now())
    assert requeued == dead | {
        "status": "QUEUED",
        "cause": None,
        "attempts": 0,
        "nextAttemptAt": now,
    }
    again = support.post(f"{delivery}/requeue", None)
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    world.deliver()
    assert support.get(delivery).json["status"] == "DELIVERED"
    assert support.get(f"{origin}/deadDeliveries").json == []
    first, second = (each.delivery for each in world.sender.attempts)
    assert dict(first.headers)["webhook-id"] == dict(second.headers)["webhook-id"]
    assert json.loads(second.body)["guid"] == guid


def test_the_oldest_come_first_and_no_more_than_the_limit(support, origin, die):
    guids = [die() for _ in range(3)]
    listed = support.get(f"{origin}/deadDeliveries?limit=2").json
    assert [each["requestGuid"] for each in listed] == guids[:2]
    assert len(support.get(f"{origin}/deadDeliveries").json) == 3


def test_the_dead_of_all_origins_that_the_administrator_reaches(
    world, employ, support, origin, die
):
    guids = [die(), die()]
    beside = world.new_app_space("Beside")
    stranger = employ(role=AdminRole.APP_SPACE, app_space=beside.guid)
    listed = support.get("/admin/api/deadDeliveries").json
    assert [each["requestGuid"] for each in listed] == guids
    assert listed == support.get(f"{origin}/deadDeliveries").json
    assert support.get("/admin/api/deadDeliveries?limit=1").json == listed[:1]
    space, since = world.app_space.guid, listed[1]["createdAt"]
    query = f"appSpaceGuid={space}&since={since}"
    assert support.get(f"/admin/api/deadDeliveries?{query}").json == listed[1:]
    assert stranger.get("/admin/api/deadDeliveries").json == []
    assert stranger.get(f"/admin/api/deadDeliveries?{query}").status_code == 404


@pytest.mark.parametrize("member", ["since", "limit"])
def test_a_list_of_all_dead_names_the_member_that_does_not_fit(support, member):
    reply = support.get(f"/admin/api/deadDeliveries?{member}=nonsense")
    assert (reply.status_code, reply.json["field"]) == (400, member)


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "1.5", "", "99999", "%D9%A3"])
def test_a_limit_is_a_number_that_fits(support, origin, limit):
    reply = support.get(f"{origin}/deadDeliveries?limit={limit}")
    assert (reply.status_code, reply.json["field"]) == (400, "limit")


def test_s20_anothers_callback_looks_like_nothing(  # noqa: PLR0917 (fixtures)
    world, employ, support, company, origin, die
):
    guid = die()
    (dead,) = support.get(f"{origin}/deadDeliveries").json
    delivery = f"deliveries/{dead['deliveryGuid']}"

    def key(record):
        return f"{company}/appSpaces/{record.app_space}/requestOrigins/{record.guid}"

    beside = world.new_app_space("Beside")
    stranger = employ(role=AdminRole.APP_SPACE, app_space=beside.guid)
    own = world.new_origin(beside, "Beside's shop").origin
    neighbour = world.new_origin(world.app_space, "Another shop").origin
    replies = [
        stranger.get(f"{origin}/deadDeliveries"),
        stranger.get(f"{origin}/{delivery}"),
        stranger.post(f"{origin}/{delivery}/requeue", None),
        stranger.post(f"{key(own)}/{delivery}/requeue", None),
        support.get(f"{key(neighbour)}/{delivery}"),
        support.post(f"{key(neighbour)}/{delivery}/requeue", None),
        support.get(f"{origin}/deliveries/{NOTHING}"),
        support.get(f"{origin}/deliveries/{guid}"),
        support.get(f"{origin}/deliveries/no-guid"),
    ]
    assert {reply.status_code for reply in replies} == {404}
    assert len(bodies_of(replies)) == 1
    (record,) = world.ports.store.get(dead["deliveryGuid"])
    assert isinstance(record, Callback)
    assert record.state is CallbackState.DEAD


def test_support_has_nothing_to_do_with_callbacks(world, employ, origin):
    helper = employ(role=AdminRole.SUPPORT, app_space=world.app_space.guid)
    for path in (f"{origin}/deadDeliveries", "/admin/api/deadDeliveries"):
        reply = helper.get(path)
        assert (reply.status_code, reply.json["code"]) == (403, "forbidden")
