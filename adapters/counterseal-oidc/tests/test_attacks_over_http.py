"""
Attacks on log-ins over HTTP, by a provider and by others.

Each is refused with its own code in the audit log and the one public code in the response.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from oidc_loopback import CLIENT, DISCOVERY, Loopback, logout, signed, unsigned
from oidc_real import REDIRECT
from test_forged import FORGED

from counterseal import STANDARD
from counterseal.models import IdpSettings
from counterseal_http import Guard
from counterseal_oidc.cache import MAX_FRESH
from counterseal_testing import FrozenClock, Return
from counterseal_testing.identity import APP_RETURN


@pytest.fixture
def service(new_service, frozen_clock):
    """Return a service with the fake provider's time."""
    return new_service(frozen_clock.now())


@pytest.fixture
def new_space(frozen_clock):
    """Return a factory of App Spaces whose users log in at a fake provider."""

    def make(service, loopback, *, company=None, **more):
        idp = IdpSettings(
            issuer=loopback.url,
            client_id=CLIENT,
            redirect_uri=REDIRECT,
            returns=(APP_RETURN,),
            **more,
        )
        world = service.world
        owner = company or world.company.guid
        return world.administration.create_app_space(owner, "Staff", idp=idp).guid

    return make


def return_from_login(service, loopback, space, forge=None, **claims):
    """Begin a log-in and return from it; the token endpoint will return what *forge* makes."""
    begun = service.begin(space)
    parameters = {name: value for name, (value,) in parse_qs(urlsplit(begun["url"]).query).items()}
    original_claims = loopback.claims
    changes = {"nonce": parameters["nonce"]} | claims

    def claims_of_login(**more):
        return original_claims(**(changes | more))

    idp = attrs.make_class("Idp", ["claims", "clock", "url"])(
        claims_of_login, loopback.clock, loopback.url
    )
    loopback.grant((forge or (lambda idp: signed(idp.claims())))(idp))
    back = Return(state=parameters["state"], code="code", issuer=loopback.url)
    return service.come_back(back), begun["secret"]


def denied(service, reply, code):
    assert (reply.status_code, reply.json["code"]) == (403, "denied")
    assert set(reply.json) == {"type", "title", "status", "code"}
    assert service.reason() == code
    return True


def unavailable(reply):
    assert (reply.status_code, reply.json["reason"]) == (503, "identity_unavailable")
    return True


def has_no_account(service, space):
    store = service.world.ports.store
    return all(store.account(space, name) is None for name in ("zoe", "adam", "zoe@idp.example"))


# The token


@pytest.mark.parametrize(("forge", "refusal"), FORGED.values(), ids=FORGED)
def test_e10_s38_a_forged_token_lets_nobody_in(service, new_space, loopback, forge, refusal):
    space = new_space(service, loopback)
    parameters, secret = return_from_login(service, loopback, space, forge)
    assert denied(service, service.finish(parameters, secret), refusal.code)
    assert has_no_account(service, space)


def test_a_valid_token_lets_the_user_in(service, new_space, loopback):
    space = new_space(service, loopback)
    parameters, secret = return_from_login(service, loopback, space)
    assert service.finish(parameters, secret).status_code == 200
    assert service.world.ports.store.account(space, "zoe") is not None


@pytest.mark.parametrize(
    "case",
    [
        ("email", {"email": "zoe@idp.example"}, "idp_claim_unverified"),
        (
            "email",
            {"email": "zoe@idp.example", "email_verified": "true"},
            "idp_claim_unverified",
        ),
        ("upn", {"upn": "zoe@idp.example"}, "idp_claim_unverified"),
        ("oid", {"oid": 7}, "idp_claim_missing"),
        ("oid", {"oid": ["zoe"]}, "idp_claim_missing"),
        ("oid", {"oid": {"zoe": True}}, "idp_claim_missing"),
        ("oid", {"oid": True}, "idp_claim_missing"),
        ("oid", {"oid": ""}, "idp_claim_missing"),
    ],
    ids=str,
)
def test_a_claim_without_proof_lets_nobody_in(service, new_space, loopback, case):
    claim, claims, code = case
    space = new_space(service, loopback, account_claim=claim)
    loopback.responses["/me"] = (200, {"sub": "zoe"} | claims, {})
    parameters, secret = return_from_login(service, loopback, space, **claims)
    assert denied(service, service.finish(parameters, secret), code)
    assert has_no_account(service, space)


