"""OpenAPI: the table, the routes and the document are one (E14)."""

from importlib import import_module

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from counterseal import STANDARD, Refused, keys, read_question
from counterseal._input_limits import challenge_life
from counterseal.models import AccountEventKind, CallbackType
from counterseal_testing import FakeModel, FakePasskey
from counterseal_web import OPERATIONS, Settings
from counterseal_web.description import openapi
from counterseal_web.problems import STATUS_BY_PUBLIC_CODE
from counterseal_web.schemas import SCHEMAS

BASE = "https://service.example"


@pytest.fixture
def described(client):
    return client.get("/openapi.json").json


def test_e14_the_document_is_openapi_3_1(described):
    OpenAPIV31SpecValidator(described).validate()
    assert described["openapi"].startswith("3.1.")
    assert described["servers"] == [{"url": BASE}]


def test_e14_the_table_is_the_document(described):
    operations = {
        (method.upper(), path, operation["operationId"])
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert operations == {(each.method, each.path, each.id) for each in OPERATIONS}
    assert len({each.id for each in OPERATIONS}) == len(OPERATIONS)


def test_every_word_of_a_problem_is_one_that_there_is():
    for operation in OPERATIONS:
        assert set(operation.refuses) <= set(STATUS_BY_PUBLIC_CODE), operation.id


def test_the_headers_that_are_sent_are_described(replies, described):
    for path, method, reply in replies:
        responses = described["paths"][path][method]["responses"]
        headers = responses[str(reply.status_code)].get("headers", {})
        for name in ("Location", "Retry-After", "WWW-Authenticate", "Accept-Signature"):
            assert (name in headers) or name not in reply.headers, (path, name)
            if name != "Retry-After":
                assert (name in headers) is (name in reply.headers), (path, name)


@pytest.fixture
def replies(kit, shop, client):
    return [
        ("/account/bind", "put", shop.put("/account/bind", json={"accountId": "user-7"})),
        ("/account/bind", "put", shop.put("/account/bind", json={"accountId": "user-7"})),
        ("/account/bind", "put", client.put("/account/bind", json={"accountId": "user-7"})),
        ("/request/add", "post", kit.ask(shop)),
        ("/account/getAccount", "get", shop.get("/account/getAccount?accountId=user-7")),
    ]


def test_a_wait_may_be_answered_with_retry_after(described):
    for path in ("/request/getRequest", "/request/{guid}"):
        operation = described["paths"][path]["get"]
        assert "Retry-After" in operation["responses"]["200"]["headers"]
        assert "Retry-After" in operation["responses"]["503"]["headers"]
        (wait,) = (each for each in operation["parameters"] if each["name"] == "wait")
        assert "`Retry-After`" in wait["description"]


def test_the_callback_is_described(described):
    webhook = described["webhooks"]["requestEnded"]["post"]
    (schema,) = webhook["requestBody"]["content"].values()
    assert schema == {"schema": {"$ref": "#/components/schemas/Request"}}
    names = [each["name"] for each in webhook["parameters"]]
    assert names == ["webhook-id", "webhook-timestamp", "webhook-signature"]


def test_the_webhook_of_events_is_described(described):
    webhook = described["webhooks"]["accountEvent"]["post"]
    (schema,) = webhook["requestBody"]["content"].values()
    assert schema == {"schema": {"$ref": "#/components/schemas/AccountEvent"}}
    document = described["components"]["schemas"]["AccountEvent"]["properties"]
    assert all(f"`{kind.value}`" in document["type"]["description"] for kind in AccountEventKind)


@pytest.mark.parametrize("limit", [3, 8])
def test_the_policy_says_how_many_buttons_there_may_be(limit):
    policy = attrs.evolve(STANDARD, buttons_limit=limit)
    schema = openapi(OPERATIONS, BASE, policy)["components"]["schemas"]["Question"]
    button = {"title": "Pay", "strongAuth": True}
    for count in range(1, limit + 2):
        question = {"accountId": "a", "content": "Pay?", "buttons": [button] * count}
        assert Draft202012Validator(schema).is_valid(question) is (2 <= count <= limit)


def test_under_api_the_document_says_so(client):
    assert client.get("/api/openapi.json").json["servers"] == [{"url": f"{BASE}/api"}]


def browser_bodies(world, shop):
    """Return the replies to the four WebAuthn calls, and to a list with a passkey."""
    allow = world.administration.allow_callback
    allow(world.origin.origin.guid, "shop.example", kind=CallbackType.DOMAIN)
    passkey = FakePasskey(rp_id="shop.example", origin="https://shop.example")
    zoe = {"accountId": "zoe", "domain": "shop.example"}
    user = {"userInfo": '{"name":"zoe","displayName":"Zoe"}'}
    started = shop.put("/account/webauthn/bind", json=zoe | user)
    challenge = keys.unb64url(started.json["registrationOptions"]["challenge"])
    created = FakeModel(attestation="none").create(passkey, challenge)
    answer = credential(
        passkey,
        clientDataJSON=created.client_data,
        attestationObject=created.attestation_object,
    )
    registered = shop.post("/account/webauthn/register", json=answer)
    begun = shop.post("/request/webauthn/authenticate", json=zoe)
    used = passkey.get(keys.unb64url(begun.json["assertionOptions"]["challenge"]))
    answer = credential(
        passkey,
        clientDataJSON=used.client_data,
        authenticatorData=used.authenticator_data,
        signature=used.signature,
    )
    return [
        ("RegistrationOptions", started),
        ("RegisteredPasskey", registered),
        ("AssertionOptions", begun),
        ("Authenticated", shop.post("/request/webauthn/finishAuthentication", json=answer)),
        ("Devices", shop.get("/device/getAll?accountId=zoe")),
    ]


def credential(passkey, **response):
    return {
        "accountId": "zoe",
        "credential": {
            "id": passkey.public.passkey.credential_id,
            "type": "public-key",
            "response": {name: keys.b64url(data) for name, data in response.items()},
        },
    }


def test_what_is_really_sent_is_what_is_described(kit, world, shop, device_client, described):
    guid = kit.ask(shop, showCode=True).json["guid"]
    account = world.accounts.get(world.origin, "user-42").guid
    bodies = [
        ("Invitation", shop.put("/account/bind", json={"accountId": "user-42"})),
        ("IssuedRequest", kit.ask(shop, showCode=True)),
        ("Requests", shop.get("/request/getAll?accountId=user-42")),
        ("Request", shop.get(f"/request/{guid}")),
        ("Account", shop.get(f"/account/{account}")),
        ("Devices", shop.get("/device/getAll?accountId=user-42")),
        *browser_bodies(world, shop),
        ("Pending", device_client.get("/device/requests")),
        ("Shown", device_client.get(f"/device/requests/{guid}")),
        ("Status", device_client.get("/device/status")),
        ("Device", device_client.call("PATCH", "/device", b"{}")),
        ("Answered", device_client.answer(guid, 1)),
        ("Request", shop.get(f"/request/{guid}")),
        ("Ended", device_client.get("/device/history")),
        ("Endorsed", device_client.get("/device/keys")),
        ("KeySet", device_client.get("/.well-known/jwks.json")),
        ("Problem", device_client.get("/device/requests/no-guid")),
        ("Problem", shop.get("/account/getAccount")),
    ]
    for name, reply in bodies:
        schema = described | {"$ref": f"#/components/schemas/{name}"}
        Draft202012Validator(schema).validate(reply.json)
        if name not in ("Problem", "Requests", "Devices"):
            member_names = described["components"]["schemas"][name]["properties"]
            assert set(reply.json) <= set(member_names), name


@pytest.mark.parametrize(
    "url",
    [
        "",
        "auth.example",
        "ftp://a.example",
        "https://a.example/",
        "https://a.example?b",
        "https://",
    ],
)
def test_a_public_address_is_a_plain_one(url):
    with pytest.raises(Exception, match="public_url"):
        Settings(public_url=url)


@pytest.mark.parametrize("wrong", [{"body_limit": 0}, {"waiters": -1}])
def test_settings_make_sense(wrong):
    with pytest.raises(Exception, match=next(iter(wrong))):
        Settings(public_url=BASE, **wrong)


QUESTION = SCHEMAS["Question"]
DURATION = Draft202012Validator(
    {"allOf": [each["properties"]["duration"] for each in (QUESTION, QUESTION["oneOf"][0])]}
)


@given(
    st.from_regex(r"[0-9]{0,10}[smhd]?", fullmatch=True)
    | st.builds("{:0{}}{}".format, st.integers(0, 700), st.integers(1, 10), st.sampled_from("sm"))
    | st.builds("{:0{}}".format, st.integers(0, 700), st.integers(1, 10))
    | st.integers(-1, 700)
    | st.integers(-1, 700).map(float)
    | st.floats()
    | st.none()
    | st.booleans()
)
@example("0")
@example("600")
@example("000000600s")
@example("0000000600s")
@example("000000010m")
@example("11m")
@example("1h")
@example(131_072)
@example(60.0)
def test_the_described_durations_are_those_that_are_taken(value):
    try:
        challenge_life(
            read_question({"accountId": "a", "content": "Pay?", "duration": value}), STANDARD
        )
    except Refused:
        assert not DURATION.is_valid(value)
    else:
        assert DURATION.is_valid(value)


@pytest.mark.parametrize("duration", ["8h", "1d", 86_400, "600"])
def test_an_action_is_described_with_a_life_of_up_to_a_day(duration):
    action = {"type": "tool-call", "resource": "send_mail", "arguments": {}}
    validator = Draft202012Validator(QUESTION)
    long = {"accountId": "a", "duration": duration}

    assert validator.is_valid(long | {"action": action})
    assert validator.is_valid(long | {"content": "Pay?"}) is (duration == "600")
    assert not validator.is_valid(long | {"action": action, "content": "Pay?"})


def test_the_description_is_made_once_for_each_root(kit, world, monkeypatch):
    description_module = import_module("counterseal_web.description")
    description_module._described.cache_clear()
    roots = []
    make = description_module.openapi

    def counted(operations, root, policy):
        roots.append(root)
        return make(operations, root, policy)

    monkeypatch.setattr(description_module, "openapi", counted)
    base = "https://described-once.example"
    client = kit.application(world.ports, public_url=base).test_client()
    for _ in range(3):
        assert client.get("/openapi.json").json["servers"] == [{"url": base}]
        assert client.get("/api/openapi.json").json["servers"] == [{"url": f"{base}/api"}]
    assert roots == [base, f"{base}/api"]
    administered = kit.application(world.ports, public_url=base, administration=True)
    paths = administered.test_client().get("/openapi.json").json["paths"]
    assert any(path.startswith("/admin/") for path in paths)
