"""Message signatures over HTTP, and what a caller is told who is not let in."""

import itertools
import json

import http_sf
import pytest

from counterseal import IssuedSecret
from counterseal.credentials.documents import (
    content_digest,
    write_basic,
    write_cx1,
    write_signature,
)
from counterseal.models import Scheme
from counterseal.models.guid import mint

BASE = "https://service.example"
BODY = b'{"accountId":"user-42"}'
BIND = "/api/account/bind"
COMPANIES = "/admin/api/companies"


class Signer:
    """An origin or administrator that signs its messages."""

    def __init__(self, world, client, issued):
        self.world, self.client, self.issued = world, client, issued
        self.nonces = (f"{number:032x}" for number in itertools.count())

    def headers(self, method, path, body=b"", *, keyed=None, typed=True):
        headers = [("Content-Type", "application/json")] if body and typed else []
        headers += [("Idempotency-Key", keyed)] if keyed else []
        created_reply = write_signature(
            self.issued.secret,
            guid=self.issued.guid,
            method=method,
            uri=BASE + path,
            headers=headers,
            body=body,
            created=int(self.world.clock.now().timestamp()),
            nonce=next(self.nonces),
        )
        return [*headers, *created_reply]

    def call(self, method, path, body=b"", **how):
        return self.send(method, path, body, self.headers(method, path, body, **how))

    def send(self, method, path, body, headers):
        return self.client.open(path, method=method, data=body or None, headers=headers)


@pytest.fixture
def signer(world, client):
    party = world.new_origin(world.app_space, "Signing shop")
    issued = world.credentials.issue(party.origin.guid, Scheme.SIGNATURE)
    return Signer(world, client, issued)


@pytest.fixture
def chief(kit, world):
    """An administrator that signs."""
    client = kit.application(world.ports, administration=True).test_client()
    issued = world.credentials.create_admin("chief", all_companies=True, scheme=Scheme.SIGNATURE)
    return Signer(world, client, issued)


def test_an_origin_signs_its_calls(signer):
    bound = signer.call("PUT", BIND, BODY)
    assert (bound.status_code, bound.json["appSpaceGuid"]) == (201, signer.world.app_space.guid)
    again = [signer.call("PUT", BIND, BODY, keyed="phone-1") for _ in range(2)]
    assert again[0].json == again[1].json
    assert signer.call("GET", "/request/getAll?accountId=user-42").status_code == 200
    # The devices were invited only.
    devices = signer.call("GET", "/api/device/getAll?accountId=user-42").json
    body = json.dumps({"deviceGuid": devices[0]["guid"]}).encode()
    assert signer.call("PATCH", "/api/device/revoke", body).status_code == 204