def test_the_account_id_of_another_user_is_refused(service, new_space, loopback):
    space = new_space(service, loopback, account_claim="name")
    parameters, secret = return_from_login(service, loopback, space, name="zoe")
    assert service.finish(parameters, secret).status_code == 200
    parameters, secret = return_from_login(service, loopback, space, sub="mallory", name="zoe")
    reply = service.finish(parameters, secret)
    assert reply.status_code in {403, 409}
    assert "sessionToken" not in reply.json
    assert service.reason() == "account_taken"
    assert service.world.ports.store.account(space, "zoe").subject == "zoe"


# The provider's responses


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "server said no"])
def test_a_code_that_the_provider_refuses_lets_nobody_in(service, new_space, loopback, error):
    space = new_space(service, loopback)
    parameters, secret = return_from_login(service, loopback, space)
    loopback.responses["/token"] = (400, {"error": error}, {})
    assert denied(service, service.finish(parameters, secret), "idp_code_refused")
    assert service.finish(parameters, secret).json["code"] == "wrong_state", "the log-in is over"


ENDLESS = (200, b'{"keys": [' + b" " * 1_000_000, {})


@pytest.mark.parametrize(
    "answer",
    [
        ENDLESS,
        (200, b"[" * 200_000, {}),
        (307, {}, {"location": "/elsewhere"}),
        (302, {}, {"location": "http://169.254.169.254/latest/"}),
        (500, {}, {}),
        (200, b"", {}),
        (200, b"\xff", {}),
    ],
    ids=["endless", "nested", "redirect", "redirect inside", "broken", "empty", "no text"],
)
@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
def test_an_unexpected_response_lets_nobody_in(service, new_space, loopback, path, answer):
    space = new_space(service, loopback)
    if path == DISCOVERY:
        loopback.responses[path] = answer
        begin = {"appSpaceGuid": space, "redirectUri": APP_RETURN}
        assert unavailable(service.client.post("/device/login/redirect", json=begin))
    else:
        parameters, secret = return_from_login(service, loopback, space)
        loopback.responses[path] = answer
        assert unavailable(service.finish(parameters, secret))
    assert loopback.requests("/elsewhere") == 0
    assert has_no_account(service, space)
    # The service stays up for others.
    phone = service.world.bind("alice")
    guid = service.world.ask("alice", "Hello?").challenge.guid
    assert service.answer(phone, guid).json["approved"]


def test_a_provider_that_hangs_delays_no_other_provider(
    new_service, new_space, frozen_clock, loopback
):
    service = new_service(frozen_clock.now(), timeout=timedelta(seconds=5))
    space = new_space(service, loopback)
    parameters, secret = return_from_login(service, loopback, space)
    loopback.hanging_paths.add("/token")
    assert unavailable(service.finish(parameters, secret))
    other = Loopback(frozen_clock)
    try:
        there = new_space(service, other)
        parameters, secret = return_from_login(service, other, there)
        assert service.finish(parameters, secret).status_code == 200
    finally:
        other.close()


def test_six_hanging_providers_of_one_company_leave_slots_to_the_others(
    new_service, new_space, frozen_clock, loopback
):
    service = new_service(frozen_clock.now(), max_concurrent_calls=8, timeout=timedelta(minutes=5))
    hanging_paths = [Loopback(frozen_clock) for _ in range(6)]
    for idp in hanging_paths:
        idp.hanging_paths.add(DISCOVERY)
    spaces = [new_space(service, idp) for idp in hanging_paths]
    company = service.world.administration.create_company("Another").guid
    elsewhere = new_space(service, loopback, company=company)

    def begin(space):
        body = {"appSpaceGuid": space, "redirectUri": APP_RETURN}
        return service.app.test_client().post("/device/login/redirect", json=body)

    with ThreadPoolExecutor(6) as pool:
        try:
            running = [pool.submit(begin, space) for space in spaces[:4]]
            for idp in hanging_paths[:4]:
                assert idp.requests_hanging.acquire(timeout=60)
            refused = [pool.submit(begin, space).result(60) for space in spaces[4:]]
            assert all(map(unavailable, refused))
            assert [idp.requests(DISCOVERY) for idp in hanging_paths] == [1, 1, 1, 1, 0, 0]
            parameters, secret = return_from_login(service, loopback, elsewhere)
            assert service.finish(parameters, secret).status_code == 200
            assert not any(one.done() for one in running)
        finally:
            for idp in hanging_paths:
                idp.close()
    loopback.clock.advance(timedelta(minutes=1))
    service.world.clock.advance(timedelta(minutes=1))
    assert begin(new_space(service, loopback)).status_code == 200, "the slots are free again"


