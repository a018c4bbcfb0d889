"""Problems: one status for each error, one answer for what must look the same, and only ours."""

import inspect
import json
import logging
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection

import attrs
import pytest
from asgi_client import PATIENCE
from served import ServedService, bodies_of, headers_of
from werkzeug.test import Client

from counterseal import errors
from counterseal.errors import CountersealError, Refused, StoreUnavailable, Unavailable
from counterseal.models import OPERATOR
from counterseal.models.guid import mint
from counterseal_testing import FakeService
from counterseal_web import STATUS, Service
from counterseal_web.problems import HTTP, STATUS_BY_PUBLIC_CODE, problem, reply_to
from counterseal_web.settings import Settings

pytestmark = pytest.mark.each_host

BASE = "https://service.example"

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, CountersealError) and "code" in vars(kind)
]
ARGUMENTS = {
    "InvalidField": ("name", "too long"),
    "HtmlRefused": ("content", "HTML"),
    "DocumentHostRefused": ("action.arguments.documents[0].url", "elsewhere"),
    "SettingDiffers": ("name",),
    "KeyInProgress": (12.2,),
    "TooManyPending": (12.2,),
    "TooOften": ("cooling", 12.2),
    "CallbackUncallable": ("a port that is not allowed",),
    "BindingInactive": ("revoked",),
    "StrongKeyMissed": (2,),
    "WrongCode": (1,),
}


def test_every_error_has_a_status_and_no_status_is_left_over():
    assert {kind.code for kind in KINDS} == set(STATUS)


def test_refusals_that_must_look_the_same_do():
    statuses = {}
    for kind in KINDS:
        if issubclass(kind, Refused):
            statuses.setdefault(kind.public_code, set()).add(STATUS[kind.code])
    assert all(len(values) == 1 for values in statuses.values()), statuses
    assert not set(HTTP) & set(statuses)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if STATUS[kind.code] == 429])
def test_every_429_says_when_to_ask_again(kind):
    reply = reply_to(kind(*ARGUMENTS[kind.__name__]), Settings(public_url=BASE))
    assert reply.headers["Retry-After"] == "13"


@pytest.mark.parametrize("base", ["", "/auth"])
def test_two_slashes_are_another_path_and_no_redirect(face, base):
    world = FakeService()
    settings = Settings(public_url=BASE + base, administration=True)
    app = face(Service(world.ports, world.policy, settings), base)
    client = Client(app)
    for path in ("/request//add", "/api/request/add//", "/device//bind", "/admin/api//companies/x"):
        for method in ("GET", "POST"):
            reply = client.open(base + path, method=method)
            assert (reply.status_code, reply.json["code"]) == (404, "no_such_endpoint"), path
    assert client.get(f"{base}/.well-known//jwks.json").status_code == 404
    if base:
        return  # what stands before the prefix is the host's
    # The test client takes what follows two slashes for a host.
    for path in ("/.well-known/jwks.json", "/request/add", "/admin/api/companies", "/device/bind"):
        for method in ("GET", "POST"):
            overrides = {"PATH_INFO": f"/{path}"}
            reply = client.open("/", method=method, environ_overrides=overrides)
            assert (reply.status_code, reply.json["code"]) == (404, "no_such_endpoint"), path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_s34_every_error_has_its_public_code_alone(kind):
    error = kind(*ARGUMENTS.get(kind.__name__, ("canary",)))
    reply = reply_to(error, Settings(public_url=BASE))
    document = json.loads(reply.body())
    assert reply.media_type == "application/problem+json"
    assert document["status"] == reply.status == STATUS_BY_PUBLIC_CODE[document["code"]]
    assert document["type"] == f"urn:counterseal:error:{document['code']}"
    assert document["title"] not in ("", "Refused.")
    assert "canary" not in str(document)
    if issubclass(kind, Refused):
        assert document["code"] == kind.public_code
        assert 400 <= reply.status < 500
    else:
        assert document["code"] == "unavailable" if issubclass(kind, Unavailable) else "internal"


def test_a_code_has_the_same_text_here_as_in_the_table_of_errors():
    shared = [kind for kind in KINDS if issubclass(kind, Refused) and kind.public_code == kind.code]
    assert errors.NotFound in shared
    for kind in shared:
        first_line = inspect.getdoc(kind).partition("\n")[0]
        assert problem(kind.code).document["title"] == first_line