def test_s23_a_signed_message_counts_once(signer):
    headers = signer.headers("PUT", BIND, BODY)
    assert signer.send("PUT", BIND, BODY, headers).status_code == 201
    replayed = signer.send("PUT", BIND, BODY, headers)
    assert (replayed.status_code, replayed.json["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "body", "added"),
    [
        ("PUT", "/account/bind", BODY, ()),
        ("PUT", f"{BIND}?a=1", BODY, ()),
        ("PUT", BIND, b'{"accountId":"user-43"}', ()),
        ("PUT", BIND, b"", ()),
        ("PUT", BIND, BODY, [("Idempotency-Key", "order-7")]),
        ("PUT", BIND, BODY, [("Content-Digest", content_digest(BODY))]),
        ("PUT", BIND, BODY, [("Signature", "b=:AAAA:")]),
        ("PUT", BIND, BODY, [("Authorization", "Basic YTpi")]),
    ],
)
def test_s23_another_message_is_refused(signer, method, path, body, added):
    headers = signer.headers("PUT", BIND, BODY)
    assert signer.send(method, path, body, [*headers, *added]).status_code == 401
    assert signer.send("PUT", BIND, BODY, headers).status_code == 201


def test_s23_a_body_is_not_read_as_another_type_than_was_signed(signer):
    headers = signer.headers("PUT", BIND, BODY)
    form = [pair for pair in headers if pair[0] != "Content-Type"]
    form.append(("Content-Type", "application/x-www-form-urlencoded"))
    assert signer.send("PUT", BIND, BODY, form).status_code == 401


def test_s23_the_address_that_is_signed_is_the_configured_one(signer):
    headers = signer.headers("PUT", BIND, BODY)
    evil = {"base_url": "http://evil.example:8080/mounted"}
    reply = signer.client.put(BIND, data=BODY, headers=headers, **evil)
    assert reply.status_code == 201


def test_a_message_without_a_body_has_no_type(signer):
    """What servers hand on is empty then, and counts as none."""
    headers = signer.headers("GET", "/request/getAll?accountId=a")
    reply = signer.client.get(
        "/request/getAll?accountId=a", headers=headers, environ_overrides={"CONTENT_TYPE": ""}
    )
    assert reply.json["code"] == "unreachable"


def test_an_administrator_signs_its_calls(chief):
    created_reply = chief.call("POST", f"{COMPANIES}/new", b'{"name":"Example"}')
    assert created_reply.status_code == 201
    assert chief.call("GET", COMPANIES).status_code == 200
    headers = chief.headers("POST", f"{COMPANIES}/new", b'{"name":"Once"}')
    replies = [chief.send("POST", f"{COMPANIES}/new", b'{"name":"Once"}', headers) for _ in "12"]
    assert [reply.status_code for reply in replies] == [201, 401]


def test_an_administrator_is_made_to_sign_and_switches(world, chief):
    admin_document = {
        "name": "x",
        "role": "company_admin",
        "allCompanies": True,
        "keyType": "signature",
    }
    body = json.dumps(admin_document).encode()
    created_reply = chief.call("POST", "/admin/api/admins/new", body).json
    assert created_reply["keyType"] == "signature"
    issued = IssuedSecret(
        guid=created_reply["adminGuid"], scheme=Scheme.SIGNATURE, secret=created_reply["key"]
    )
    other = Signer(world, chief.client, issued)
    other.nonces = iter(["o" * 22, "p" * 22, "q" * 22])
    key_path = f"/admin/api/admins/{issued.guid}/keyManagement"
    assert other.call("GET", COMPANIES).status_code == 200
    assert other.call("POST", key_path, b'{"keyType":"hmac"}').json["keyType"] == "hmac"
    assert other.call("GET", COMPANIES).status_code == 401
    assert chief.call("POST", key_path, b"{}").json["keyType"] == "hmac"


def test_an_origins_signature_opens_nothing_of_an_administrators(chief, signer):
    signer.client = chief.client
    assert signer.call("GET", COMPANIES).status_code == 401
    assert chief.call("PUT", BIND, BODY).status_code == 401


def schemes(reply):
    offers = reply.headers["WWW-Authenticate"].split(", ")
    return [offer.split(" ")[0] for offer in offers if "=" not in offer.split(" ")[0]]


def test_a_refused_caller_gets_the_schemes(client, chief):
    origin = client.get("/request/getAll?accountId=a")
    admin = chief.client.get(COMPANIES)
    assert (origin.status_code, admin.status_code) == (401, 401)
    assert schemes(origin) == ["Basic", "CX1-HMAC-SHA256", "Signature"]
    assert schemes(admin) == ["CX1-HMAC-SHA256", "Signature"]


def test_no_administrator_is_asked_for_a_password(chief):
    """A browser would show its window for one."""
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer x"}):
        for method, path in (("GET", COMPANIES), ("POST", f"{COMPANIES}/new")):
            reply = chief.client.open(path, method=method, headers=headers)
            assert reply.status_code == 401
            assert "Basic" not in str(reply.headers)


def test_what_may_be_signed_is_a_structured_field(client):
    """RFC 9421, 5.1, as another library reads it."""
    reply = client.get("/request/getAll?accountId=a")
    accepted = http_sf.parse(reply.headers["Accept-Signature"].encode(), tltype="dictionary")
    (components, parameters) = accepted["counterseal"]
    assert [name for name, _ in components] == ["@method", "@target-uri", "content-digest"]
    assert parameters == {"created": True, "alg": "hmac-sha256", "tag": "counterseal"}


def test_the_log_says_over_which_address_a_signature_had_to_be(signer, caplog):
    caplog.set_level("INFO")
    headers = signer.headers("PUT", BIND, BODY)
    reply = signer.send("PUT", BIND.removeprefix("/api"), BODY, headers)
    assert (reply.status_code, reply.json["code"]) == (401, "unauthorized")
    claim = f"claimed to be {signer.issued.guid}"
    expected = f"not authenticated: credential_refused; {claim}; no signature held over {BASE}"
    assert expected in [record.getMessage() for record in caplog.records]
    assert BASE not in reply.get_data(as_text=True)


CANARY = "canary-secret"


@pytest.mark.parametrize(
    ("scheme", "header"),
    [
        ("Basic", lambda guid: write_basic(CANARY, guid=guid)),
        (
            "CX1",
            lambda guid: write_cx1(
                CANARY, method="PUT", uri=BASE + BIND, milliseconds=0, guid=guid, body=BODY
            ),
        ),
    ],
)
def test_the_log_says_who_was_claimed_and_the_reply_does_not(world, client, caplog, scheme, header):
    caplog.set_level("INFO")
    for guid in (world.origin.origin.guid, mint(0, bytes(15))):
        reply = client.put(BIND, data=BODY, headers={"Authorization": header(guid)})
        assert (reply.status_code, guid in reply.get_data(as_text=True)) == (401, False)
        (line,) = [each for each in caplog.messages if "not authenticated" in each]
        assert f"; claimed to be {guid}" in line, scheme
        caplog.clear()


def test_the_log_says_who_was_claimed_by_a_signature_that_cannot_be_read(signer, caplog):
    caplog.set_level("INFO")
    headers = signer.headers("PUT", BIND, BODY)
    assert signer.send("PUT", BIND, BODY + b" ", headers).status_code == 401
    assert f"; claimed to be {signer.issued.guid}" in caplog.text


@pytest.mark.parametrize(
    "authorization",
    [
        write_basic("x", guid=CANARY),
        write_basic("x", guid=f"{CANARY}\n" * 1000),
        f"Basic {CANARY}",
        f"Bearer {CANARY}",
        f"CX1-HMAC-SHA256,{CANARY}/1,{CANARY}",
    ],
)
def test_what_is_no_guid_does_not_get_into_the_log(client, caplog, authorization):
    caplog.set_level("INFO")
    reply = client.put(BIND, data=BODY, headers={"Authorization": authorization})
    assert reply.status_code == 401
    assert CANARY not in caplog.text
    assert "claimed" not in caplog.text
    headers = {"Signature-Input": f'counterseal=();keyid="{CANARY}"'}
    assert client.put(BIND, data=BODY, headers=headers).status_code == 401
    assert CANARY not in caplog.text


def test_the_log_says_nothing_of_signatures_where_there_is_none(client, caplog):
    caplog.set_level("INFO")
    assert client.put(BIND, data=BODY).status_code == 401
    assert "no signature held" not in caplog.text
