"""The device API: what a phone calls, with its proofs."""

import json

import pytest
from served import bodies_of

from counterseal import STANDARD_ACTIONS
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.keys import trusted_keys
from counterseal.models import AddressKind
from counterseal_testing.authenticator import ORIGIN, RP_ID, FakePasskey

BASE = "https://service.example"


def enrolled(world, client, account_id="user-42"):
    invitation = world.invitations.invite(world.origin, account_id)
    phone = world.phone()
    enrolment = phone.device.enrolment(invitation.token, world.app_space.guid, pin=phone.pin)
    return phone, enrolment_document(enrolment), enrolment


def test_a_bind_is_finished_and_repeated(world, client):
    _, body, _ = enrolled(world, client)
    first = client.post("/device/bind", json=body)
    again = client.post("/device/bind", json=body)
    assert first.status_code == again.status_code == 200
    assert first.json == again.json
    assert first.json["appSpace"] == world.app_space.guid
    assert trusted_keys(first.json["serviceKeys"]) == world.ports.signer.jwks()
    _, other, _ = enrolled(world, client)
    other["token"] = body["token"]
    assert client.post("/device/bind", json=other).json["code"] == "token_spent"
    world.clock.advance(world.policy.session_token_life)
    _, late, _ = enrolled(world, client)
    world.clock.advance(world.policy.session_token_life)
    assert client.post("/device/bind", json=late).status_code == 410


def test_a_wrong_session_token_is_denied(world, client):
    _, body, _ = enrolled(world, client)
    guid = body["token"].partition(".")[0]
    for token in ("x", f"{guid}.x", f"00000000-0000-8000-8000-000000000000.{'x' * 22}"):
        reply = client.post("/device/bind", json=body | {"token": token})
        assert (reply.status_code, reply.json["code"]) == (403, "denied")


def test_a_session_token_tells_its_app_space(world, client):
    _, body, _ = enrolled(world, client)
    inspection = client.post("/device/invitation", json={"token": body["token"]})
    space = world.app_space
    company = {
        "appSpace": space.guid,
        "appSpaceName": space.name,
        "companyName": world.company.name,
        "languages": list(STANDARD_ACTIONS.languages),
    }
    bound = client.post("/device/bind", json=body)
    account = {
        "account": bound.json["account"],
        "accountId": "user-42",
        "accountName": "user-42",
    }
    assert (inspection.status_code, inspection.json) == (200, company | account)
    assert bound.status_code == 200
    # Who finds the token later learns no account.
    assert client.post("/device/invitation", json={"token": body["token"]}).json == company


def test_a_device_says_the_language_that_it_was_offered(world, client, device_client):
    _, body, _ = enrolled(world, client)
    offered = client.post("/device/invitation", json={"token": body["token"]}).json["languages"]
    assert client.post("/device/bind", json=body | {"language": "de-AT"}).status_code == 200
    bindings = world.accounts.list_devices(world.origin, "user-42")
    assert [each.language for each in bindings if each.guid in body["token"]] == ["de-AT"]
    assert "de" in offered

    assert "language" not in device_client.call("GET", "/device/status").json
    changed = device_client.call("PATCH", "/device", b'{"language":"en-GB"}')
    assert (changed.status_code, changed.json["language"]) == (200, "en-GB")
    status = device_client.call("GET", "/device/status").json
    assert (status["language"], status["languages"]) == ("en-GB", offered)
    refused = device_client.call("PATCH", "/device", b'{"language":"en_GB"}')
    assert (refused.status_code, refused.json["field"]) == (400, "language")


def test_a_device_learns_the_verified_name_and_the_account_wherever_it_learns_the_app_space(
    world, client, device_client
):
    _, body, _ = enrolled(world, client)
    for verified_name in ("Example Ltd, Utrecht", None):
        world.administration.verify_company(world.company.guid, verified_name)
        token = world.invitations.invite(world.origin, "user-42").token
        for reply in (
            client.post("/device/invitation", json={"token": token}).json,
            client.post("/device/bind", json=body).json,
            device_client.get("/device/status").json,
        ):
            assert reply["companyName"] == world.company.name
            assert reply.get("verifiedName") == verified_name
            assert reply["appSpaceName"] == world.app_space.name
            assert reply["accountName"] == reply["accountId"]


def test_a_passkey_is_bound_where_the_app_space_says(world, client):
    passkey = FakePasskey()
    invitation = world.invitations.invite(world.origin, "user-43")
    phone = world.phone(passkey=passkey)
    space = world.app_space.guid
    body = enrolment_document(phone.device.enrolment(invitation.token, space, pin=phone.pin))
    assert body["keys"][1]["credentialId"] == passkey.public.passkey.credential_id
    reply = client.post("/device/bind", json=body)
    assert (reply.status_code, reply.json["code"]) == (400, "unfit_key")
    world.administration.edit_app_space(space, passkey_origins=[ORIGIN])
    inspection = client.post("/device/invitation", json={"token": body["token"]})
    assert inspection.json["rpId"] == RP_ID
    assert client.post("/device/bind", json=body).status_code == 200


