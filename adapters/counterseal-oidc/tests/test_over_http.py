"""The whole flow over HTTP, at real providers that administrators set while the service runs."""

import itertools
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from oidc_http import CALLBACK
from oidc_loopback import rsa
from oidc_real import REDIRECT, running

from counterseal_testing.identity import APP_RETURN


@pytest.fixture
def service(new_service):
    """Return a service with the machine's time."""
    return new_service(datetime.now(UTC), administration=True)


@pytest.fixture
def new_space(service, client_secret):
    """Return a factory of App Spaces, by the admin API while the service runs."""
    admin = service.world.credentials.create_admin("An admin", all_companies=True)

    def make(provider, client="client_secret_basic", **more):
        idp = {
            "issuer": provider.url,
            "clientId": client,
            "clientAuth": "client_secret_basic",
            "clientSecret": client_secret,
            "redirectUri": REDIRECT,
            "returns": [APP_RETURN],
            "scopes": ["openid"],
        }
        spaces = f"/admin/api/companies/{service.world.company.guid}/appSpaces"
        body = {"name": "Staff", "idpType": "oidc", "idp": idp}
        space = service.administer(admin, "POST", f"{spaces}/new", body)["appSpaceGuid"]
        edit = {"idp": {"scopes": ["openid", "offline_access"]} | more}
        service.administer(admin, "PATCH", f"{spaces}/{space}", edit)
        return space

    return make


@pytest.fixture
def new_shop(service):
    """Return a factory of origins."""
    return service.shop


@pytest.fixture(autouse=True)
def _restore_provider(real):
    yield
    real.control(enable="zoe", down=False)


