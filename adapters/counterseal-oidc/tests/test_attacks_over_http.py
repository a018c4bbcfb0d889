"""
Attacks on log-ins over HTTP, by a provider that lies and by whoever is in between.

Each is refused with its own code in the audit log, and told the one public code.
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
from counterseal.testing import FrozenClock, Return
from counterseal.testing.identity import APP_RETURN
from counterseal_http import Guard
from counterseal_oidc.asking import LONGEST


@pytest.fixture
def served(new_served, frozen):
    """Return a service at the lying provider's time."""
    return new_served(frozen.now())


@pytest.fixture
def new_space(frozen):
    """Return a factory of App Spaces whose users the lying provider knows."""

    def make(served, loopback, *, company=None, **more):
        idp = IdpSettings(
            issuer=loopback.url,
            client_id=CLIENT,
            redirect_uri=REDIRECT,
            returns=(APP_RETURN,),
            **more,
        )
        world = served.world
        where = company or world.company.guid
        return world.administration.create_app_space(where, "Staff", idp=idp).guid

    return make


def came_back(served, loopback, space, forge=None, **claims):
    """Begin a log-in and be sent back; the token endpoint will answer what *forge* makes."""
    begun = served.begin(space)
    asked = {name: value for name, (value,) in parse_qs(urlsplit(begun["url"]).query).items()}
    honest = loopback.claims
    changes = {"nonce": asked["nonce"]} | claims

    def ours(**more):
        return honest(**(changes | more))

    idp = attrs.make_class("Idp", ["claims", "clock", "url"])(ours, loopback.clock, loopback.url)
    loopback.grant((forge or (lambda idp: signed(idp.claims())))(idp))
    back = Return(state=asked["state"], code="code", issuer=loopback.url)
    return served.come_back(back), begun["secret"]


def denied(served, reply, code):
    assert (reply.status_code, reply.json["code"]) == (403, "denied")
    assert set(reply.json) == {"type", "title", "status", "code"}
    assert served.reason() == code
    return True


def unavailable(reply):
    assert (reply.status_code, reply.json["reason"]) == (503, "identity_unavailable")
    return True


def bound_nobody(served, space):
    store = served.world.ports.store
    return all(store.account(space, name) is None for name in ("zoe", "adam", "zoe@idp.example"))


# What the token says


@pytest.mark.parametrize(("forge", "refusal"), FORGED.values(), ids=FORGED)
def test_e10_s38_a_forged_token_lets_nobody_in(served, new_space, loopback, forge, refusal):
    space = new_space(served, loopback)
    told, secret = came_back(served, loopback, space, forge)
    assert denied(served, served.finish(told, secret), refusal.code)
    assert bound_nobody(served, space)


def test_the_same_without_a_forgery_lets_the_user_in(served, new_space, loopback):
    space = new_space(served, loopback)
    told, secret = came_back(served, loopback, space)
    assert served.finish(told, secret).status_code == 200
    assert served.world.ports.store.account(space, "zoe") is not None


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
def test_a_claim_that_proves_nothing_lets_nobody_in(served, new_space, loopback, case):
    claim, claims, code = case
    space = new_space(served, loopback, account_claim=claim)
    loopback.says["/me"] = (200, {"sub": "zoe"} | claims, {})
    told, secret = came_back(served, loopback, space, **claims)
    assert denied(served, served.finish(told, secret), code)
    assert bound_nobody(served, space)


def test_nobody_takes_an_account_id_that_is_another_ones(served, new_space, loopback):
    space = new_space(served, loopback, account_claim="name")
    told, secret = came_back(served, loopback, space, name="zoe")
    assert served.finish(told, secret).status_code == 200
    told, secret = came_back(served, loopback, space, sub="mallory", name="zoe")
    reply = served.finish(told, secret)
    assert reply.status_code in {403, 409}
    assert "sessionToken" not in reply.json
    assert served.reason() == "account_taken"
    assert served.world.ports.store.account(space, "zoe").subject == "zoe"


# What the provider answers


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "server said no"])
def test_a_code_that_the_provider_refuses_lets_nobody_in(served, new_space, loopback, error):
    space = new_space(served, loopback)
    told, secret = came_back(served, loopback, space)
    loopback.says["/token"] = (400, {"error": error}, {})
    assert denied(served, served.finish(told, secret), "idp_code_refused")
    assert served.finish(told, secret).json["code"] == "wrong_state", "the log-in is spent"


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
def test_a_provider_that_answers_anything_lets_nobody_in(served, new_space, loopback, path, answer):
    space = new_space(served, loopback)
    if path == DISCOVERY:
        loopback.says[path] = answer
        begin = {"appSpaceGuid": space, "redirectUri": APP_RETURN}
        assert unavailable(served.client.post("/device/login/redirect", json=begin))
    else:
        told, secret = came_back(served, loopback, space)
        loopback.says[path] = answer
        assert unavailable(served.finish(told, secret))
    assert loopback.requests("/elsewhere") == 0
    assert bound_nobody(served, space)
    # The service stays up for others.
    phone = served.world.bind("alice")
    guid = served.world.ask("alice", "Hello?").challenge.guid
    assert served.answer(phone, guid).json["approved"]


