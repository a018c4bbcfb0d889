"""A new phone over HTTP: invited, waiting, and added, moved to, refused, or confirmed by code."""

import pytest

from counterseal.bindings.documents.confirmation import Choice, NewDevices
from counterseal.bindings.documents.device import Bond
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import own_comparison_code, sign_confirmation
from counterseal.wire.link import read_link
from counterseal.wire.members import read_record


@pytest.fixture
def new_client(kit, world, client, device_client):
    """A phone that the other one invited."""
    invited = device_client.call("POST", "/device/invitations")
    assert invited.status_code == 200
    link = read_link(invited.json["link"])
    assert link.token == invited.json["sessionToken"]
    phone = world.phone()
    enrolment = phone.device.enrolment(link.token, link.app_space, pin=phone.pin)
    bound = client.post("/device/bind", json=enrolment_document(enrolment))
    assert bound.json["device"] == invited.json["device"]
    phone.device.bond = read_record(Bond, bound.json)
    assert phone.device.bond.confirm_by == world.clock.now() + world.policy.confirmation_life
    return type(device_client)(client, phone)


def decide(device_client, choice, pin=None):
    phone = device_client.phone
    listed = device_client.get("/device/confirmations").json
    (new_device,) = read_record(NewDevices, listed).confirmations
    token = sign_confirmation(phone.device, new_device, choice, pin=pin or phone.pin)
    return device_client.send("/device/confirmations", token)


def test_a_new_phone_is_denied_until_it_is_added(device_client, new_client):
    denied = new_client.get("/device/status")
    assert (denied.status_code, denied.json["reason"]) == (403, "unconfirmed")
    added = decide(device_client, Choice.ADD)
    assert (added.status_code, added.json["status"]) == (200, "ACTIVE")
    assert new_client.get("/device/status").json["status"] == "ACTIVE"
    assert device_client.get("/device/confirmations").json == {"confirmations": []}


def test_a_user_moves_to_a_new_phone(device_client, new_client):
    assert decide(device_client, Choice.MOVE).json["status"] == "ACTIVE"
    assert new_client.get("/device/status").status_code == 200
    moved = device_client.get("/device/status")
    assert (moved.status_code, moved.json["reason"]) == (403, "revoked")


def test_nobody_gets_a_device_by_an_invitation_that_is_forbidden_meanwhile(
    world, client, device_client, new_client
):
    link = read_link(device_client.call("POST", "/device/invitations").json["link"])
    space = world.app_space.guid
    world.administration.edit_app_space(space, device_invitations=False)
    phone = world.phone()
    enrolment = phone.device.enrolment(link.token, space, pin=phone.pin)
    bound = client.post("/device/bind", json=enrolment_document(enrolment))
    for refused in (bound, decide(device_client, Choice.ADD)):
        assert (refused.status_code, refused.json["code"]) == (403, "new_device_forbidden")
    assert decide(device_client, Choice.REFUSE).json["status"] == "REVOKED"


def test_a_new_phone_is_refused(device_client, new_client):
    assert decide(device_client, Choice.REFUSE).json["status"] == "REVOKED"
    assert new_client.get("/device/status").json["reason"] == "revoked"


def test_a_wrong_pin_is_counted(device_client, new_client):
    missed = decide(device_client, Choice.ADD, pin="0000")
    assert (missed.status_code, missed.json["code"]) == (403, "strong_key_missed")
    assert missed.json["attemptsLeft"] == 4
    assert new_client.get("/device/status").json["reason"] == "unconfirmed"


def test_the_origin_confirms_it_by_its_code(shop, new_client):
    device = new_client.phone.device
    body = {"deviceGuid": device.bond.device, "comparisonCode": "00000-00000"}
    wrong = shop.post("/device/confirm", json=body)
    assert (wrong.status_code, wrong.json["code"]) == (403, "wrong_code")
    assert wrong.json["attemptsLeft"] == 2
    body["comparisonCode"] = own_comparison_code(device, pin=new_client.phone.pin)
    assert shop.post("/device/confirm", json=body).status_code == 204
    assert new_client.get("/device/status").status_code == 200
    devices = shop.get("/device/getAll?accountId=user-42").json
    assert {each["status"] for each in devices} == {"ACTIVE"}


def test_another_app_spaces_origin_does_not_confirm_it(stranger, new_client):
    device = new_client.phone.device
    code = own_comparison_code(device, pin=new_client.phone.pin)
    body = {"deviceGuid": device.bond.device, "comparisonCode": code}
    refused = stranger.post("/device/confirm", json=body)
    assert (refused.status_code, refused.json["code"]) == (404, "not_found")


def test_an_app_space_forbids_it(world, device_client):
    world.administration.edit_app_space(world.app_space.guid, device_invitations=False)
    refused = device_client.call("POST", "/device/invitations")
    assert (refused.status_code, refused.json["code"]) == (403, "new_device_forbidden")


def test_the_link_opens_the_device_in_the_browser_if_there_is_one(kit, world, device_client):
    app = "https://service.example/app"
    client = kit.application(world.ports, app_url=app).test_client()
    invited = type(device_client)(client, device_client.phone).call("POST", "/device/invitations")
    link = read_link(invited.json["link"])
    assert (link.app, link.service) == (app, "https://service.example")
    assert link.token == invited.json["sessionToken"]
