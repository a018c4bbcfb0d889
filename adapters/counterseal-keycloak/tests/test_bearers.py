"""Bearers: what has to hold before anything happens, and everything that does not."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fake_keycloak import SECOND, SUB
from jwt.algorithms import ECAlgorithm

from counterseal.errors import InvalidField
from counterseal_keycloak import callback_of, require_issuer
from counterseal_keycloak.bearers import CALLBACK
from counterseal_web import Request

DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://keycloak.example/realms/shop"},
        {"iss": None},
        {"aud": "account"},
        {"aud": None},
        {"aud": []},
        {"typ": "Refresh"},
        {"typ": "ID"},
        {"typ": None},
        {"exp": 0},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 4_102_444_800},
        {"iat": 4_102_444_800},
        {"nbf": 4_102_444_800},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"azp": None},
        {"azp": ""},
        {"jti": None},
        {"jti": "x" * 256},
    ],
    ids=str,
)
def test_a_bearer_with_another_claim_is_refused(world, keycloak, changes):
    bearer = keycloak.bearer(**{"sub": SUB} | changes)

    assert world.post(bearer) == 401
    assert world.phone.pending() == ()


def test_a_bearer_for_others_too_is_refused(world, keycloak):
    issuer = keycloak.issuer
    assert world.post(keycloak.bearer(sub=SUB, aud=[issuer, "account"])) == 401
    assert world.post(keycloak.bearer(sub=SUB, aud=[issuer])) == 201


def test_a_bearer_expires_without_leeway(world, keycloak):
    bearer = keycloak.bearer(sub=SUB)
    world.core.clock.advance(120 * SECOND)

    assert world.post(bearer) == 401


def test_a_clock_may_be_a_little_ahead(world, keycloak):
    now = int(keycloak.now())

    assert world.post(keycloak.bearer(sub=SUB, iat=now + 31)) == 401
    assert world.post(keycloak.bearer(sub=SUB, iat=now + 30)) == 201


def test_one_that_lives_for_days_is_refused(world, keycloak):
    now = int(keycloak.now())

    assert world.post(keycloak.bearer(sub=SUB, exp=now + DAY + 1)) == 401
    assert world.post(keycloak.bearer(sub=SUB, exp=now + DAY)) == 201


def test_a_bearer_counts_once(world, keycloak):
    bearer = keycloak.bearer(sub=SUB)

    assert world.post(bearer) == 201
    assert world.post(bearer) == 403
    assert len(world.phone.pending()) == 1


def test_a_bearer_counts_once_until_it_expires(world, keycloak):
    bearer = keycloak.bearer(sub=SUB, exp=int(keycloak.now()) + 60)
    assert world.post(bearer) == 201
    world.core.clock.advance(59 * SECOND)

    assert world.post(bearer) == 403
    world.core.clock.advance(SECOND)
    assert world.post(bearer) == 401


def test_a_key_of_somebody_else_is_refused(world, keycloak):
    other_key = rsa.generate_private_key(65537, 2048)

    assert world.post(keycloak.bearer(sub=SUB, key=other_key)) == 401
    assert world.post(keycloak.bearer(sub=SUB, key=other_key, kid="other")) == 401
    assert world.post(keycloak.bearer(sub=SUB, kid=None)) == 401


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "HS256", "none"])
def test_the_keys_algorithm_is_pinned(world, keycloak, algorithm):
    """RS256 is what the registered key says; a public key is no shared secret either."""
    keys = {"HS256": "a-shared-secret-of-32-characters", "none": ""}
    key = keys.get(algorithm)

    assert world.post(keycloak.bearer(sub=SUB, key=key, algorithm=algorithm)) == 401


def test_a_key_for_encryption_verifies_nothing(world, keycloak):
    assert world.post(keycloak.bearer(sub=SUB, kid="encryption")) == 401


def test_an_elliptic_key_of_the_realm_verifies(world, keycloak):
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    jwks = keycloak.jwks()
    jwks["keys"].append(public | {"kid": "es", "use": "sig", "alg": "ES256"})
    world.register(jwks=jwks)

    assert world.post(keycloak.bearer(sub=SUB, key=key, kid="es", algorithm="ES256")) == 201
    assert world.post(keycloak.bearer(sub=SUB)) == 201


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer a.b.c", "Bearer " + "x" * 9_000],
)
def test_a_header_without_a_bearer_is_refused(world, authorization):
    assert world.post("", authorization=authorization) == 401


def test_the_bearer_is_verified_before_the_body_is_read(world, keycloak):
    """A caller without one learns nothing of what a body may be."""
    assert world.post("nobody", ["no object"]) == 401
    assert world.post(keycloak.bearer(sub=SUB), ["no object"]) == 400


@pytest.mark.parametrize(
    "body",
    [
        {"binding_message": 4711},
        {"is_consent_required": "yes"},
        {"scope": 1, "is_consent_required": True},
        {"is_consent_required": True},
        {"counterseal_request": 1},
        {"counterseal_request": ""},
    ],
    ids=str,
)
def test_a_member_that_does_not_fit_is_refused(world, keycloak, body):
    assert world.post(keycloak.bearer(sub=SUB), body) == 400
    assert world.phone.pending() == ()


def test_other_members_are_ignored(world, keycloak):
    assert world.post(keycloak.bearer(sub=SUB), {"acr_values": "2", "another": "x"}) == 201


def test_a_body_of_another_type_or_size_is_refused(world, keycloak):
    text = "text/plain"
    assert world.post(keycloak.bearer(sub=SUB), content_type=text) == 415
    assert world.post(keycloak.bearer(sub=SUB), {"x": "x" * 2_000_000}) == 413


@pytest.mark.parametrize(
    "path",
    [
        "/keycloak//authentication",
        "/keycloak/authentication",
        "/keycloak/a/b/authentication",
        "/keycloak/a/authentication/",
        "/keycloak/a",
        "/other/a/authentication",
    ],
)
def test_another_path_is_not_served(world, path):
    assert not world.channel.serves(path)


def test_an_origin_without_a_realm_is_refused(world, keycloak):
    world.path = "/keycloak/39c5fc6f-ea7a-8a84-9401-df96758b6b17/authentication"

    assert world.channel.serves(world.path)
    assert world.post(keycloak.bearer(sub=SUB)) == 401


def test_another_method_is_refused(world):
    response = world.channel.respond(Request(method="GET", path=world.path))

    assert response.status == 405
    assert ("Allow", "POST") in response.headers


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "keycloak.example/realms/shop",
        "ftp://keycloak.example/realms/shop",
        "https://keycloak.example/",
        "https://keycloak.example/realms/",
        "https://keycloak.example/realms",
        "https://keycloak.example/realms/shop/",
        "https://keycloak.example/realms/shop?x",
        "https://keycloak.example/realms/shop#x",
        "https:///realms/shop",
        "https://[::1/realms/shop",
    ],
)
def test_what_is_no_realm_is_refused(issuer):
    with pytest.raises(InvalidField, match="issuer"):
        require_issuer(issuer)


@pytest.mark.parametrize(
    "issuer", ["https://keycloak.example/realms/shop", "http://127.0.0.1:8080/auth/realms/a"]
)
def test_the_callback_is_below_the_realm(issuer):
    assert callback_of(issuer) == issuer + CALLBACK