def test_a_provider_that_hangs_holds_up_nobody_else(new_served, new_space, frozen, loopback):
    served = new_served(frozen.now(), timeout=timedelta(seconds=1.5))
    space = new_space(served, loopback)
    told, secret = came_back(served, loopback, space)
    loopback.hanging.add("/token")
    assert unavailable(served.finish(told, secret))
    other = Loopback(frozen)
    try:
        there = new_space(served, other)
        told, secret = came_back(served, other, there)
        assert served.finish(told, secret).status_code == 200
    finally:
        other.close()


def test_six_hanging_providers_of_one_company_leave_slots_to_the_others(
    new_served, new_space, frozen, loopback
):
    served = new_served(frozen.now(), at_once=8, timeout=timedelta(minutes=5))
    hanging = [Loopback(frozen) for _ in range(6)]
    for idp in hanging:
        idp.hanging.add(DISCOVERY)
    spaces = [new_space(served, idp) for idp in hanging]
    company = served.world.administration.create_company("Another").guid
    elsewhere = new_space(served, loopback, company=company)

    def begin(space):
        body = {"appSpaceGuid": space, "redirectUri": APP_RETURN}
        return served.app.test_client().post("/device/login/redirect", json=body)

    with ThreadPoolExecutor(6) as pool:
        try:
            running = [pool.submit(begin, space) for space in spaces[:4]]
            for idp in hanging[:4]:
                assert idp.hangs.acquire(timeout=60)
            refused = [pool.submit(begin, space).result(60) for space in spaces[4:]]
            assert all(map(unavailable, refused))
            assert [idp.requests(DISCOVERY) for idp in hanging] == [1, 1, 1, 1, 0, 0]
            told, secret = came_back(served, loopback, elsewhere)
            assert served.finish(told, secret).status_code == 200
            assert not any(one.done() for one in running)
        finally:
            for idp in hanging:
                idp.close()
    loopback.clock.advance(timedelta(minutes=1))
    served.world.clock.advance(timedelta(minutes=1))
    assert begin(new_space(served, loopback)).status_code == 200, "the slots are free again"


@pytest.mark.parametrize("endpoint", ["jwks_uri", "token_endpoint", "userinfo_endpoint"])
def test_a_providers_metadata_leads_nobody_into_our_own_network(
    new_served, new_space, loopback, endpoint
):
    port = int(loopback.url.rpartition(":")[2])
    narrow = Guard(allow_http=True, allow=("127.0.0.1/32",), ports=frozenset({port}))
    served = new_served(loopback.clock.now(), guard=narrow)
    space = new_space(served, loopback, account_claim="name")
    for place in ("http://169.254.169.254/latest/", f"http://127.0.0.2:{port}/x", "http://[::1]/x"):
        loopback.publish(**{endpoint: place})
        served.world.clock.advance(LONGEST)
        loopback.clock.advance(LONGEST)
        told, secret = came_back(served, loopback, space)
        assert unavailable(served.finish(told, secret))
    assert loopback.requests("/x") == 0
    assert bound_nobody(served, space)


# When it cannot be asked


def test_grace_is_the_policys_and_ends(new_served, new_space, frozen, loopback):
    grace = timedelta(minutes=10)
    served = new_served(frozen.now(), policy=attrs.evolve(STANDARD, revalidation_grace=grace))
    space = new_space(served, loopback)
    loopback.log_in = lambda url, _: Return(
        state=parse_qs(urlsplit(url).query)["state"][0], code="code", issuer=loopback.url
    )
    begun = served.begin(space)
    nonce = parse_qs(urlsplit(begun["url"]).query)["nonce"][0]
    loopback.grant(signed(loopback.claims(nonce=nonce)))
    phone = served.complete(space, loopback, "zoe", begun)
    loopback.says["/token"] = (503, {}, {})
    shop = served.shop(space)
    served.world.clock.advance(STANDARD.revalidation_life)
    guid = shop.ask()
    assert served.answer(phone, guid).json["approved"]
    vouched = [
        event for event in served.world.ports.audit.events if event.event == "identity.revalidate"
    ]
    assert {event.reason for event in vouched} == {"identity_unavailable"}, "each use is recorded"
    guid = shop.ask()
    served.world.clock.advance(grace)
    assert unavailable(served.proven(phone, "GET", "/device/status"))
    assert unavailable(served.answer(phone, guid))


# What is told of logouts


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
    "no signature that holds": (
        lambda idp: unsigned({"alg": "RS256", "kid": "r1"}, logout(idp), "AA"),
        "idp_token_signature",
    ),
    "with a nonce": (lambda idp: signed(logout(idp, nonce="any")), "idp_token_nonce"),
    "expired": (lambda idp: signed(logout(idp, exp=1)), "idp_token_expired"),
    "nobody": (lambda idp: signed(logout(idp, sub=None, sid=None)), "idp_no_logout"),
    "without a name": (lambda idp: signed(logout(idp, jti=None)), "idp_no_logout"),
}


