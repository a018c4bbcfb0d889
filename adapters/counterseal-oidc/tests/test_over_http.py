"""The flow of the product over HTTP, at real providers that administrators set while it serves."""

import itertools
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from oidc_http import CALLBACK
from oidc_loopback import rsa
from oidc_real import REDIRECT, running

from counterseal.testing.identity import APP_RETURN


@pytest.fixture
def served(new_served):
    """Return a service at the machine's time."""
    return new_served(datetime.now(UTC), administration=True)


@pytest.fixture
def new_space(served, client_secret):
    """Return a factory of App Spaces, made over the admin API while the service serves."""
    admin = served.world.credentials.create_admin("An admin", all_companies=True)

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
        spaces = f"/admin/api/companies/{served.world.company.guid}/appSpaces"
        body = {"name": "Staff", "idpType": "oidc", "idp": idp}
        made = served.administer(admin, "POST", f"{spaces}/new", body)["appSpaceGuid"]
        edit = {"idp": {"scopes": ["openid", "offline_access"]} | more}
        served.administer(admin, "PATCH", f"{spaces}/{made}", edit)
        return made

    return make


@pytest.fixture
def new_shop(served):
    """Return a factory of origins."""
    return served.shop


@pytest.fixture(autouse=True)
def _as_before(real):
    yield
    real.steer(enable="zoe", down=False)


