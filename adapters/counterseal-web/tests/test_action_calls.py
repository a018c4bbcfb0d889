"""The calls of actions: how far one has come, its one use, and each refusal."""

from datetime import timedelta

import attrs
import pytest

from counterseal.errors import PolicyUnsound
from counterseal.models import OPERATOR
from counterseal_testing.faults import Faults, faulty

ARGUMENTS = {"to": "zoe@example.com", "copies": 2}
ACTION = {"type": "tool-call", "resource": "send_email", "arguments": ARGUMENTS}
QUESTION = {"accountId": "zoe", "action": ACTION}


@pytest.fixture
def phone(world):
    return world.bind("zoe")


@pytest.fixture
def approved(shop, phone):
    added = shop.post("/request/add", json=QUESTION)
    assert added.status_code == 201, added.json
    phone.answer(phone.fetch(added.json["guid"]))
    return added.json["guid"]


def refused(response, status, code):
    assert (response.status_code, response.json["code"]) == (status, code), response.json


def consume(shop, guid, arguments=ARGUMENTS, **more):
    return shop.post("/action/consume", json={"requestGuid": guid, "arguments": arguments, **more})


def test_a_request_says_what_it_asks_for(shop, phone):
    reply = shop.post("/request/add", json=QUESTION).json
    assert set(reply["action"]) == {"type", "digest", "validUntil", "language"}
    assert reply["content"]["title"]
    assert reply["action"]["language"] == "en"
    action = shop.get(f"/action/{reply['guid']}").json
    assert action | {"language": "en"} == {
        "requestGuid": reply["guid"],
        "state": "PENDING",
        "use": None,
        **reply["action"],
    }


def test_an_approval_is_used_once_and_reported(shop, approved):
    assert shop.get(f"/action/{approved}").json["state"] == "APPROVED"
    used = consume(shop, approved)
    assert used.status_code == 200
    assert used.json["state"] == "USED"
    assert used.json["use"]["state"] == "UNKNOWN"
    assert used.json["use"]["argumentsPresented"] is True
    refused(consume(shop, approved), 409, "action_used")
    report = {"requestGuid": approved, "outcome": "executed", "detail": "message 12"}
    for _ in range(2):
        reported = shop.post("/action/report", json=report)
        assert reported.json["use"]["state"] == "EXECUTED"
    refused(shop.post("/action/report", json=report | {"outcome": "failed"}), 409, "wrong_state")
    assert shop.get(f"/action/{approved}").json == reported.json


def test_other_arguments_and_other_origins_are_refused(shop, neighbour, approved):
    refused(consume(shop, approved, ARGUMENTS | {"copies": 3}), 409, "arguments_differ")
    refused(consume(neighbour, approved), 404, "not_found")
    refused(neighbour.get(f"/action/{approved}"), 404, "not_found")


def test_what_is_not_approved_or_over_is_refused(world, shop, phone, approved):
    pending = shop.post("/request/add", json=QUESTION).json["guid"]
    refused(consume(shop, pending), 409, "not_approved")
    for _ in range(2):
        withdrawn = shop.post("/action/withdraw", json={"requestGuid": approved})
        assert withdrawn.json["state"] == "WITHDRAWN"
    refused(consume(shop, approved), 409, "not_approved")
    phone.answer(phone.fetch(pending))
    world.clock.advance(timedelta(hours=1))
    refused(consume(shop, pending), 410, "deadline_passed")
    plain = shop.post("/request/add", json={"accountId": "zoe", "content": "Log in?"})
    refused(shop.get(f"/action/{plain.json['guid']}"), 409, "not_approved")