@pytest.mark.parametrize(("forge", "code"), LOGOUTS.values(), ids=LOGOUTS)
def test_a_forged_logout_suspends_nobody(served, new_space, loopback, forge, code):
    space = new_space(served, loopback)
    told, secret = came_back(served, loopback, space)
    assert served.finish(told, secret).status_code == 200
    before = served.world.ports.store.account(space, "zoe")
    reply = served.log_out(space, forge(loopback))
    assert (reply.status_code, reply.json["field"]) == (400, "logout_token")
    assert served.reason() == code
    assert served.world.ports.store.account(space, "zoe") == before
    assert "code" in reply.json
    assert code not in json.dumps(reply.json), "which check it was is not told"


def test_e11_a_thousand_logouts_by_unknown_keys_cost_one_request(served, new_space, loopback):
    space = new_space(served, loopback)
    told, secret = came_back(served, loopback, space)
    served.finish(told, secret)
    asked = loopback.requests("/jwks")
    for number in range(1_000):
        header = {"alg": "RS256", "kid": f"unknown {number}"}
        assert served.log_out(space, unsigned(header, logout(loopback), "AA")).status_code == 400
    assert loopback.requests("/jwks") == asked + 1
    assert served.log_out(space, signed(logout(loopback))).status_code == 204


# The way back


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
def test_a_return_that_is_not_as_it_should_be_leads_nowhere(
    served, new_space, loopback, query, status
):
    space = new_space(served, loopback)
    url = served.begin(space)["url"]
    (state,) = parse_qs(urlsplit(url).query)["state"]
    asked = query.format(state=state, login=state.partition(".")[0])
    reply = served.client.get(f"/device/login/return?{asked}")
    assert reply.status_code == status
    assert "Location" not in reply.headers


def test_nothing_of_a_return_breaks_out_of_the_address(served, new_space, loopback):
    space = new_space(served, loopback)
    (state,) = parse_qs(urlsplit(served.begin(space)["url"]).query)["state"]
    reply = served.client.get(
        f"/device/login/return?state={state}&code=a%0d%0aSet-Cookie:%20x%26secret=y%23z&other=1"
    )
    place = reply.headers["Location"]
    assert place.startswith(f"{APP_RETURN}?")
    assert parse_qs(urlsplit(place).query) == {
        "state": [state],
        "code": ["a\r\nSet-Cookie: x&secret=y#z"],
    }
    assert "Set-Cookie" not in reply.headers


def test_a_return_that_comes_too_late_lets_nobody_in(served, new_space, loopback):
    space = new_space(served, loopback)
    told, secret = came_back(served, loopback, space)
    served.world.clock.advance(served.world.policy.login_life)
    reply = served.finish(told, secret)
    assert served.reason() == "deadline_passed"
    assert "sessionToken" not in reply.json
    late = served.client.get(f"/device/login/return?state={told['state']}&code=x")
    assert "Location" not in late.headers


# Changed while it serves


def test_two_app_spaces_with_two_providers_are_changed_while_it_serves(
    new_served, frozen, loopback
):
    served = new_served(frozen.now(), administration=True)
    admin = served.world.credentials.create_admin("An admin", all_companies=True)
    base = f"/admin/api/companies/{served.world.company.guid}/appSpaces"
    other = Loopback(FrozenClock(frozen.now()))
    try:
        made = {}
        for idp in (loopback, other):
            settings = {
                "issuer": idp.url,
                "clientId": CLIENT,
                "redirectUri": REDIRECT,
                "returns": [APP_RETURN],
            }
            body = {"name": "Staff", "idpType": "oidc", "idp": settings}
            made[idp] = served.administer(admin, "POST", f"{base}/new", body)["appSpaceGuid"]
        for idp, space in made.items():
            told, secret = came_back(served, idp, space)
            assert served.finish(told, secret).status_code == 200

        # The one is to sign otherwise from now on, also for a log-in that has begun.
        told, secret = came_back(served, loopback, made[loopback])
        edit = {"idp": {"algorithms": ["ES256"]}}
        served.administer(admin, "PATCH", f"{base}/{made[loopback]}", edit)
        assert denied(served, served.finish(told, secret), "idp_token_algorithm")
        told, secret = came_back(
            served, loopback, made[loopback], lambda idp: signed(idp.claims(), "ES256")
        )
        assert served.finish(told, secret).status_code == 200
        # The other has another claim, and another client.
        edit = {"idp": {"accountClaim": "number", "clientId": "another"}}
        served.administer(admin, "PATCH", f"{base}/{made[other]}", edit)
        told, secret = came_back(served, other, made[other], number="7")
        assert denied(served, served.finish(told, secret), "idp_token_audience")
        told, secret = came_back(served, other, made[other], number="7", aud="another")
        assert served.finish(told, secret).status_code == 200
        assert served.world.ports.store.account(made[other], "7") is not None
        assert served.world.ports.store.account(made[loopback], "7") is None
    finally:
        other.close()
