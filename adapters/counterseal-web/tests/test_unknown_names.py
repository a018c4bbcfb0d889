"""Every operation refuses what it does not declare, by name: in JSON, in forms, in the query."""

import json
from urllib.parse import urlencode

import pytest
from served import bodies_of

from counterseal import STANDARD
from counterseal.errors import InvalidField
from counterseal_web import ADMIN_API, OPERATIONS
from counterseal_web.calls import Call
from counterseal_web.description import openapi
from counterseal_web.inputs import (
    EVERYTHING,
    IGNORED,
    MEDIA_TYPES,
    Ignored,
    Inputs,
    Location,
    shape_of,
)
from counterseal_web.messages import FORM, JSON
from counterseal_web.operations import Audience, Payload

pytestmark = pytest.mark.one_face

NOTHING = "00000000-0000-8000-8000-000000000000"
ALL = (*OPERATIONS, *ADMIN_API)
SCHEMAS = openapi(ALL, "https://service.example", STANDARD)["components"]["schemas"]
READERS = [each for each in ALL if each.payload in {Payload.JSON, Payload.FORM}]
UNHEARD = "unheardOf"

LENIENT = {
    ("comeBack", Location.QUERY): "RFC 6749",
    ("logOut", Location.BODY): "Back-Channel Logout 1.0",
}
"""Calls of Identity Providers; by their standards they ignore what they do not know."""

OF_CX_CLIENTS = set()
"""What recorded clients of the CX service send and we do not know: nothing."""

OPAQUE = {
    "Bind.userInfo",
    "Question.additionalInfo",
    "Question.action.arguments",
    "UseRequest.arguments",
    "NewBackchannelClient.jwks",
    "TelemetryEvent.attributes",
    "NewAppSpace.idp.parameters",
    "AppSpaceEdit.idp.parameters",
    "NewPasskey.userInfo",
}
"""Objects whose names are the sender's own."""

EXTENSIBLE = {
    f"{body}.credential{below}"
    for body in ("CreatedPasskey", "UsedPasskey")
    for below in ("", ".response")
}
"""Objects that a user's browser writes, which may have more names than are read."""


def named_operations(operations):
    return pytest.mark.parametrize("operation", operations, ids=lambda each: each.id)


def objects(schema, member_path=""):
    """Return every object in what a call takes, by its place."""
    if "anyOf" in schema:
        return [inner for each in schema["anyOf"] for inner in objects(each, member_path)]
    if "items" in schema:
        return objects(schema["items"], f"{member_path}[0]")
    if "object" not in schema.get("type", ""):
        return []
    below = [
        inner
        for name, each in schema.get("properties", {}).items()
        for inner in objects(each, f"{member_path}.{name}" if member_path else name)
    ]
    return [(member_path, schema), *below]


def within(member_path, document):
    """Return a body that has *document* at *place* and nothing beside it."""
    for step in reversed(member_path.replace("[0]", ".0").split(".")) if member_path else ():
        document = [document] if step == "0" else {step: document}
    return document