@pytest.mark.one_face
def test_a_device_learns_the_key_for_web_push_where_there_is_one(kit, world, device_client):
    key = "BAAA" + 83 * "x"
    client = kit.application(world.ports, webpush_key=key).test_client()
    subscribing = kit.DeviceClient(client, device_client.phone)
    assert "webPushKey" not in device_client.get("/device/status").json
    assert subscribing.get("/device/status").json["webPushKey"] == key


def test_without_a_session_token_every_reply_is_the_same(world, client):
    _, body, _ = enrolled(world, client)
    guid, _, secret = body["token"].partition(".")
    nobody = "00000000-0000-8000-8000-000000000000"
    replies = [
        client.post("/device/invitation", json={"token": token})
        for token in ("x", guid, f"{guid}.x", f"{nobody}.{secret}", f"{world.app_space.guid}.x")
    ]
    assert {reply.status_code for reply in replies} == {403}
    assert len(bodies_of(replies)) == 1
    wrong = client.post("/device/invitation", json={"token": body["token"], "keys": []})
    assert (wrong.status_code, wrong.json["code"]) == (400, "invalid_field")


def test_a_device_sees_what_is_asked_and_answers(kit, shop, device_client):
    assert device_client.get("/device/requests").json == {"requests": []}
    guid = kit.ask(shop).json["guid"]
    (pending,) = device_client.get("/device/requests").json["requests"]
    assert (pending["guid"], set(pending)) == (guid, {"guid", "issuedAt", "expiresAt"})
    document = device_client.get(f"/device/requests/{guid}").json
    assert (document["guid"], document["state"]) == (guid, "SEEN")
    answered = device_client.answer(guid, 1).json
    assert (answered["state"], answered["approved"]) == ("ANSWERED", False)
    device_client.phone.device.check(answered["receipt"])
    late = device_client.answer(guid, 0)
    assert (late.status_code, late.json["code"]) == (409, "wrong_state")


def test_the_same_answer_again_gets_the_recorded_result(kit, shop, device_client):
    guid = kit.ask(shop).json["guid"]
    token = device_client.phone.device.answer(
        device_client.show(guid), 0, pin=device_client.phone.pin
    )
    first, again = (device_client.send("/device/answer", token) for _ in range(2))
    assert (first.status_code, first.json) == (again.status_code, again.json)


def test_a_device_disowns(kit, shop, device_client):
    guid = kit.ask(shop).json["guid"]
    assert device_client.disown(guid).json["state"] == "DISOWNED"
    assert shop.get(f"/request/{guid}").json["status"] == "DISOWNED"


def test_wrong_pins_are_counted_down_to_the_revocation(kit, world, shop, device_client):
    guid = kit.ask(shop).json["guid"]
    attempts = []
    for _ in range(world.policy.strike_limit):
        reply = device_client.answer(guid, pin="0000")
        assert (reply.status_code, reply.json["code"]) == (403, "strong_key_missed")
        attempts.append(reply.json["attemptsLeft"])
    assert attempts == [4, 3, 2, 1, 0]
    reply = device_client.get("/device/status")
    assert (reply.status_code, reply.json["code"]) == (403, "denied")


def test_wrong_codes_are_counted_down(kit, shop, device_client):
    added = kit.ask(shop, showCode=True).json
    missing = device_client.answer(added["guid"])
    assert (missing.status_code, missing.json["code"]) == (400, "code_missing")
    attempts = [
        device_client.answer(added["guid"], code="no").json["attemptsLeft"] for _ in range(3)
    ]
    assert attempts == [2, 1, 0]
    assert shop.get(f"/request/{added['guid']}").json["status"] == "FAILED"


def test_a_device_changes_its_name_and_addresses(world, device_client):
    body = {"name": "Zoë's phone", "addresses": [{"kind": "relay", "value": "canary"}]}
    reply = device_client.call("PATCH", "/device", json.dumps(body).encode())
    assert (reply.status_code, reply.json["name"], reply.json["addresses"]) == (
        200,
        "Zoë's phone",
        1,
    )
    assert "canary" not in reply.text
    (binding,) = world.accounts.list_devices(world.origin, "user-42")
    assert [address.kind for address in binding.addresses] == [AddressKind.RELAY]


def test_a_device_rotates_its_keys(world, device_client):
    old = device_client.get("/device/status").json["keys"]
    phone = device_client.phone
    rotation = phone.device.rotation(pin=phone.pin, new_pin=phone.pin)
    reply = device_client.call("POST", "/device/rotate", rotation.body)
    phone.device.complete_rotation(rotation)
    assert reply.status_code == 200
    status = device_client.get("/device/status").json
    assert status["keys"] == reply.json["keys"]
    assert {key["kid"] for key in status["keys"]}.isdisjoint(key["kid"] for key in old)