def test_from_the_log_in_to_the_callback(service, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = service.bind(space, real)
    guid = shop.ask()
    reply = service.answer(phone, guid)
    assert (reply.status_code, reply.json["approved"]) == (200, True)
    assert service.world.deliver()
    (attempt,) = service.world.sender.attempts
    assert attempt.delivery.url == CALLBACK
    assert json.loads(attempt.delivery.body)["guid"] == guid


def test_a_disabled_user_is_refused_and_the_origin_sees_why_until_a_new_log_in(
    service, new_space, new_shop, real
):
    space = new_space(real)
    shop = new_shop(space)
    phone = service.bind(space, real)
    guid = shop.ask()
    real.control(disable="zoe")
    service.world.clock.advance(service.world.policy.revalidation_life)
    guid = shop.ask()
    reply = service.answer(phone, guid)
    assert (reply.status_code, reply.json["code"]) == (403, "identity_withdrawn")
    (device,) = shop.devices()
    assert (device["status"], device["suspendedBy"]) == ("SUSPENDED", "idp")
    real.control(enable="zoe")
    service.bind(space, real)
    assert [each["status"] for each in shop.devices()] == ["ACTIVE", "ACTIVE"]
    assert service.answer(phone, guid).json["approved"]


def test_a_back_channel_logout_does_the_same_at_once(service, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = service.bind(space, real)
    guid = shop.ask()
    form = {"logout_token": real.logout_token("client_secret_basic", "zoe")}
    reply = service.client.post(f"/device/login/logout/{space}", data=form)
    assert reply.status_code == 204
    assert service.client.post(f"/device/login/logout/{space}", data=form).status_code == 400
    assert service.answer(phone, guid).status_code == 403
    assert [each["suspendedBy"] for each in shop.devices()] == ["idp"]
    service.bind(space, real)
    assert service.answer(phone, guid).json["approved"]


@pytest.mark.parametrize(
    "case", [*itertools.product(["sub", "employee_id"], ["sid", "sub"])], ids="-".join
)
def test_a_logout_by_the_session_alone_or_by_the_subject_finds_its_user(
    service, new_space, real, provider_keys, case
):
    claim, identifier = case
    scopes = ["openid", "offline_access", "profile"]
    space = new_space(real, "with_sessions", accountClaim=claim, scopes=scopes)
    shop = service.shop(space)
    zoe = service.bind(space, real, "zoe")
    adam = service.bind(space, real, "adam")  # whose employee id is her subject
    account_id = {"sub": "zoe", "employee_id": "e-1001"}[claim]
    guid = shop.ask(account_id)
    session = service.world.ports.identity.identities[0].session
    assert session != service.world.ports.identity.identities[1].session != ""
    # This provider always names the subject; a token without it is signed with its key.
    full_token = real.logout_token("with_sessions", "zoe", session)
    claims = jwt.decode(full_token, provider_keys[0]).claims
    assert (claims["sub"], claims["sid"]) == ("zoe", session)
    del claims[{"sid": "sub", "sub": "sid"}[identifier]]
    token = jwt.encode({"alg": "RS256", "kid": "p0", "typ": "logout+jwt"}, claims, provider_keys[0])
    assert service.log_out(space, token).status_code == 204
    assert service.answer(zoe, guid).status_code == 403
    assert [each["suspendedBy"] for each in shop.devices(account_id)] == ["idp"]
    assert service.send(adam, "GET", "/device/status").json["status"] == "ACTIVE"
    assert service.log_out(space, token).status_code == 400
    assert service.reason() == "replayed"
    service.bind(space, real, "zoe")
    assert service.answer(zoe, guid).json["approved"]


def test_the_provider_changes_its_keys_and_log_ins_go_on(
    service, new_space, new_shop, real, provider_keys
):
    old, new = (key.as_dict(private=True) for key in provider_keys)
    space = new_space(real)
    shop = new_shop(space)
    first = service.bind(space, real)
    begun = service.begin(space)
    fetches = real.requests("/jwks")
    try:
        real.control(jwks={"keys": [new]})
        # One log-in began before the change, one after; the bound device is revalidated, too.
        parameters = service.come_back(real.log_in(begun["url"]))
        assert service.finish(parameters, begun["secret"]).status_code == 200
        second = service.bind(space, real)
        assert real.requests("/jwks") == fetches + 1
        # A token by the old key is refused.
        claims = jwt.decode(
            real.logout_token("client_secret_basic", "zoe"), provider_keys[1]
        ).claims
        forged = jwt.encode({"alg": "RS256", "kid": "p1"}, claims, provider_keys[0])
        assert service.log_out(space, forged).status_code == 400
        assert service.reason() == "idp_token_signature"
        service.world.clock.advance(service.world.policy.revalidation_life)
        for phone in (first, second):
            assert service.answer(phone, shop.ask()).json["approved"]
    finally:
        real.control(jwks={"keys": [old]})


def test_a_provider_that_is_down_approves_nothing_and_says_so(service, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = service.bind(space, real)
    real.control(down=True)
    service.world.clock.advance(service.world.policy.revalidation_life)
    guid = shop.ask()
    reply = service.answer(phone, guid)
    assert (reply.status_code, reply.json["reason"]) == (503, "identity_unavailable")
    # Users of other App Spaces are not affected.
    adam = service.world.bind("adam")
    other = service.world.ask("adam", "Hello?").challenge.guid
    assert service.answer(adam, other).json["approved"]
    real.control(down=False)
    assert service.answer(phone, guid).json["approved"]


def test_log_ins_of_two_app_spaces_cannot_be_mixed(service, new_space, real, clients):
    with running(clients, {"keys": [rsa("other").as_dict(private=True)]}) as other:
        here, there = new_space(real), new_space(other)
        begun = service.begin(here), service.begin(there)
        returns = [
            service.come_back(provider.log_in(one["url"]))
            for one, provider in zip(begun, (real, other), strict=True)
        ]
        replies, reasons = set(), []
        for state, code, secret in (
            (0, 0, 1),
            (1, 1, 0),
            (0, 1, 0),
            (1, 0, 1),
        ):
            mixed = returns[code] | {"state": returns[state]["state"]}
            reply = service.finish(mixed, begun[secret]["secret"])
            replies.add((reply.status_code, reply.json["code"]))
            reasons.append(service.reason())
        assert replies == {(403, "denied")}
        # The last two have the code and the issuer of the other App Space.
        assert reasons == ["wrong_token"] * 2 + ["idp_response_issuer"] * 2
        for space in (here, there):
            assert service.world.ports.store.account(space, "zoe") is None
        assert service.bind(here, real).device.bond.app_space == here
        assert service.bind(there, other).device.bond.app_space == there


def test_a_caught_redirect_and_a_log_in_url_sent_to_a_victim_bind_nobody(service, new_space, real):
    space = new_space(real)
    begun = service.begin(space)
    parameters = service.come_back(real.log_in(begun["url"]))
    other = service.begin(space)
    for secret in ("caught", other["secret"], parse_qs(urlsplit(begun["url"]).query)["state"][0]):
        reply = service.finish(parameters, secret)
        assert (reply.status_code, reply.json["code"]) == (403, "denied")
        assert service.reason() == "wrong_token"
    assert service.world.ports.store.account(space, "zoe") is None
    assert service.finish(parameters, begun["secret"]).status_code == 200
    assert service.finish(parameters, begun["secret"]).json["code"] == "wrong_state"
    assert service.reason() == "wrong_state"


def test_the_code_of_another_log_in_binds_nobody(service, new_space, real):
    space = new_space(real)
    own, others = service.begin(space), service.begin(space)
    mine = service.come_back(real.log_in(own["url"], "adam"))
    stolen = service.come_back(real.log_in(others["url"], "zoe"))
    # Provider and client are the same: only PKCE and the nonce tell the two apart.
    reply = service.finish(mine | {"code": stolen["code"]}, own["secret"])
    assert (reply.status_code, reply.json["code"]) == (403, "denied")
    assert service.reason() == "idp_code_refused"
    for name in ("zoe", "adam"):
        assert service.world.ports.store.account(space, name) is None