@pytest.mark.parametrize("endpoint", ["jwks_uri", "token_endpoint", "userinfo_endpoint"])
def test_metadata_with_private_addresses_lets_nobody_in(new_service, new_space, loopback, endpoint):
    port = int(loopback.url.rpartition(":")[2])
    guard = Guard(allow_http=True, allow=("127.0.0.1/32",), ports=frozenset({port}))
    service = new_service(loopback.clock.now(), guard=guard)
    space = new_space(service, loopback, account_claim="name")
    for url in ("http://169.254.169.254/latest/", f"http://127.0.0.2:{port}/x", "http://[::1]/x"):
        loopback.publish(**{endpoint: url})
        service.world.clock.advance(MAX_FRESH)
        loopback.clock.advance(MAX_FRESH)
        parameters, secret = return_from_login(service, loopback, space)
        assert unavailable(service.finish(parameters, secret))
    assert loopback.requests("/x") == 0
    assert has_no_account(service, space)


# The provider is down


def test_a_grace_period_of_the_policy_applies_and_ends(
    new_service, new_space, frozen_clock, loopback
):
    grace = timedelta(minutes=10)
    service = new_service(
        frozen_clock.now(), policy=attrs.evolve(STANDARD, revalidation_grace=grace)
    )
    space = new_space(service, loopback)
    loopback.log_in = lambda url, _: Return(
        state=parse_qs(urlsplit(url).query)["state"][0], code="code", issuer=loopback.url
    )
    begun = service.begin(space)
    nonce = parse_qs(urlsplit(begun["url"]).query)["nonce"][0]
    loopback.grant(signed(loopback.claims(nonce=nonce)))
    phone = service.complete(space, loopback, "zoe", begun)
    loopback.responses["/token"] = (503, {}, {})
    shop = service.shop(space)
    service.world.clock.advance(STANDARD.revalidation_life)
    guid = shop.ask()
    assert service.answer(phone, guid).json["approved"]
    revalidations = [
        event for event in service.world.ports.audit.events if event.event == "identity.revalidate"
    ]
    assert {event.reason for event in revalidations} == {"identity_unavailable"}, (
        "each use is recorded"
    )
    guid = shop.ask()
    service.world.clock.advance(grace)
    assert unavailable(service.send(phone, "GET", "/device/status"))
    assert unavailable(service.answer(phone, guid))


# Logout tokens


LOGOUTS = {
    "words": (lambda idp: "not a token", "idp_token_malformed"),
    "alg none": (
        lambda idp: unsigned({"alg": "none"}, logout(idp), "AA"),
        "idp_token_algorithm",
    ),
    "an ID token": (lambda idp: signed(idp.claims()), "idp_no_logout"),
    "an access token": (lambda idp: signed(logout(idp), typ="at+jwt"), "idp_token_type"),
    "another client's": (lambda idp: signed(logout(idp, aud="other")), "idp_token_audience"),
    "another issuer's": (
        lambda idp: signed(logout(idp, iss="https://other.example")),
        "idp_token_issuer",
    ),
    "another key": (lambda idp: signed(logout(idp), "ES256"), "idp_token_algorithm"),
    "an unknown key": (
        lambda idp: unsigned({"alg": "RS256", "kid": "unknown"}, logout(idp), "AA"),
        "idp_token_key",
    ),
    "an invalid signature": (
        lambda idp: unsigned({"alg": "RS256", "kid": "r1"}, logout(idp), "AA"),
        "idp_token_signature",
    ),
    "with a nonce": (lambda idp: signed(logout(idp, nonce="any")), "idp_token_nonce"),
    "expired": (lambda idp: signed(logout(idp, exp=1)), "idp_token_expired"),
    "nobody": (lambda idp: signed(logout(idp, sub=None, sid=None)), "idp_no_logout"),
    "without a name": (lambda idp: signed(logout(idp, jti=None)), "idp_no_logout"),
}


@pytest.mark.parametrize(("forge", "code"), LOGOUTS.values(), ids=LOGOUTS)
def test_a_forged_logout_suspends_nobody(service, new_space, loopback, forge, code):
    space = new_space(service, loopback)
    parameters, secret = return_from_login(service, loopback, space)
    assert service.finish(parameters, secret).status_code == 200
    before = service.world.ports.store.account(space, "zoe")
    reply = service.log_out(space, forge(loopback))
    assert (reply.status_code, reply.json["field"]) == (400, "logout_token")
    assert service.reason() == code
    assert service.world.ports.store.account(space, "zoe") == before
    assert "code" in reply.json
    assert code not in json.dumps(reply.json), "the client does not learn which check failed"


