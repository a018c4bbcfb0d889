"""The service API: what origins call, in both forms, under both prefixes."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import attrs
import pytest
from served import bodies_of

from counterseal.credentials.documents import write_basic
from counterseal.errors import PolicyUnsound
from counterseal.models import Clients, OriginRole, Scheme, TokenForm
from counterseal.policy import STRICT
from counterseal_testing.service import CALLBACK
from counterseal_web import calls

BASE = "https://service.example"

PREFIXES = ["", "/api"]


def test_a_bind_names_the_device_in_the_browser_if_there_is_one(kit, world):
    app = "https://service.example/app"
    client = kit.application(world.ports, app_url=app).test_client()
    shop = kit.shop_of(world, client, world.origin)
    reply = shop.put("/account/bind", json={"accountId": "user-42"}).json
    assert (reply["appUrl"], reply["serviceUrl"]) == (app, "https://service.example")
    # A client of the CX service reads what it always did.
    world.administration.edit_origin(world.origin.origin.guid, clients=Clients.CX)
    reply = shop.put("/account/bind", json={"accountId": "user-42"}).json
    assert not {"appUrl", "serviceUrl"} & reply.keys()
    with pytest.raises(PolicyUnsound, match="app_url"):
        kit.application(world.ports, app_url="auth.example")


def test_an_origin_that_only_asks_is_refused_every_other_call(kit, world, client):
    world.bind("user-42")
    party = world.new_origin(world.app_space, "Agent", role=OriginRole.ASKING)
    agent = kit.shop_of(world, client, party)
    for method, path, body in (
        ("PUT", "/account/bind", {"accountId": "user-42"}),
        ("GET", "/account/getAccount?accountId=user-42", None),
        ("PATCH", "/account/revoke", {"accountId": "user-42"}),
        ("GET", "/device/getAll?accountId=user-42", None),
        ("GET", "/events", None),
    ):
        reply = agent.call(method, path, **({} if body is None else {"json": body}))
        assert (reply.status_code, reply.json["code"]) == (403, "asking_only")
    assert kit.ask(agent).status_code == 201


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_bind_creates_an_account_once_and_a_token_each_time(world, shop, prefix):
    first = shop.put(f"{prefix}/account/bind", json={"accountId": "a", "userInfo": "card 7"})
    again = shop.put(f"{prefix}/account/bind", data={"accountId": "a"})
    account = world.accounts.get(world.origin, "a")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["Location"] == f"{BASE}{prefix}/account/{account.guid}"
    assert first.json["privakeyId"] == again.json["privakeyId"] == account.guid
    assert first.json["sessionToken"] != again.json["sessionToken"]
    assert first.json["appSpaceGuid"] == world.app_space.guid
    assert first.json["appSpaceName"] == world.app_space.name
    assert first.json["sessionTokenExpiration"].endswith("Z")
    reply_document = shop.get(first.headers["Location"].removeprefix(BASE)).json
    assert reply_document == shop.get(f"{prefix}/account/getAccount?accountId=a").json
    assert (reply_document["userInfo"], reply_document["accountId"], reply_document["locked"]) == (
        "card 7",
        "a",
        False,
    )


def test_a_session_token_has_the_form_that_its_origin_reads(kit, world, client, shop):
    later = world.new_origin(world.app_space, "The shop of 2021")
    world.administration.edit_origin(world.origin.origin.guid, token_form=TokenForm.OBJECT)
    neighbour = kit.shop_of(world, client, later)
    assert isinstance(
        neighbour.put("/account/bind", json={"accountId": "a"}).json["sessionToken"], str
    )
    reply = shop.put("/account/bind", json={"accountId": "a"}).json
    token = reply["sessionToken"]
    assert token["expiration"] == reply["sessionTokenExpiration"]
    invited = world.invitations.invite(world.origin, "b")
    phone = world.complete(attrs.evolve(invited, token=token["guid"]), world.phone())
    assert phone.guid in token["guid"]


@pytest.mark.parametrize("body", [{}, {"accountId": ""}, {"accountId": 7}, {"accountId": None}])
def test_a_bind_needs_an_account_id(shop, body):
    reply = shop.put("/account/bind", json=body)
    assert (reply.status_code, reply.json["field"]) == (400, "accountId")


@pytest.fixture
def older(kit, world, client):
    """A shop whose program was written for the CX service."""
    extra = world.administration.create_origin(world.app_space.guid, "Old shop", clients=Clients.CX)
    return kit.shop_of(world, client, world.administration.relying_party(extra.guid))


def test_a_cx_client_may_name_an_account_by_a_number(kit, world, older, shop):
    bound = older.put("/account/bind", json={"accountId": 42, "userInfo": {"card": 7}})
    assert bound.status_code == 201
    account = older.get("/account/getAccount?accountId=42").json
    assert (account["accountId"], account["userInfo"]) == ("42", '{"card":7}')
    assert older.put("/account/bind", json={"accountId": "42"}).status_code == 200
    assert older.patch("/account/revoke", json={"accountId": 42}).status_code == 204
    for call in (shop.put("/account/bind", json={"accountId": 42}),):
        assert (call.status_code, call.json["field"]) == (400, "accountId")


def test_a_cx_client_that_asks_by_a_number_gets_the_text(kit, world, older):
    invited = world.invitations.invite(world.origin, "42")
    world.complete(invited, world.phone())
    line = {"title": "Pay?", "keys": [{"key": "To"}]}
    added = older.post("/request/add", json={"accountId": 42, "content": line, "duration": 90})
    assert (added.status_code, added.json["accountId"]) == (201, "42")
    assert added.json["content"] == {"title": "Pay?", "keys": [{"key": "To", "value": ""}]}


def test_user_info_is_a_text(shop):
    reply = shop.put("/account/bind", json={"accountId": "a", "userInfo": {"a": 1}})
    assert (reply.status_code, reply.json["field"]) == (400, "userInfo")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_request_is_added_and_comes_back_whole(world, shop, device_client, prefix):
    body = {
        "accountId": "user-42",
        "content": {"title": "T", "keys": [{"key": "K", "value": "V"}]},
        "additionalInfo": "{'viewType': 'html'}",
        "transactionId": '{"uid":"u1"}',
        "callback": CALLBACK,
        "duration": "5m",
    }
    added = shop.post(f"{prefix}/request/add", json=body)
    assert added.status_code == 201
    guid = added.json["guid"]
    assert added.headers["Location"] == f"{BASE}{prefix}/request/{guid}"
    for name in ("content", "additionalInfo", "transactionId", "callback", "accountId"):
        assert added.json[name] == body[name]
    assert added.json["status"] == added.json["state"] == "PENDING"
    assert added.json["buttonSelected"] is None
    answered = device_client.answer(guid)
    assert answered.json["approved"]
    current = shop.get(f"{prefix}/request/getRequest?requestGuid={guid}").json
    assert current == shop.get(f"{prefix}/request/{guid}").json
    assert (current["status"], current["buttonSelected"]) == ("ANSWERED", 0)
    assert current["receipt"] == answered.json["receipt"]
    assert current["device"] == device_client.phone.guid
    world.deliver()
    assert json.loads(world.sender.attempts[-1].delivery.body) == current


@pytest.mark.parametrize("info", ["'{}'", {"template": "true", "n": [1, None, {"": 2.5}]}, ""])
def test_additional_info_comes_back_exactly(kit, shop, device_client, info):
    assert kit.ask(shop, additionalInfo=info).json["additionalInfo"] == info


def test_content_may_be_html_and_buttons_may_be_texts(kit, shop, device_client):
    reply = kit.ask(
        shop,
        content="<html><body><p>Log in?</p></body></html>",
        buttons=[
            '{"title":"Yes","strongAuth":true,"style":"{}"}',
            {"title": "No", "strongAuth": False},
        ],
    ).json
    assert reply["content"].startswith("<html>")
    assert [button["title"] for button in reply["buttons"]] == ["Yes", "No"]


def test_the_matching_code_is_sent_once(kit, world, shop, device_client):
    added = kit.ask(shop, showCode=True).json
    assert len(added["code"]) == 6
    assert "code" not in shop.get(f"/request/{added['guid']}").json
    assert device_client.answer(added["guid"], code=added["code"]).json["approved"]


def test_an_echoing_origin_gets_no_code(kit, world, client, device_client):
    added = kit.ask(kit.cx_shop(world, client), showCode=True).json
    assert added["showCode"] is True
    assert "code" not in added


def test_a_callback_that_is_not_allowed_is_400(kit, shop, device_client):
    reply = kit.ask(shop, callback="https://evil.example/")
    assert (reply.status_code, reply.json["code"]) == (400, "callback_forbidden")


def test_a_callback_that_nothing_would_be_sent_to_is_400_and_says_why(
    kit, world, shop, device_client
):
    party = world.origin.origin.guid
    world.administration.allow_callback(party, "https://shop.example:5000/done")
    world.sender.uncallable["https://shop.example:5000/done"] = "a port that is not allowed"
    reply = kit.ask(shop, callback="https://shop.example:5000/done")
    assert (reply.status_code, reply.json["code"]) == (400, "callback_uncallable")
    assert reply.json["reason"] == "a port that is not allowed"
    assert device_client.get("/device/requests").json["requests"] == []


def test_s24_an_idempotency_key_makes_one_request(shop, device_client):
    def add(content, key="k1"):
        return shop.post(
            "/request/add",
            json={"accountId": "user-42", "content": content, "showCode": True},
            headers={"Idempotency-Key": key},
        )

    first, again = add("Pay?"), add("Pay?")
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert first.headers["Location"] == again.headers["Location"]
    assert add("Pay more?").status_code == 422
    assert add("Pay?", "k2").json["guid"] != first.json["guid"]
    assert add("Pay?", "k" * 300).status_code == 400


class Slow:
    """A store that says when a commit has come, and makes it wait."""

    def __init__(self, store):
        self._store = store
        self.arrival, self.go = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, changes, audit, operation):
        self.arrival.set()
        self.go.wait(240)
        self._store.commit(changes, audit, operation)


def test_s24_a_call_whose_key_is_in_use_is_409(kit, world, device_client):
    slow = Slow(world.ports.store)
    app = kit.application(attrs.evolve(world.ports, store=slow))
    shop = kit.shop_of(world, app.test_client(), world.origin)
    other = attrs.evolve(
        shop, client=app.test_client(), headers=shop.headers | {"Idempotency-Key": "k"}
    )
    shop.headers["Idempotency-Key"] = "k"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(kit.ask, shop)
        assert slow.arrival.wait(240)
        busy = kit.ask(other)
        slow.go.set()
        added = first.result(20)
    assert (busy.status_code, busy.json["code"]) == (409, "key_in_progress")
    assert busy.headers["Retry-After"] == "1"
    assert kit.ask(other).json == added.json


def test_s24_an_idempotency_key_makes_one_invitation(shop):
    def invite(account_id, key="k1"):
        return shop.put(
            "/account/bind", json={"accountId": account_id}, headers={"Idempotency-Key": key}
        )

    first, again = invite("a"), invite("a")
    assert first.json == again.json
    assert (first.status_code, first.headers["Location"]) == (201, again.headers["Location"])
    assert invite("b").status_code == 422
    assert invite("a", "k2").json["sessionToken"] != first.json["sessionToken"]


def test_too_many_open_questions_are_429_until_the_first_is_over(kit, shop, device_client):
    replies = [kit.ask(shop) for _ in range(6)]
    assert (replies[-1].status_code, replies[-1].json["code"]) == (429, "too_many_pending")
    assert replies[-1].headers["Retry-After"] == "120"


def test_asking_too_often_is_429_with_retry_after(kit, world, device_client):
    client = kit.application(world.ports, STRICT).test_client()
    shop = kit.shop_of(world, client, world.origin)
    replies = [kit.ask(shop) for _ in range(6)]
    assert [reply.status_code for reply in replies] == [201] * 5 + [429]
    assert int(replies[-1].headers["Retry-After"]) > 0
    assert replies[-1].json["reason"]


def test_the_open_requests_of_an_account_are_listed(kit, shop, neighbour, device_client):
    first, second = kit.ask(shop).json["guid"], kit.ask(shop).json["guid"]
    kit.ask(neighbour)
    cancelled = shop.patch("/api/request/cancel", json={"requestGuid": first})
    assert (cancelled.status_code, cancelled.json["status"]) == (200, "CANCELLED")
    listed = shop.get("/api/request/getAll?accountId=user-42")
    assert [listed_device["guid"] for listed_device in listed.json] == [second]
    again = shop.patch("/request/cancel", data={"requestGuid": first})
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")


def test_a_request_past_its_deadline_is_expired_for_everybody(kit, world, shop, device_client):
    guid = kit.ask(shop).json["guid"]
    world.clock.advance(world.policy.challenge_life)
    assert shop.get(f"/request/{guid}").json["status"] == "EXPIRED"
    assert shop.patch("/request/cancel", json={"requestGuid": guid}).status_code == 410


def test_devices_are_listed_and_revoked_also_twice(kit, world, shop, device_client):
    world.invitations.invite(world.origin, "user-42")
    listed = shop.get("/api/device/getAll?accountId=user-42").json
    assert isinstance(listed, list)
    assert [listed_device["status"] for listed_device in listed] == ["ACTIVE", "INVITED"]
    for _ in range(2):  # as C-ue does at every recovery, with all that is listed
        for listed_device in shop.get("/api/device/getAll?accountId=user-42").json:
            reply = shop.patch("/api/device/revoke", json={"deviceGuid": listed_device["guid"]})
            assert (reply.status_code, reply.data) == (204, b"")
            assert not {"Content-Type", "Content-Length"} & set(reply.headers.keys())
    listed = shop.get("/device/getAll?accountId=user-42").json
    assert {listed_device["status"] for listed_device in listed} == {"REVOKED"}
    assert shop.get("/device/getAll?accountId=nobody").status_code == 404
    assert kit.ask(shop).status_code == 404


def test_an_account_is_revoked_with_all_that_it_has(shop, device_client):
    assert shop.patch("/account/revoke", data={"accountId": "user-42"}).status_code == 204
    assert device_client.get("/device/status").status_code == 403
    assert shop.patch("/account/revoke", json={"accountId": "user-42"}).status_code == 204
    assert shop.patch("/account/revoke", json={"accountId": "nobody"}).status_code == 404


@pytest.mark.parametrize("query", ["", "accountId=", "accountId=a&accountId=b", "accountId=%ff"])
def test_a_query_is_read_strictly(shop, query):
    assert shop.get(f"/account/getAccount?{query}").status_code == 400


def test_a_body_is_an_object(shop):
    for body in (b"[]", b"1", b'{"accountId":"a","accountId":"b"}', b"", b"\xff"):
        reply = shop.put("/account/bind", data=body, content_type="application/json")
        assert reply.status_code == 400, body


def test_a_wrong_credential_is_401_whatever_is_wrong_with_it(kit, world, client, shop):
    guid = world.origin.origin.guid
    headers = [
        "",
        "Basic",
        "Basic !!!",
        "Bearer x",
        write_basic("wrong", guid=guid),
        write_basic("wrong", guid="00000000-0000-8000-8000-000000000000"),
        kit.signed(world, (guid, "wrong"), "GET", f"{BASE}/request/getAll?accountId=a"),
    ]
    replies = [
        client.get("/request/getAll?accountId=a", headers={"Authorization": header})
        for header in headers
    ]
    assert {reply.status_code for reply in replies} == {401}
    assert len(bodies_of(replies)) == 1
    assert all(reply.headers["WWW-Authenticate"].startswith("Basic ") for reply in replies)


BODY = b'{"accountId":"user-42"}'


@pytest.fixture
def signing(kit, world):
    """The header of an origin that signs."""
    party = world.new_origin(world.app_space, "Signing shop")
    secret = world.credentials.issue(party.origin.guid, Scheme.HMAC).secret
    return partial(kit.signed, world, (party.origin.guid, secret))


def bind(client, header, *, path="/api/account/bind", body=BODY, headers=(), **kwargs):
    return client.put(
        path,
        data=body,
        content_type="application/json",
        headers={"Authorization": header, **dict(headers)},
        **kwargs,
    )


def test_s23_a_signed_request_holds_once(client, signing):
    header = signing("PUT", f"{BASE}/api/account/bind", BODY)
    assert bind(client, header).status_code == 201
    replayed = bind(client, header)
    assert (replayed.status_code, replayed.json["code"]) == (401, "unauthorized")


def test_s23_the_address_is_the_configured_one(client, signing):
    reply = bind(
        client,
        signing("PUT", f"{BASE}/api/account/bind", BODY),
        base_url="http://evil.example:8080/mounted",
        headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"},
    )
    assert reply.status_code == 201
    assert reply.headers["Location"].startswith(f"{BASE}/api/account/")


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/account/bind"},
        {"path": "/api/account/bind?a=1"},
        {"body": b'{"accountId":"user-43"}'},
    ],
)
def test_s23_another_path_query_or_body_is_refused(client, signing, change):
    header = signing("PUT", f"{BASE}/api/account/bind", BODY)
    assert bind(client, header, **change).status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(300, 201), (301, 401), (-60, 201), (-61, 401)])
def test_s23_a_request_older_than_300_s_or_60_s_ahead_is_refused(
    world, client, signing, seconds, status
):
    header = signing("PUT", f"{BASE}/api/account/bind", BODY)
    world.clock.jump(world.clock.now() + timedelta(seconds=seconds))
    assert bind(client, header).status_code == status


def test_s23_the_querys_order_counts_and_a_get_has_no_body(client, signing):
    query = "requestGuid=00000000-0000-8000-8000-000000000000&wait=0"

    def get(parameter, **kwargs):
        header = signing("GET", f"{BASE}/request/getRequest?{query}")
        headers = {"Authorization": header}
        return client.get(f"/request/getRequest?{parameter}", headers=headers, **kwargs).status_code

    assert get("wait=0&requestGuid=00000000-0000-8000-8000-000000000000") == 401
    assert get(query, data=b"x") == 401
    assert get(query) == 404


def test_s23_an_origin_has_one_scheme(kit, world, client, shop):
    party = world.new_origin(world.app_space, "Signing shop")
    secret = world.credentials.issue(party.origin.guid, Scheme.HMAC).secret
    header = write_basic(secret, guid=party.origin.guid)
    path = "/request/getAll?accountId=a"
    assert client.get(path, headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("spelled", ["zo%C3%AB", "zoë".encode().decode("latin-1")])
def test_an_address_that_nobody_has_encoded_is_read_as_what_it_is(shop, spelled):
    extra = {
        shop.put("/account/bind", json={"accountId": name}).status_code for name in ("zoë", "��")
    }
    assert extra == {201}
    reply_document = shop.get(
        "/account/getAccount", environ_overrides={"QUERY_STRING": f"accountId={spelled}"}
    )
    assert (reply_document.status_code, reply_document.json["accountId"]) == (200, "zoë")


def test_an_address_that_is_no_text_is_refused(app, shop):
    query = {"QUERY_STRING": "accountId=zo\xeb"}
    refused = shop.get("/account/getAccount", environ_overrides=query)
    assert refused.status_code == 400
    if not app.parses_before:  # else that refuses it, without a document
        assert refused.json["detail"] == "query: not UTF-8"


def test_of_a_long_media_type_little_is_cached(shop, client):
    long = "application/json; charset=utf-8; x=" + "y" * 100_000
    bound = shop.put("/account/bind", data=b'{"accountId":"a"}', content_type=long)
    assert bound.status_code == 201
    odd = client.put("/account/bind", data=b"{}", content_type="z" * 100_000, headers=shop.headers)
    assert odd.status_code == 415
    before = calls._media_type.cache_info().currsize
    for number in range(3):
        kind = "w" * calls.TYPE_LIMIT + str(number)
        client.put("/account/bind", data=b"{}", content_type=kind, headers=shop.headers)
    assert calls._media_type.cache_info().currsize <= before + 1