def brackets(value, name=""):
    if isinstance(value, dict):
        pairs = [(f"{name}[{key}]" if name else key, below) for key, below in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{name}[{index}]", below) for index, below in enumerate(value)]
    else:
        return [(name, value)]
    return [inner for key, below in pairs for inner in brackets(below, key)]


def bodies(operation):
    """Return what may be sent of each body, by its media type."""
    writers = {JSON: lambda body: json.dumps(body).encode()}
    if operation.payload is Payload.FORM:
        writers[FORM] = lambda body: urlencode(brackets(body)).encode()
    return writers.items()


@pytest.fixture
def app(kit, world):
    return kit.application(world.ports, administration=True)


@pytest.fixture
def send(world, client, shop, desk, device_client):
    """Call an operation, with the credentials that it wants."""
    names = {
        "company": world.company.guid,
        "app_space": world.app_space.guid,
        "origin": world.origin.origin.guid,
        "callback": world.origin.origin.entries[0].guid,
        "admin": desk.guid,
        "account": device_client.phone.device.bond.account,
        "device": device_client.phone.guid,
        "delivery": NOTHING,
        "logo": "x",
        "session": NOTHING,
        "key": NOTHING,
        "guid": NOTHING,
    }

    def send(operation, body=b"", media_type=JSON, **query):
        needed = {name: "user-42" if name == "accountId" else "x" for name in operation.needs}
        query = needed | query
        path = operation.filled(names) + (f"?{urlencode(query)}" if query else "")
        if operation.audience is Audience.ADMIN:
            return desk.send(operation.method, path, body, media_type)
        if operation.audience is Audience.DEVICE:
            return device_client.call(
                operation.method, path, body, media_type=media_type, base="https://service.example"
            )
        send_call = shop.call if operation.audience is Audience.ORIGIN else client_call(client)
        return send_call(
            operation.method, path, data=body, content_type=media_type if body else None
        )

    return send


def client_call(client):
    return lambda method, path, **kwargs: client.open(path, method=method, **kwargs)


def refused(reply, field):
    assert reply.status_code == 400, reply.data
    assert (reply.json["code"], reply.json["field"]) == ("invalid_field", field)
    assert "not a known member" in reply.json["detail"]


@named_operations(ALL)
def test_a_parameter_of_the_query_that_is_unknown(send, operation):
    body = () if operation.payload is Payload.NONE else (b"{}", MEDIA_TYPES[operation.payload][0])
    if (operation.id, Location.QUERY) in LENIENT:
        for name in (UNHEARD, *(f"{name}s" for name in operation.query), "Code", "errors"):
            replies = send(operation, *body, **{name: "1"}), send(operation, *body)
            assert len(bodies_of(replies)) == 1
        return
    refused(send(operation, *body, **{UNHEARD: "1"}), UNHEARD)
    for name in (*operation.needs, *operation.query):
        for miss in (name.swapcase(), f"{name}s"):
            refused(send(operation, *body, **{miss: "1"}), miss)


@named_operations(READERS)
def test_a_member_that_is_unknown_at_any_depth(send, operation):
    for media_type, writers in bodies(operation):
        for member_path, schema in objects(SCHEMAS[operation.takes]):
            if f"{operation.takes}.{member_path}" in OPAQUE:
                continue
            before = f"{member_path}." if member_path else ""
            for name in (*[name.swapcase() for name in schema["properties"]], UNHEARD):
                reply = send(operation, writers(within(member_path, {name: "x"})), media_type)
                if f"{operation.takes}.{member_path}" in EXTENSIBLE:
                    assert "not a known member" not in reply.json["detail"], reply.json
                elif (operation.id, Location.BODY) in LENIENT:
                    other = send(operation, writers({"else": "x"}), media_type)
                    assert len(bodies_of((reply, other))) == 1
                else:
                    refused(reply, f"{before}{name}")


@named_operations([each for each in ALL if each.payload is Payload.NONE])
def test_a_body_where_there_is_none(send, operation):
    unsigned = operation.audience is Audience.ADMIN and operation.method == "GET"
    for body, media_type in ((b'{"unheardOf":1}', JSON), (b"unheardOf=1", FORM)):
        reply = send(operation, body, media_type)
        if unsigned:  # by CX1; so it is refused sooner
            assert reply.status_code == 401
        else:
            refused(reply, UNHEARD)
    if not unsigned:
        text = send(operation, b"unheardOf", "text/plain").json
        assert (text["code"], text["field"]) == ("invalid_field", "body")
        empty = send(operation, b"{}")
        assert empty.status_code < 500, empty.data
        assert empty.status_code < 400 or empty.json["code"] != "invalid_field", empty.json


@named_operations([each for each in ALL if each.payload is Payload.TOKEN])
def test_a_token_is_no_document(send, operation):
    assert send(operation, b'{"unheardOf":1}').status_code == 415


def test_what_is_ignored_is_listed_with_a_reason():
    answer = {(entry.operation, entry.location): entry for entry in IGNORED}
    assert len(answer) == len(IGNORED)
    assert {key for key, entry in answer.items() if entry.names is EVERYTHING} == set(LENIENT)
    for key, standard in LENIENT.items():
        assert standard in answer[key].reason
        assert answer[key].sender
    assert set(answer) - set(LENIENT) == OF_CX_CLIENTS
    assert {each.operation for each in IGNORED} <= {each.id for each in ALL}


def test_an_entry_of_the_list_is_for_its_call_and_spares_no_near_miss():
    names = frozenset({"viewType", "showcode"})
    entry = Ignored("addRequest", Location.BODY, names, "a client of 2019", "It sends them.")
    (adding,) = [each for each in ALL if each.id == "addRequest"]
    (binding,) = [each for each in ALL if each.id == "bindAccount"]
    question = {"accountId": "user-42", "content": "Pay 10 EUR to Zoë?"}

    def read(operation, **more):
        body = json.dumps(question | more).encode()
        message = Call(method="POST", uri="", root="", body=body, media_type=JSON)
        return Inputs.of(operation, [entry]).read(message).document

    assert read(adding, viewType="html") == question
    for operation, name in ((adding, "showcode"), (adding, "view"), (binding, "content")):
        with pytest.raises(InvalidField) as refusal:
            read(operation, **{name: "x"})
        assert refusal.value.field == name


@named_operations(READERS)
def test_what_is_taken_is_described_as_closed(operation):
    for member_path, schema in objects(SCHEMAS[operation.takes]):
        lenient = (operation.id, Location.BODY) in LENIENT and not member_path
        opaque = f"{operation.takes}.{member_path}" in OPAQUE
        extensible = f"{operation.takes}.{member_path}" in EXTENSIBLE
        is_open = opaque or lenient or extensible
        assert (schema["additionalProperties"] is not False) == is_open, member_path
        assert ("properties" in schema) is not opaque


def test_what_a_schema_says_otherwise_is_not_taken_for_anything():
    with pytest.raises(ValueError, match="components"):
        shape_of({"$ref": "#/components/schemas/Company"})


@pytest.mark.parametrize("name", ["showcode", "button", "show_code", "Buttons", "duratoin", "type"])
def test_a_question_that_is_nearly_spelt_asks_nobody(world, shop, device_client, name):
    question_body = {"accountId": "user-42", "content": "Pay 10 EUR to Zoë?", name: "x"}
    refused(shop.post("/api/request/add", json=question_body), name)
    refused(shop.post("/request/add", data=question_body), name)
    assert device_client.get("/device/requests").json["requests"] == []


def test_a_misspelt_edit_edits_nothing(desk, company, app_space, origin):
    edits = {
        company: ({"name": "New"}, "Name"),
        app_space: ({"name": "New"}, "brandinfo"),
        origin: ({"name": "New"}, "wildcard"),
    }
    for member_path, (edit, wrong) in edits.items():
        before = desk.get(member_path).json
        refused(desk.patch(member_path, edit | {wrong: "x"}), wrong)
        assert desk.get(member_path).json == before


@pytest.mark.parametrize("wrong", ["company", "companyguid", "Life", "AllCompanies"])
def test_no_misspelt_member_makes_an_administrator(desk, world, wrong):
    edit_document = {"name": "New", "role": "company_admin", wrong: world.company.guid}
    before = desk.get("/admin/api/admins").json
    refused(desk.post("/admin/api/admins/new", edit_document), wrong)
    assert desk.get("/admin/api/admins").json == before


def test_a_key_is_refused_where_none_is_taken(shop, device_client):
    headers = {"Idempotency-Key": "once"}
    reply = shop.get("/request/getAll?accountId=user-42", headers=headers)
    assert (reply.status_code, reply.json["field"]) == (400, "Idempotency-Key")


def test_a_parameter_given_twice_is_refused_by_its_name(shop, device_client):
    reply = shop.get("/request/getAll?accountId=user-42&accountId=user-42")
    assert (reply.status_code, reply.json["field"]) == (400, "accountId")


@pytest.mark.parametrize("text", ["%ZZ", "%", "%4", "user-42%"])
def test_a_query_with_a_malformed_percent_sign_is_refused(shop, device_client, text):
    reply = shop.get(f"/request/getAll?accountId={text}")
    assert (reply.status_code, reply.json["field"]) == (400, "query")


@pytest.mark.parametrize("charsets", [("utf-8", "latin-1"), ("latin-1", "utf-8")])
def test_a_body_with_two_charsets_is_refused(shop, device_client, charsets):
    first, second = charsets
    reply = shop.post(
        "/request/add",
        data=b'{"accountId": "user-42", "content": "Pay?"}',
        content_type=f"application/json; charset={first}; charset={second}",
    )
    assert reply.status_code == 415
