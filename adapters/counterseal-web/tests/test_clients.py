"""The calls of C-milo, C-mern and C-ue as they were recorded, body for body."""

import json

import pytest

from counterseal.challenges.documents.messages import processed_document
from counterseal.models import Codes

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
CALLBACK = "https://auth.example.com/api/g-1/mfa/callback"

MILO_TEXT = (
    rb'{"accountId":"user-42","content":"Did you just send yourself a notification?",'
    rb'"duration":"10m","buttons":["{\"title\": \"Approve\", \"strongAuth\": true,'
    rb' \"style\": \"{\\\"color\\\": \\\"green\\\"}\"}","{\"title\": \"Reject\",'
    rb' \"strongAuth\": false, \"style\": \"{\\\"color\\\": \\\"red\\\"}\"}"]}'
)
MILO_HTML = (
    b'{"accountId":"user-42","content":"<html><body><p>Are you trying to log in to MILO?</p>'
    b'</body></html>","duration":"2m","additionalInfo":"{\'viewType\': \'html\','
    b" 'format': 'standard'}\"}"
)
MERN = (
    rb'{"accountId":"user-42","callback":"https://auth.example.com/api/g-1/mfa/callback",'
    rb'"content":{"title":"Sample Request","keys":[{"key":"This is a key",'
    rb'"value":"This is a value"}]},"duration":"5m","showNotification":true,'
    b'"additionalInfo":"{'
    b"'viewType': 'html', 'format': 'standard'}"
    b'",'
    rb'"buttons":[{"title":"Neat!","strongAuth":false,"style":"{\"color\": \"blue\"}"},'
    rb'{"title":"Okay...","strongAuth":true,"style":"{\"color\": \"orange\"}"}]}'
)
UE_FORM = (
    b"accountId=user-42&duration=5m&additionalInfo%5Btemplate%5D=true"
    b"&transactionId=%7B%22uid%22%3A%22u1%22%7D&notificationTitle=Validation%20Requested"
    b"&notificationBody=Validation%20Requested"
    b"&callback=https%3A%2F%2Fauth.example.com%2Fapi%2Fg-1%2Fmfa%2Fcallback"
    b"&showCode=true&showNotification=true&content%5Btitle%5D=Validation%20Requested"
    b"&content%5Bkeys%5D%5B0%5D%5Bkey%5D=Example%20Platform"
    b"&content%5Bkeys%5D%5B0%5D%5Bvalue%5D=Z%C3%B6e"
    b"&buttons%5B0%5D%5Btitle%5D=Approve&buttons%5B0%5D%5BstrongAuth%5D=true"
    b"&buttons%5B0%5D%5Bstyle%5D=%7B%22color%22%3A%22%2316C656%22%7D"
    b"&buttons%5B1%5D%5Btitle%5D=Decline&buttons%5B1%5D%5BstrongAuth%5D=false"
    b"&buttons%5B1%5D%5Bstyle%5D=%7B%22color%22%3A%22%23FF6600%22%7D"
)


@pytest.fixture
def cx(kit, world, client):
    """An origin as the CX admin calls make it, and its user's phone."""
    party = world.new_origin(world.app_space, "CX client", codes=Codes.ECHOED)
    world.administration.allow_callback(party.origin.guid, CALLBACK)
    return kit.shop_of(world, client, party)


def bound(kit, world, client, bind_reply):
    """Finish the bind with what a client hands to its app."""
    token = bind_reply["sessionToken"]
    phone = world.phone()
    from_token = phone.device.enrolment(token, bind_reply["appSpaceGuid"], pin=phone.pin)
    phone.device.complete_binding(world.enrolments.complete(from_token))
    return kit.DeviceClient(client, phone)