def test_who_has_to_wait_learns_how_long():
    reply = reply_to(errors.TooOften("cooling", 12.2), Settings(public_url=BASE))
    assert (reply.status, reply.headers["Retry-After"]) == (429, "13")
    assert reply.document["reason"] == "cooling"


def status_call(client, device, path="/device/status"):
    proof = device.signed_call("GET", f"{BASE}{path}").proof
    return client.get("/device/status", headers={"Counterseal-Proof": proof})


@pytest.mark.parametrize(("verb", "reason"), [("suspend", "suspended"), ("revoke", "revoked")])
def test_a_device_learns_from_any_refusal_what_became_of_it(kit, world, verb, reason):
    client, device = kit.application(world.ports).test_client(), world.bind("user-42").device
    answer = device.answer(world.ask("user-42", "Pay?").challenge.display, 1).encode()
    getattr(world.devices, verb)(device.bond.device, by=OPERATOR)
    for method, path, body in (
        *(("GET", "/device/status", b""), ("GET", "/device/keys", b"")),
        *(("GET", "/device/requests", b""), ("GET", "/device/requests?wait=1", b"")),
        *(("GET", "/device/requests/events", b""), ("POST", "/device/answer", answer)),
        ("DELETE", "/device", b""),
    ):
        headers = {"Counterseal-Proof": device.signed_call(method, BASE + path, body).proof}
        if body:
            headers["Content-Type"] = "application/jose"
        reply = client.open(path, method=method, headers=headers, data=body)
        assert is_problem(reply, 403)
        assert (reply.json["code"], reply.json["reason"]) == ("denied", reason)


@pytest.mark.parametrize("verb", ["suspend", "revoke", None])
def test_a_stranger_learns_nothing_of_a_device(kit, world, verb):
    client, phone = kit.application(world.ports).test_client(), world.bind("user-42")
    if verb is not None:
        getattr(world.devices, verb)(phone.guid, by=OPERATOR)
    thief = world.phone().device
    thief.bond = phone.device.bond
    stranger = world.phone().device
    stranger.bond = attrs.evolve(phone.device.bond, device=mint(0, bytes(15)))
    replies = [
        status_call(client, thief),
        status_call(client, stranger),
        status_call(client, phone.device, "/device/other"),
    ]
    assert {reply.status_code for reply in replies} == {403}
    assert len(bodies_of(replies)) == 1
    assert "reason" not in replies[0].json


def test_serve_writes_the_time_into_each_reply_once(world):
    """By it a device whose proof was refused learns that its clock is wrong (RFC 9110, 6.6.1)."""
    served = ServedService(Service(world.ports, world.policy, Settings(public_url=BASE)))
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)) as connection:
        for path, status in (("/device/status", 403), ("/.well-known/jwks.json", 200)):
            connection.request("GET", path)
            reply = connection.getresponse()
            reply.read()
            (date,) = reply.headers.get_all("Date")
            late = parsedate_to_datetime(date) - datetime.now(UTC)
            assert (reply.status, abs(late) < timedelta(seconds=30)) == (status, True)


def test_an_unavailable_port_is_503_with_retry_after(kit, world):
    class Broken:
        def __getattr__(self, name):
            def fail(*_, **__):
                raise StoreUnavailable

            return fail

    client = kit.application(attrs.evolve(world.ports, store=Broken())).test_client()
    reply = client.get("/request/getAll?accountId=a", headers={"Authorization": "Basic YTpi"})
    assert reply.status_code == 401  # a name that is no GUID needs no store
    reply = client.post("/device/bind", json={"keys": [], "token": "x"})
    assert reply.status_code == 403
    proven = world.bind("user-42").call("/device/status", method="GET")
    reply = client.get("/device/status", headers={"Counterseal-Proof": proven.proof})
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "1")
    assert reply.json["code"] == "unavailable"