def test_from_the_start_to_the_callback(served, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = served.bind(space, real)
    guid = shop.ask()
    answered = served.answer(phone, guid)
    assert (answered.status_code, answered.json["approved"]) == (200, True)
    assert served.world.deliver()
    (attempt,) = served.world.sender.attempts
    assert attempt.delivery.url == CALLBACK
    assert json.loads(attempt.delivery.body)["guid"] == guid


def test_who_is_disabled_is_refused_and_the_origin_sees_why_until_a_new_log_in(
    served, new_space, new_shop, real
):
    space = new_space(real)
    shop = new_shop(space)
    phone = served.bind(space, real)
    guid = shop.ask()
    real.steer(disable="zoe")
    served.world.clock.advance(served.world.policy.revalidation_life)
    guid = shop.ask()
    refused = served.answer(phone, guid)
    assert (refused.status_code, refused.json["code"]) == (403, "identity_withdrawn")
    (device,) = shop.devices()
    assert (device["status"], device["suspendedBy"]) == ("SUSPENDED", "idp")
    real.steer(enable="zoe")
    served.bind(space, real)
    assert [each["status"] for each in shop.devices()] == ["ACTIVE", "ACTIVE"]
    assert served.answer(phone, guid).json["approved"]


def test_a_back_channel_logout_does_the_same_at_once(served, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = served.bind(space, real)
    guid = shop.ask()
    form = {"logout_token": real.logout_token("client_secret_basic", "zoe")}
    reply = served.client.post(f"/device/login/logout/{space}", data=form)
    assert reply.status_code == 204
    assert served.client.post(f"/device/login/logout/{space}", data=form).status_code == 400
    assert served.answer(phone, guid).status_code == 403
    assert [each["suspendedBy"] for each in shop.devices()] == ["idp"]
    served.bind(space, real)
    assert served.answer(phone, guid).json["approved"]


@pytest.mark.parametrize(
    "case", [*itertools.product(["sub", "employee_id"], ["sid", "sub"])], ids="-".join
)
def test_a_logout_by_the_session_alone_or_by_the_subject_finds_its_user(
    served, new_space, real, provider_keys, case
):
    claim, named = case
    scopes = ["openid", "offline_access", "profile"]
    space = new_space(real, "with_sessions", accountClaim=claim, scopes=scopes)
    shop = served.shop(space)
    zoe = served.bind(space, real, "zoe")
    adam = served.bind(space, real, "adam")  # whose number is her subject
    account_id = {"sub": "zoe", "employee_id": "e-1001"}[claim]
    guid = shop.ask(account_id)
    session = served.world.ports.identity.heard[0].session
    assert session != served.world.ports.identity.heard[1].session != ""
    # This provider always names the subject: what another would send is signed with its key.
    sent = real.logout_token("with_sessions", "zoe", session)
    claims = jwt.decode(sent, provider_keys[0]).claims
    assert (claims["sub"], claims["sid"]) == ("zoe", session)
    del claims[{"sid": "sub", "sub": "sid"}[named]]
    token = jwt.encode({"alg": "RS256", "kid": "p0", "typ": "logout+jwt"}, claims, provider_keys[0])
    assert served.log_out(space, token).status_code == 204
    assert served.answer(zoe, guid).status_code == 403
    assert [each["suspendedBy"] for each in shop.devices(account_id)] == ["idp"]
    assert served.proven(adam, "GET", "/device/status").json["status"] == "ACTIVE"
    assert served.log_out(space, token).status_code == 400
    assert served.reason() == "replayed"
    served.bind(space, real, "zoe")
    assert served.answer(zoe, guid).json["approved"]


def test_the_provider_changes_its_keys_and_log_ins_go_on(
    served, new_space, new_shop, real, provider_keys
):
    old, new = (key.as_dict(private=True) for key in provider_keys)
    space = new_space(real)
    shop = new_shop(space)
    first = served.bind(space, real)
    begun = served.begin(space)
    asked = real.requests("/jwks")
    try:
        real.steer(jwks={"keys": [new]})
        # One log-in began before, one after; the device that is bound is asked about, too.
        told = served.come_back(real.log_in(begun["url"]))
        assert served.finish(told, begun["secret"]).status_code == 200
        second = served.bind(space, real)
        assert real.requests("/jwks") == asked + 1
        # The key that was taken away signs nothing any more.
        claims = jwt.decode(
            real.logout_token("client_secret_basic", "zoe"), provider_keys[1]
        ).claims
        forged = jwt.encode({"alg": "RS256", "kid": "p1"}, claims, provider_keys[0])
        assert served.log_out(space, forged).status_code == 400
        assert served.reason() == "idp_token_signature"
        served.world.clock.advance(served.world.policy.revalidation_life)
        for phone in (first, second):
            assert served.answer(phone, shop.ask()).json["approved"]
    finally:
        real.steer(jwks={"keys": [old]})


def test_a_provider_that_is_down_approves_nothing_and_says_so(served, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = served.bind(space, real)
    real.steer(down=True)
    served.world.clock.advance(served.world.policy.revalidation_life)
    guid = shop.ask()
    waiting = served.answer(phone, guid)
    assert (waiting.status_code, waiting.json["reason"]) == (503, "identity_unavailable")
    # Users of other App Spaces notice nothing.
    adam = served.world.bind("adam")
    other = served.world.ask("adam", "Hello?").challenge.guid
    assert served.answer(adam, other).json["approved"]
    real.steer(down=False)
    assert served.answer(phone, guid).json["approved"]


def test_two_app_spaces_with_two_providers_and_nobody_in_between(served, new_space, real, clients):
    with running(clients, {"keys": [rsa("other").as_dict(private=True)]}) as other:
        here, there = new_space(real), new_space(other)
        begun = served.begin(here), served.begin(there)
        told = [
            served.come_back(provider.log_in(one["url"]))
            for one, provider in zip(begun, (real, other), strict=True)
        ]
        public_code, logged = set(), []
        for state, code, secret in (
            (0, 0, 1),
            (1, 1, 0),
            (0, 1, 0),
            (1, 0, 1),
        ):
            mixed = told[code] | {"state": told[state]["state"]}
            reply = served.finish(mixed, begun[secret]["secret"])
            public_code.add((reply.status_code, reply.json["code"]))
            logged.append(served.reason())
        assert public_code == {(403, "denied")}
        # The last two bring a code and an issuer that are not the App Space's.
        assert logged == ["wrong_token"] * 2 + ["idp_response_issuer"] * 2
        for space in (here, there):
            assert served.world.ports.store.account(space, "zoe") is None
        assert served.bind(here, real).device.bond.app_space == here
        assert served.bind(there, other).device.bond.app_space == there


def test_a_caught_return_and_a_log_in_sent_to_a_victim_bind_nothing(served, new_space, real):
    space = new_space(real)
    begun = served.begin(space)
    told = served.come_back(real.log_in(begun["url"]))
    other = served.begin(space)
    for secret in ("caught", other["secret"], parse_qs(urlsplit(begun["url"]).query)["state"][0]):
        reply = served.finish(told, secret)
        assert (reply.status_code, reply.json["code"]) == (403, "denied")
        assert served.reason() == "wrong_token"
    assert served.world.ports.store.account(space, "zoe") is None
    assert served.finish(told, begun["secret"]).status_code == 200
    assert served.finish(told, begun["secret"]).json["code"] == "wrong_state"
    assert served.reason() == "wrong_state"


def test_the_code_of_another_log_in_binds_nobody(served, new_space, real):
    space = new_space(real)
    own, others = served.begin(space), served.begin(space)
    mine = served.come_back(real.log_in(own["url"], "adam"))
    stolen = served.come_back(real.log_in(others["url"], "zoe"))
    # Of the same provider and client: only PKCE and the nonce tell the two apart.
    reply = served.finish(mine | {"code": stolen["code"]}, own["secret"])
    assert (reply.status_code, reply.json["code"]) == (403, "denied")
    assert served.reason() == "idp_code_refused"
    for name in ("zoe", "adam"):
        assert served.world.ports.store.account(space, name) is None