@pytest.mark.parametrize(
    ("base", "media_type", "body"),
    [
        ("/api", JSON, MILO_TEXT),
        ("/api", JSON, MILO_HTML),
        ("", JSON, MERN),
        ("/api", FORM, UE_FORM),
    ],
    ids=["milo-text", "milo-html", "mern", "ue-form"],
)
def test_a_client_binds_asks_and_reads_the_answer(kit, world, client, cx, base, media_type, body):  # noqa: PLR0917 (fixtures)
    bind = b'{"accountId":"user-42"}' if media_type == JSON else b"accountId=user-42"
    reply = cx.put(f"{base}/account/bind", data=bind, content_type=media_type).json
    assert len(reply["privakeyId"]) == 36
    device_client = bound(kit, world, client, reply)
    added = cx.post(f"{base}/request/add", data=body, content_type=media_type)
    assert added.status_code == 201
    guid = added.json["guid"]
    assert added.headers["Location"].rpartition("/")[2] == guid
    device_client.answer(guid, 0)
    current = cx.get(f"{base}/request/getRequest?requestGuid={guid}").json
    assert current["buttonSelected"] == 0
    assert current["guid"] == guid


def test_c_milo_shows_what_it_sends(cx, device_client):
    text = cx.post("/api/request/add", data=MILO_TEXT, content_type=JSON).json
    assert text["content"] == "Did you just send yourself a notification?"
    assert text["buttons"] == [
        {
            "title": "Approve",
            "strongAuth": True,
            "style": '{"color": "green"}',
            "approving": True,
        },
        {"title": "Reject", "strongAuth": False, "style": '{"color": "red"}', "approving": False},
    ]
    html = cx.post("/api/request/add", data=MILO_HTML, content_type=JSON).json
    assert html["additionalInfo"] == "{'viewType': 'html', 'format': 'standard'}"
    assert [button["title"] for button in html["buttons"]] == ["Approve", "Reject"]


def test_c_mern_may_have_a_weak_first_button(cx, device_client):
    added = cx.post("/request/add", data=MERN, content_type=JSON).json
    display = json.loads(device_client.show(added["guid"]))
    assert [button["strong"] for button in display["buttons"]] == [False, True]
    assert display["content"]["keys"] == [{"key": "This is a key", "value": "This is a value"}]


def test_c_ues_form_is_its_json(cx, device_client):
    added = cx.post("/api/request/add", data=UE_FORM, content_type=FORM).json
    assert added["transactionId"] == '{"uid":"u1"}'
    assert added["additionalInfo"] == {"template": "true"}
    assert (added["showCode"], added["showNotification"]) == (True, True)
    assert added["content"]["keys"] == [{"key": "Example Platform", "value": "Zöe"}]
    assert "code" not in added


def test_c_ues_requery_agrees_with_the_callback(world, cx, device_client):
    added = cx.post("/api/request/add", data=UE_FORM, content_type=FORM).json
    device_client.answer(added["guid"], 1)
    world.deliver()
    called = json.loads(world.sender.attempts[-1].delivery.body)
    current = cx.get(f"/api/request/getRequest?requestGuid={added['guid']}").json
    for name in ("guid", "transactionId", "buttonSelected", "privakeyId"):
        assert called[name] == current[name]
    assert called["buttonSelected"] == 1
    assert set(called) <= set(current)


def test_c_ue_recovers_a_user_twice(kit, world, client, cx):
    """Bind, list, revoke each, bind again; and again."""
    for _ in range(3):
        listed = cx.get("/api/device/getAll?accountId=user-42")
        devices = [] if listed.status_code == 404 else listed.json
        for device in devices:
            body = json.dumps({"deviceGuid": device["guid"]}, separators=(",", ":"))
            done = cx.patch("/api/device/revoke", data=body, content_type=JSON)
            assert done.status_code == 204
        reply = cx.put("/api/account/bind", data=b"accountId=user-42", content_type=FORM).json
        bound(kit, world, client, reply)
        listed = cx.get("/api/device/getAll?accountId=user-42").json
        assert [entry["status"] for entry in listed].count("ACTIVE") == 1


def test_the_request_is_the_cores_own_document(world, cx, device_client):
    added = cx.post("/request/add", data=MERN, content_type=JSON).json
    (stored,) = world.ports.store.get(added["guid"])
    document = processed_document(stored, now=world.clock.now())
    assert added == document | {"status": document["state"]}
