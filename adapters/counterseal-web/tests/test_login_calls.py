"""Log-ins over HTTP: an app, a browser, a provider, and administrators who set one up."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond
from counterseal.keys import trusted_keys
from counterseal.models import BindingState
from counterseal_testing import APP_RETURN


@pytest.fixture
def app(kit, world):
    return kit.application(world.ports, administration=True)


@pytest.fixture
def space(world):
    world.idp.admit("carol")
    return world.new_app_space("Staff", idp=world.idp.settings())


@pytest.fixture
def mobile(client, space):
    """The app: what it does over HTTP."""

    class App:
        def begin(self, **more):
            body = {"appSpaceGuid": space.guid, "redirectUri": APP_RETURN} | more
            return client.post("/device/login/redirect", json=body)

        def finish(self, back, secret, **more):
            body = {"state": back.state, "code": back.code, "secret": secret, "iss": back.issuer}
            return client.post("/device/login/authenticate", json=body | more)

    return App()


def test_a_phone_is_bound_by_a_log_in_and_answers_until_the_user_logs_out(
    kit, world, client, space, mobile
):
    begun = mobile.begin()
    assert begun.status_code == 200
    assert begun.headers["Cache-Control"] == "no-store"
    back = world.idp.log_in(begun.json["url"], "carol")
    query = urlencode({"state": back.state, "code": back.code, "iss": back.issuer})
    response = client.get(f"/device/login/return?{query}")
    assert (response.status_code, response.data) == (303, b"")
    assert response.headers["Referrer-Policy"] == "no-referrer"
    address, _, query_text = response.headers["Location"].partition("?")
    assert address == APP_RETURN
    assert parse_qs(query_text) == parse_qs(query)
    assert begun.json["secret"] not in response.headers["Location"]
    finished = mobile.finish(back, begun.json["secret"])
    assert finished.status_code == 200
    assert finished.json["appSpaceGuid"] == space.guid

    phone = world.phone()
    token = finished.json["sessionToken"]
    enrolment = phone.device.enrolment(token, space.guid, pin=phone.pin)
    bound = client.post("/device/bind", json=enrolment_document(enrolment))
    assert bound.status_code == 200
    account = world.ports.store.account(space.guid, "carol")
    assert bound.json["account"] == account.guid

    phone.device.bond = Bond(
        device=bound.json["device"],
        account=bound.json["account"],
        app_space=bound.json["appSpace"],
        service_keys=trusted_keys(bound.json["serviceKeys"]),
    )
    device_client = kit.DeviceClient(client, phone)
    shop = kit.shop_of(world, client, world.new_origin(space, "Payroll"))
    question = {"accountId": "carol", "content": "Pay?"}
    first, second = (shop.post("/request/add", json=question).json["guid"] for _ in range(2))
    assert device_client.answer(first).json["approved"]

    logout = {"logout_token": world.idp.log_out("carol")}
    query_text = client.post(f"/device/login/logout/{space.guid}", data=logout)
    assert query_text.status_code == 204
    (device,) = world.ports.store.account(space.guid, "carol").devices
    assert device.state is BindingState.SUSPENDED
    refused = device_client.get(f"/device/requests/{second}")
    assert (refused.status_code, refused.json["code"]) == (403, "denied")
    (document,) = shop.get("/device/getAll?accountId=carol").json
    assert (document["status"], document["suspendedBy"]) == ("SUSPENDED", "idp")
    again = client.post(f"/device/login/logout/{space.guid}", data=logout)
    assert (again.status_code, again.json["field"]) == (400, "logout_token")


def test_only_state_code_and_secret_together_get_a_session_token(world, mobile):
    begun, other = mobile.begin().json, mobile.begin().json
    back = world.idp.log_in(begun["url"], "carol")
    for reply in (
        mobile.finish(back, "caught"),
        mobile.finish(back, other["secret"]),
        mobile.finish(back, begun["secret"], state=back.state + "x"),
        mobile.finish(back, begun["secret"], state="none of ours"),
    ):
        assert (reply.status_code, reply.json["code"]) == (403, "denied")
        assert "sessionToken" not in reply.get_data(as_text=True)
    assert mobile.finish(back, begun["secret"]).status_code == 200
    assert mobile.finish(back, begun["secret"]).json["code"] == "wrong_state"
    assert mobile.finish(back, "caught").json["code"] == "denied"


@pytest.mark.parametrize("missing", ["state", "code", "secret"])
def test_each_of_the_three_has_to_be_there(world, mobile, missing):
    begun = mobile.begin().json
    back = world.idp.log_in(begun["url"], "carol")
    members = {"secret": begun["secret"]} | {missing: None}
    reply = mobile.finish(back, **members)
    assert (reply.status_code, reply.json["field"]) == (400, missing)


def test_a_log_in_goes_where_the_app_space_says_only(world, mobile):
    reply = mobile.begin(redirectUri="https://evil.example/")
    assert (reply.status_code, reply.json["code"]) == (400, "return_forbidden")
    reply = mobile.begin(appSpaceGuid=world.app_space.guid)
    assert (reply.status_code, reply.json["code"]) == (409, "wrong_kind")
    for nothing in ("no guid", world.company.guid):
        assert mobile.begin(appSpaceGuid=nothing).status_code == 404


def test_the_return_sends_nobody_away_for_a_state_that_is_none_of_ours(client, space):
    for query in ("state=x&code=y", f"state={space.guid}.x&code=y"):
        reply = client.get(f"/device/login/return?{query}")
        assert (reply.status_code, reply.json["code"]) == (403, "denied")
        assert "Location" not in reply.headers
    assert client.get("/device/login/return?code=y").status_code == 400


def test_an_origin_may_not_invite_where_a_provider_knows_the_users(kit, world, client, space):
    shop = kit.shop_of(world, client, world.new_origin(space, "Payroll"))
    reply = shop.put("/account/bind", json={"accountId": "carol"})
    assert (reply.status_code, reply.json["code"]) == (409, "wrong_kind")
    assert world.ports.store.account(space.guid, "carol") is None


@pytest.mark.parametrize("body", [{"logout_token": "forged"}, {"logout_token": ""}, {}])
def test_what_is_no_logout_token_is_a_bad_request(client, space, body):
    reply = client.post(f"/device/login/logout/{space.guid}", json=body)
    assert (reply.status_code, reply.json["field"]) == (400, "logout_token")


def test_a_device_learns_that_the_provider_is_unavailable(world, client, space):
    phone = world.log_in(space, "carol")
    world.clock.advance(world.policy.revalidation_life)
    world.idp.down = True
    call = phone.call("/device/status", b"", method="GET")
    reply = client.get("/device/status", headers={"Counterseal-Proof": call.proof})
    assert reply.status_code == 503
    assert (reply.json["code"], reply.json["reason"]) == ("unavailable", "identity_unavailable")
    assert "Retry-After" in reply.headers


# Administrators

IDP = {
    "issuer": "https://idp.example",
    "clientId": "seal",
    "clientAuth": "client_secret_post",
    "clientSecret": "told-once-and-never-shown",
    "returns": [APP_RETURN],
    "scopes": ["openid", "offline_access"],
    "parameters": {"prompt": "login"},
}


def create_space(desk, world, **more):
    body = {"name": "Staff", "idpType": "oidc", "idp": IDP | more}
    return desk.call("POST", f"/admin/api/companies/{world.company.guid}/appSpaces/new", body)


def test_an_app_space_gets_a_provider_and_another_client_while_it_serves(world, desk, client):
    reply = create_space(desk, world)
    assert reply.status_code == 201
    document = dict(IDP)
    secret = document.pop("clientSecret")
    document |= {
        "redirectUri": "",
        "hasClientSecret": True,
        "algorithms": ["RS256"],
        "accountClaim": "sub",
    }
    assert reply.json["idp"] == document
    path = f"/admin/api/companies/{world.company.guid}/appSpaces/{reply.json['appSpaceGuid']}"
    assert secret not in desk.call("GET", path).get_data(as_text=True)
    assert desk.call("GET", path).json == reply.json
    stored_idp = world.ports.store.get(reply.json["appSpaceGuid"])[0].idp
    assert (
        world.ports.sealer.open(stored_idp.sealed_secret, stored_idp.secret_context).decode()
        == secret
    )

    begin = {"appSpaceGuid": reply.json["appSpaceGuid"], "redirectUri": APP_RETURN}
    first = client.post("/device/login/redirect", json=begin).json["url"]
    assert parse_qs(urlsplit(first).query)["client_id"] == ["seal"]
    lacking = desk.call("PATCH", path, {"idp": {"clientId": "other"}})
    assert (lacking.status_code, lacking.json["field"]) == (400, "idp.clientSecret")
    edited = desk.call("PATCH", path, {"idp": {"clientId": "other", "clientSecret": "new"}})
    assert (edited.status_code, edited.json["idp"]["clientId"]) == (200, "other")
    second = client.post("/device/login/redirect", json=begin).json["url"]
    assert parse_qs(urlsplit(second).query)["client_id"] == ["other"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"issuer": ""}, "idp.issuer"),
        ({"clientId": None}, "idp.clientId"),
        ({"returns": ["app:/x"]}, "idp.returns[0]"),
        ({"returns": "x"}, "idp.returns"),
        ({"redirectUri": "javascript:x"}, "idp.redirectUri"),
        ({"scopes": ["email"]}, "idp.scopes"),
        ({"clientAuth": "magic"}, "idp.clientAuth"),
        ({"clientSecret": None}, "idp.clientSecret"),
        ({"algorithms": []}, "idp.algorithms"),
        ({"parameters": {"a": 1}}, "idp.parameters"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(world, desk, change, field):
    reply = create_space(desk, world, **change)
    assert (reply.status_code, reply.json["field"]) == (400, field)
    assert IDP["clientSecret"] not in json.dumps(reply.json)


def test_a_provider_goes_with_its_kind_and_stays(world, desk):
    path = f"/admin/api/companies/{world.company.guid}/appSpaces"
    for body in ({"idpType": "oidc"}, {"idp": IDP}, {"idpType": "simple", "idp": IDP}):
        assert desk.call("POST", f"{path}/new", {"name": "Staff"} | body).json["field"] == "idp"
    simple = desk.call("PATCH", f"{path}/{world.app_space.guid}", {"idp": IDP})
    assert (simple.status_code, simple.json["code"]) == (409, "wrong_kind")
    guid = create_space(desk, world).json["appSpaceGuid"]
    moved = desk.call("PATCH", f"{path}/{guid}", {"idp": {"issuer": "https://other.example"}})
    assert (moved.status_code, moved.json["field"]) == (400, "idp.issuer")