def test_a_locked_account_and_a_revoked_device_are_refused(world, shop, phone, approved):
    account = phone.device.bond.account
    world.accounts.lock(account, by=OPERATOR)
    refused(consume(shop, approved), 404, "unreachable")
    world.accounts.unlock(account, by=OPERATOR)
    phone.unbind()
    refused(consume(shop, approved), 409, "approver_inactive")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"arguments": {}}, "requestGuid"),
        ({"requestGuid": "x"}, "arguments"),
        ({"requestGuid": "x", "arguments": []}, "arguments"),
        ({"requestGuid": "x", "arguments": {}, "digest": "d"}, "digest"),
    ],
)
def test_an_unfit_use_is_refused_by_name(shop, body, field):
    response = shop.post("/action/consume", json=body)
    refused(response, 400, "invalid_field")
    assert response.json["field"] == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"action": None}, "action"),
        ({"action": ACTION | {"colour": "red"}}, "action.colour"),
        ({"action": ACTION | {"arguments": "x"}}, "action.arguments"),
        ({"action": ACTION | {"validUntil": "tomorrow"}}, "action.validUntil"),
        ({"content": "Pay?"}, "action"),
        ({"additionalInfo": "only 1 EUR"}, "additionalInfo"),
    ],
)
def test_an_unfit_action_is_refused_by_name(shop, phone, changes, field):
    response = shop.post("/request/add", json=QUESTION | changes)
    refused(response, 400, "invalid_field")
    assert response.json["field"] == field


def document_question(*urls):
    documents = [
        {"name": f"{index}.txt", "size": 1, "type": "text/plain", "sha256": "A" * 43, "url": url}
        for index, url in enumerate(urls)
    ]
    action = {"type": "document", "resource": "Lease", "arguments": {"documents": documents}}
    return {"accountId": "zoe", "action": action}


ELSEWHERE = document_question("https://files.example.com/a", "https://elsewhere.example/b")
WARNING = {
    "code": "document_host",
    "field": "action.arguments.documents[1].url",
    "host": "elsewhere.example",
}


def test_the_first_reply_warns_of_a_document_that_the_app_may_not_fetch(kit, world, phone):
    app_origins = ["https://service.example", "https://files.example.com"]
    client = kit.application(world.ports, app_origins=app_origins).test_client()
    shop = kit.shop_of(world, client, world.origin)
    headers = {"Idempotency-Key": "lease-7"}
    replies = [shop.post("/request/add", json=ELSEWHERE, headers=headers) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 201]
    assert [reply.json["warnings"] for reply in replies] == [[WARNING], [WARNING]]
    assert replies[0].json == replies[1].json
    guid = replies[0].json["guid"]
    assert "warnings" not in shop.get(f"/request/getRequest?requestGuid={guid}").json
    fetched = document_question("https://files.example.com/a", "https://service.example/b")
    for question in (QUESTION, fetched, {"accountId": "zoe", "content": "Lunch?"}):
        assert "warnings" not in shop.post("/request/add", json=question).json


def test_a_service_that_does_not_know_what_the_app_may_fetch_warns_of_nothing(shop, phone):
    assert "warnings" not in shop.post("/request/add", json=ELSEWHERE).json


def test_a_document_from_a_host_that_is_not_listed_is_refused_by_its_field(world, shop, phone):
    world.administration.edit_app_space(
        world.app_space.guid, document_hosts=["https://files.example.com"]
    )
    response = shop.post("/request/add", json=ELSEWHERE)
    refused(response, 400, "invalid_field")
    assert response.json["field"] == WARNING["field"]
    assert "elsewhere.example" in response.json["detail"]


@pytest.mark.parametrize("origin", ["http://files.example.com", "https://files.example.com/", ""])
def test_an_origin_of_the_app_that_is_none_is_refused(kit, world, origin):
    with pytest.raises(PolicyUnsound, match="app_origins"):
        kit.application(world.ports, app_origins=[origin])


def test_a_type_that_nobody_can_display_is_refused(shop, phone):
    question = {"accountId": "zoe", "action": ACTION | {"type": "launch"}}
    refused(shop.post("/request/add", json=question), 400, "action_type_unknown")


def test_a_use_is_answered_from_what_was_committed(kit, world, approved):
    """A store that fails right after the commit does not hide that the action was used."""
    faults = Faults()
    ports = attrs.evolve(world.ports, store=faulty(world.ports.store, "store", faults))
    client = kit.application(ports).test_client()
    shop = kit.shop_of(world, client, world.origin)
    faults.fail("store.get_with_account", skip=1, times=9)

    used = consume(shop, approved)
    assert used.status_code == 200
    assert used.json["use"]["state"] == "UNKNOWN"
    assert shop.get(f"/action/{approved}").status_code == 503