def test_e11_a_thousand_logouts_by_unknown_keys_cost_one_request(service, new_space, loopback):
    space = new_space(service, loopback)
    parameters, secret = return_from_login(service, loopback, space)
    service.finish(parameters, secret)
    fetches = loopback.requests("/jwks")
    for number in range(1_000):
        header = {"alg": "RS256", "kid": f"unknown {number}"}
        assert service.log_out(space, unsigned(header, logout(loopback), "AA")).status_code == 400
    assert loopback.requests("/jwks") == fetches + 1
    assert service.log_out(space, signed(logout(loopback))).status_code == 204


# The redirect back


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state={state}&state={state}&code=x", 400),
        ("state={state}x&code=x", 403),
        ("state={login}.guess&code=x", 403),
        ("code=x", 400),
        ("state={state}&code=" + "x" * 5_000, 400),
    ],
)
def test_a_malformed_redirect_back_is_not_followed(service, new_space, loopback, query, status):
    space = new_space(service, loopback)
    url = service.begin(space)["url"]
    (state,) = parse_qs(urlsplit(url).query)["state"]
    query_string = query.format(state=state, login=state.partition(".")[0])
    reply = service.client.get(f"/device/login/return?{query_string}")
    assert reply.status_code == status
    assert "Location" not in reply.headers


def test_parameters_of_a_redirect_back_stay_parameters(service, new_space, loopback):
    space = new_space(service, loopback)
    (state,) = parse_qs(urlsplit(service.begin(space)["url"]).query)["state"]
    reply = service.client.get(
        f"/device/login/return?state={state}&code=a%0d%0aSet-Cookie:%20x%26secret=y%23z&other=1"
    )
    url = reply.headers["Location"]
    assert url.startswith(f"{APP_RETURN}?")
    assert parse_qs(urlsplit(url).query) == {
        "state": [state],
        "code": ["a\r\nSet-Cookie: x&secret=y#z"],
    }
    assert "Set-Cookie" not in reply.headers


def test_a_late_redirect_back_lets_nobody_in(service, new_space, loopback):
    space = new_space(service, loopback)
    parameters, secret = return_from_login(service, loopback, space)
    service.world.clock.advance(service.world.policy.login_life)
    reply = service.finish(parameters, secret)
    assert service.reason() == "deadline_passed"
    assert "sessionToken" not in reply.json
    late = service.client.get(f"/device/login/return?state={parameters['state']}&code=x")
    assert "Location" not in late.headers


# Settings that change while the service runs


def test_settings_of_two_app_spaces_change_while_the_service_runs(
    new_service, frozen_clock, loopback
):
    service = new_service(frozen_clock.now(), administration=True)
    admin = service.world.credentials.create_admin("An admin", all_companies=True)
    base = f"/admin/api/companies/{service.world.company.guid}/appSpaces"
    other = Loopback(FrozenClock(frozen_clock.now()))
    try:
        spaces = {}
        for idp in (loopback, other):
            settings = {
                "issuer": idp.url,
                "clientId": CLIENT,
                "redirectUri": REDIRECT,
                "returns": [APP_RETURN],
            }
            body = {"name": "Staff", "idpType": "oidc", "idp": settings}
            spaces[idp] = service.administer(admin, "POST", f"{base}/new", body)["appSpaceGuid"]
        for idp, space in spaces.items():
            parameters, secret = return_from_login(service, idp, space)
            assert service.finish(parameters, secret).status_code == 200

        # One has to use another algorithm from now on, for a log-in that has begun, too.
        parameters, secret = return_from_login(service, loopback, spaces[loopback])
        edit = {"idp": {"algorithms": ["ES256"]}}
        service.administer(admin, "PATCH", f"{base}/{spaces[loopback]}", edit)
        assert denied(service, service.finish(parameters, secret), "idp_token_algorithm")
        parameters, secret = return_from_login(
            service, loopback, spaces[loopback], lambda idp: signed(idp.claims(), "ES256")
        )
        assert service.finish(parameters, secret).status_code == 200
        # The other has another claim, and another client.
        edit = {"idp": {"accountClaim": "number", "clientId": "another"}}
        service.administer(admin, "PATCH", f"{base}/{spaces[other]}", edit)
        parameters, secret = return_from_login(service, other, spaces[other], number="7")
        assert denied(service, service.finish(parameters, secret), "idp_token_audience")
        parameters, secret = return_from_login(
            service, other, spaces[other], number="7", aud="another"
        )
        assert service.finish(parameters, secret).status_code == 200
        assert service.world.ports.store.account(spaces[other], "7") is not None
        assert service.world.ports.store.account(spaces[loopback], "7") is None
    finally:
        other.close()