def test_a_device_reads_its_own_record(world, device_client):
    status = device_client.get("/device/status").json
    assert status["device"] == device_client.phone.guid
    assert status["appSpaceName"] == world.app_space.name
    assert (status["status"], status["attemptsLeft"]) == ("ACTIVE", world.policy.strike_limit)


def test_telemetry_is_recorded(world, device_client):
    body = b'{"event":"REQUEST_VIEWED","attributes":{"ms":"300"}}'
    reply = device_client.call("POST", "/device/telemetry", body)
    assert (reply.status_code, reply.data) == (204, b"")
    event = world.ports.audit.events[-1]
    assert (event.event, event.actor) == ("telemetry.REQUEST_VIEWED", device_client.phone.guid)
    reply = device_client.call("POST", "/device/telemetry", b'{"event":"a b"}')
    assert (reply.status_code, reply.json["field"]) == (400, "event")


CALLS = [
    ("GET", "/device/requests", b""),
    ("GET", "/device/requests/00000000-0000-8000-8000-000000000000", b""),
    ("POST", "/device/answer", b"a.b.c"),
    ("POST", "/device/disown", b"a.b.c"),
    ("PATCH", "/device", b"{}"),
    ("POST", "/device/rotate", b"{}"),
    ("POST", "/device/lock", b""),
    ("GET", "/device/status", b""),
    ("GET", "/device/keys", b""),
    ("POST", "/device/telemetry", b'{"event":"a"}'),
]


@pytest.mark.parametrize("call_", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
def test_no_call_goes_without_its_own_proof(client, device_client, call_):
    method, path, body = call_
    media_type = "application/jose" if body == b"a.b.c" else "application/json"

    def call(proof):
        return client.open(
            path,
            method=method,
            data=body or None,
            content_type=media_type if body else None,
            headers={"Counterseal-Proof": proof} if proof else {},
        )

    other = device_client.phone.call("/device/other", body, method=method).proof
    elsewhere = device_client.phone.device.signed_call(
        method, f"https://evil.example{path}", body
    ).proof
    longer = device_client.phone.call(path, body + b" ", method=method).proof
    replies = [call(proof) for proof in (None, "x", other, elsewhere, longer)]
    assert {(reply.status_code, reply.json["code"]) for reply in replies} == {(403, "denied")}
    assert len(bodies_of(replies)) == 1


@pytest.mark.parametrize("path", ["/device/answer", "/device/disown"])
@pytest.mark.parametrize("media_type", ["application/jwt", "text/plain", "application/json", ""])
def test_a_token_is_application_jose_and_the_refusal_of_another_type_says_so(
    device_client, path, media_type
):
    # RFC 7515, 9.2.1.
    reply = device_client.call("POST", path, b"a.b.c", media_type=media_type)
    assert (reply.status_code, reply.json["code"]) == (415, "unsupported_media_type")
    assert reply.headers["Accept"] == "application/jose"
    assert reply.json["detail"] == "Content-Type: not application/jose"


def test_a_charset_that_is_not_read_is_refused_by_name(client):
    json = "application/json; charset=latin-1"
    reply = client.post("/device/bind", data=b"{}", content_type=json)
    assert reply.status_code == 415
    assert reply.json["detail"] == "Content-Type: a charset that is not UTF-8"


def test_a_proof_serves_once_and_names_the_query(client, device_client):
    path = "/device/status"
    proof, other = (
        device_client.phone.call(each, method="GET").proof for each in (path, f"{path}?x=1")
    )
    codes = [
        client.get(path, headers={"Counterseal-Proof": each}).status_code
        for each in (other, proof, proof)
    ]
    assert codes == [403, 200, 403]
    # No call of a device takes one, so that it is refused sooner.
    refusal = client.get(f"{path}?x=1", headers={"Counterseal-Proof": other})
    assert (refusal.status_code, refusal.json["field"]) == (400, "x")


def test_a_device_learns_of_new_service_keys(world, device_client):
    (pinned,) = device_client.phone.device.bond.service_keys
    world.ports.signer.rotate()
    device_client.phone.device.adopt(device_client.get("/device/keys").json["endorsed"][pinned.kid])
    assert device_client.phone.device.bond.service_keys == world.ports.signer.jwks()


def test_the_services_keys_are_served(world, client):
    reply = client.get("/.well-known/jwks.json")
    assert trusted_keys(reply.json) == world.ports.signer.jwks()
    assert reply.headers["Cache-Control"] == "public, max-age=300"


def test_what_is_no_guid_names_nothing(device_client):
    reply = device_client.get("/device/requests/no-guid")
    assert (reply.status_code, reply.json["code"]) == (404, "not_found")