def test_s34_an_unforeseen_error_is_500_and_its_text_is_not_logged(kit, world, caplog):
    class Broken:
        def jwks(self):
            raise RuntimeError("can" + "ary")

    client = kit.application(attrs.evolve(world.ports, signer=Broken())).test_client()
    with caplog.at_level(logging.DEBUG):
        reply = client.get("/.well-known/jwks.json")
    assert (reply.status_code, reply.json["code"]) == (500, "internal")
    assert "RuntimeError" in caplog.text
    assert "service_keys" in caplog.text
    assert "canary" not in caplog.text + reply.text


def is_problem(reply, status):
    return (
        reply.status_code == status
        and reply.content_type == "application/problem+json"
        and reply.headers["Cache-Control"] == "no-store"
        and reply.json["status"] == status
    )


@pytest.mark.parametrize("prefix", ["", "/auth/v1"])
def test_e13_404_405_413_and_415_are_problems(kit, world, prefix):
    client = kit.application(world.ports, prefix=prefix, body_limit=1000).test_client()
    for path in ("/request/no/such", "/api/account/no/such", "/device/nothing", "/device/"):
        assert is_problem(client.get(prefix + path), 404), path
    for method, path, allowed in [
        ("POST", "/request/getRequest", "GET, HEAD"),
        ("GET", "/api/account/bind", "PUT"),
        ("GET", "/device", "DELETE, PATCH"),
        ("TRACE", "/device/answer", "POST"),
        ("BREW", "/.well-known/jwks.json", "GET, HEAD"),
        ("OPTIONS", "/openapi.json", "GET, HEAD"),
    ]:
        reply = client.open(prefix + path, method=method)
        assert is_problem(reply, 405), (method, path)
        assert reply.headers["Allow"] == allowed
    for size, status in ((1000, 400), (1001, 413), (1002, 413)):
        big = client.post(
            prefix + "/device/bind", data=b"x" * size, content_type="application/json"
        )
        assert is_problem(big, status), size
    for media_type in ("text/xml", "application/json; charset=latin-1", ""):
        reply = client.post(prefix + "/device/bind", data=b"{}", content_type=media_type)
        assert is_problem(reply, 415), media_type


def test_s20_a_question_to_nobody_looks_like_one_to_a_locked_or_unbound_account(kit, world, shop):
    world.bind("locked")
    world.invitations.invite(world.origin, "unbound")
    world.accounts.lock(world.accounts.get(world.origin, "locked").guid, by=OPERATOR)
    replies = [kit.ask(shop, accountId=name) for name in ("nobody", "unbound", "locked")]
    assert {reply.status_code for reply in replies} == {404}
    assert len(bodies_of(replies)) == 1
    assert len({headers_of(reply) for reply in replies}) == 1


def test_s20_unknown_and_foreign_guids_look_the_same(kit, world, shop, neighbour, stranger):
    phone = world.bind("user-42")
    guid = kit.ask(shop).json["guid"]
    account = world.accounts.get(world.origin, "user-42").guid
    nothing = "00000000-0000-8000-8000-000000000000"
    foreign = [
        neighbour.get(f"/request/getRequest?requestGuid={guid}"),
        neighbour.get(f"/request/{guid}"),
        neighbour.get(f"/request/events?requestGuid={guid}"),
        neighbour.patch("/request/cancel", json={"requestGuid": guid}),
        stranger.patch("/device/revoke", json={"deviceGuid": phone.guid}),
        stranger.get(f"/account/{account}"),
        shop.get(f"/request/getRequest?requestGuid={nothing}"),
        shop.get("/request/getRequest?requestGuid=no-guid"),
        shop.get(f"/account/{guid}"),
        shop.patch("/device/revoke", json={"deviceGuid": nothing}),
    ]
    assert {reply.status_code for reply in foreign} == {404}
    assert len(bodies_of(foreign)) == 1


def test_a_world_of_its_own_is_no_other_ones():
    first, second = FakeService(seed=1), FakeService(seed=2)
    assert first.origin.origin.guid != second.origin.origin.guid


def test_a_refusal_of_a_later_core_is_forbidden():
    class LaterRefusal(Refused, code="later", public_code="later_public"):
        """A refusal that this version does not know."""

    reply = reply_to(LaterRefusal(), Settings(public_url=BASE))
    assert (reply.status, reply.document["code"]) == (403, "later_public")
