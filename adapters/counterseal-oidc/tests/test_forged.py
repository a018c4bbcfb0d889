"""Forged tokens: each kind is refused with its own code and the one public code."""

import hashlib
import hmac
import logging
from datetime import timedelta

import attrs
import pytest
from joserfc.jwk import ECKey
from oidc_loopback import COMPANY, KEYS, NONCE, OTHER_KEY, exchange, rsa, signed, unsigned

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal_oidc import errors
from counterseal_oidc.jose import b64url

SHORT = b64url(b"\xc1" + bytes(126) + b"\x01")
"""A modulus of 1,024 bits."""


def hmac_by_public_key(idp):
    """Sign by HS256 with the provider's public key, as PEM, as the secret (RFC 8725, 2.1)."""
    secret = KEYS["RS256"].as_pem(private=False)
    signed_part = unsigned({"alg": "HS256", "kid": "r1"}, idp.claims()).rpartition(".")[0]
    return f"{signed_part}.{b64url(hmac.digest(secret, signed_part.encode(), 'sha256'))}"


def with_own_key(idp):
    """Return a token with the key that signed it in its header."""
    own = rsa("own")
    return signed(idp.claims(), key=own, jwk=own.as_dict(private=False))


def claims_at(idp, **seconds):
    """Return claims whose times are this many seconds from now."""
    now = int(idp.clock.now().timestamp())
    return idp.claims(**{name: now + value for name, value in seconds.items()})


FORGED = {
    "alg none": (lambda idp: unsigned({"alg": "none"}, idp.claims(), "AA"), errors.TokenAlgorithm),
    "alg none, no signature": (
        lambda idp: unsigned({"alg": "none"}, idp.claims()),
        errors.TokenMalformed,
    ),
    "alg None": (lambda idp: unsigned({"alg": "NoNe"}, idp.claims(), "AA"), errors.TokenAlgorithm),
    "no alg": (lambda idp: unsigned({}, idp.claims(), "AA"), errors.TokenAlgorithm),
    "HS256 by the public key": (hmac_by_public_key, errors.TokenAlgorithm),
    "an algorithm that is not the settings'": (
        lambda idp: signed(idp.claims(), "ES256"),
        errors.TokenAlgorithm,
    ),
    "another key with the same kid": (
        lambda idp: signed(idp.claims(), key=OTHER_KEY),
        errors.TokenSignature,
    ),
    "a kid that no key has": (
        lambda idp: signed(idp.claims(), kid="unknown"),
        errors.TokenKeyUnknown,
    ),
    "a key in its header": (with_own_key, errors.TokenKeyUnknown),
    "a URL of its key": (
        lambda idp: signed(idp.claims(), key=rsa("own"), jku=f"{idp.url}/own"),
        errors.TokenKeyUnknown,
    ),
    "a critical extension": (
        lambda idp: unsigned(
            {"alg": "RS256", "crit": ["x"], "x": 1, "kid": "r1"}, idp.claims(), "AA"
        ),
        errors.TokenAlgorithm,
    ),
    "a bit of the signature": (
        lambda idp: signed(idp.claims())[:-8] + "AAAAAA" + signed(idp.claims())[-2:],
        errors.TokenSignature,
    ),
    "claims that were changed": (
        lambda idp: ".".join(
            (
                signed(idp.claims()).split(".")[0],
                signed(idp.claims(sub="adam")).split(".")[1],
                signed(idp.claims()).split(".")[2],
            )
        ),
        errors.TokenSignature,
    ),
    "padding": (lambda idp: signed(idp.claims()) + "=", errors.TokenMalformed),
    "a fourth part": (lambda idp: signed(idp.claims()) + ".AA", errors.TokenMalformed),
    "words": (lambda idp: "not a token", errors.TokenMalformed),
    "very much": (lambda idp: "A" * 20_000, errors.TokenMalformed),
    "a member twice": (
        lambda idp: ".".join((b64url(b'{"alg":"RS256"}'), b64url(b'{"iss":"a","iss":"b"}'), "AA")),
        errors.TokenMalformed,
    ),
    "an access token": (lambda idp: signed(idp.claims(), typ="at+jwt"), errors.TokenType),
    "a logout token": (lambda idp: signed(idp.claims(), typ="logout+jwt"), errors.TokenType),
    "a logout token that does not say so": (
        lambda idp: signed(idp.claims(events={})),
        errors.TokenType,
    ),
    "another issuer": (
        lambda idp: signed(idp.claims(iss="https://other.example")),
        errors.TokenIssuer,
    ),
    "an issuer with a slash": (
        lambda idp: signed(idp.claims(iss=idp.url + "/")),
        errors.TokenIssuer,
    ),
    "no issuer": (lambda idp: signed(idp.claims(iss=None)), errors.TokenIssuer),
    "another audience": (lambda idp: signed(idp.claims(aud="other")), errors.TokenAudience),
    "no audience": (lambda idp: signed(idp.claims(aud=None)), errors.TokenAudience),
    "an audience inside a text": (
        lambda idp: signed(idp.claims(aud="counterseal other")),
        errors.TokenAudience,
    ),
    "several audiences, issued to nobody": (
        lambda idp: signed(idp.claims(aud=["counterseal", "other"])),
        errors.TokenAudience,
    ),
    "several audiences, issued to another": (
        lambda idp: signed(idp.claims(aud=["counterseal", "other"], azp="other")),
        errors.TokenAudience,
    ),
    "for another, issued to us": (
        lambda idp: signed(idp.claims(aud="other", azp="counterseal")),
        errors.TokenAudience,
    ),
    "for others, issued to us": (
        lambda idp: signed(idp.claims(aud=["other", "another"], azp="counterseal")),
        errors.TokenAudience,
    ),
    "issued to another": (lambda idp: signed(idp.claims(azp="other")), errors.TokenAudience),
    "expired": (lambda idp: signed(claims_at(idp, iat=-400, exp=-61)), errors.TokenExpired),
    "expired this second": (
        lambda idp: signed(claims_at(idp, iat=-400, exp=-60)),
        errors.TokenExpired,
    ),
    "no end": (lambda idp: signed(idp.claims(exp=None)), errors.TokenTimes),
    "an end in words": (lambda idp: signed(idp.claims(exp="never")), errors.TokenTimes),
    "an end beyond time": (lambda idp: signed(idp.claims(exp=10**40)), errors.TokenTimes),
    "from the future": (lambda idp: signed(claims_at(idp, iat=61, exp=400)), errors.TokenTimes),
    "issued long ago": (lambda idp: signed(claims_at(idp, iat=-661, exp=400)), errors.TokenTimes),
    "not issued": (lambda idp: signed(idp.claims(iat=None)), errors.TokenTimes),
    "not yet": (lambda idp: signed(claims_at(idp, nbf=61)), errors.TokenTimes),
    "another nonce": (lambda idp: signed(idp.claims(nonce="another")), errors.TokenNonce),
    "no nonce": (lambda idp: signed(idp.claims(nonce=None)), errors.TokenNonce),
    "a nonce that is no text": (lambda idp: signed(idp.claims(nonce=[NONCE])), errors.TokenNonce),
    "another access token's": (
        lambda idp: signed(idp.claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA")),
        errors.TokenHash,
    ),
    "no subject": (lambda idp: signed(idp.claims(sub=None)), errors.TokenSubject),
    "an empty subject": (lambda idp: signed(idp.claims(sub="")), errors.TokenSubject),
    "a subject of half a character": (
        lambda idp: unsigned({"alg": "RS256"}, idp.claims(sub="\udfff"), "AA"),
        errors.TokenSubject,
    ),
    "a subject that is a number": (lambda idp: signed(idp.claims(sub=7)), errors.TokenSubject),
}


@pytest.mark.parametrize("case", FORGED.values(), ids=FORGED)
def test_e10_s38_a_forged_token_is_refused_by_its_own_code(
    relying_party, space, loopback, caplog, case
):
    forge, refusal = case
    loopback.grant(forge(loopback))
    with caplog.at_level(logging.INFO, "counterseal_oidc"), pytest.raises(refusal) as error:
        exchange(relying_party, space)

    assert type(error.value) is refusal
    assert error.value.public_code == "denied"
    assert refusal.code in caplog.text, "the log has the code"
    assert isinstance(error.value, IdentityWithdrawn)


@pytest.mark.parametrize(("forge", "refusal"), FORGED.values(), ids=FORGED)
def test_e12_a_forged_token_of_a_refresh_is_unavailable(
    relying_party, space, loopback, forge, refusal
):
    loopback.grant(signed(loopback.claims()))
    identity = exchange(relying_party, space)
    loopback.grant(forge(loopback), refresh_token="refresh-2")
    if refusal is errors.TokenNonce:
        # The ID token of a refresh needs no nonce (OpenID Connect Core, 12.2).
        assert relying_party.revalidate(space, identity, company=COMPANY).subject == "zoe"
        return
    with pytest.raises(IdentityUnavailable):
        relying_party.revalidate(space, identity, company=COMPANY)


def test_a_nonce_of_half_a_surrogate_pair_is_refused(relying_party, space, loopback):
    loopback.grant(unsigned({"alg": "RS256"}, loopback.claims(nonce="\ud800"), "AA"))
    with pytest.raises(errors.TokenNonce):
        exchange(relying_party, space)


def test_each_class_has_its_own_code_and_the_same_public_code():
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    unproven = [kind for kind in classes if issubclass(kind, errors.Unproven)]
    assert len({kind.code for kind in unproven}) == len(unproven) > 15
    assert {kind.public_code for kind in unproven} == {"denied"}
    assert all(kind.code.startswith("idp_") for kind in unproven)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_valid_token_of_each_algorithm_is_accepted(relying_party, space, loopback, algorithm):
    settings = attrs.evolve(space, algorithms=(algorithm,))
    digest = {"Ed25519": hashlib.sha512}.get(algorithm, hashlib.sha256)(b"access").digest()
    claims = loopback.claims(at_hash=b64url(digest[: len(digest) // 2]), sid="a session")
    loopback.grant(signed(claims, algorithm))
    identity = exchange(relying_party, settings)
    assert (identity.subject, identity.session) == ("zoe", "a session")


def test_a_token_without_kid_needs_exactly_one_fitting_key(relying_party, space, loopback):
    loopback.grant(signed(loopback.claims(), kid=None))
    assert exchange(relying_party, space).subject == "zoe"
    loopback.clock.advance(timedelta(hours=2))
    loopback.keys(KEYS["RS256"], OTHER_KEY)
    loopback.grant(signed(loopback.claims(), kid=None))
    with pytest.raises(errors.TokenKeyUnknown):
        exchange(relying_party, space)


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "RSA", "kid": "r1", "e": "AQAB", "n": SHORT},
        KEYS["RS256"].as_dict(private=False) | {"use": "enc"},
        KEYS["RS256"].as_dict(private=False) | {"key_ops": ["encrypt"]},
        KEYS["RS256"].as_dict(private=False) | {"alg": "PS256"},
        KEYS["RS256"].as_dict(private=True),
        ECKey.generate_key("P-256", {"kid": "r1"}).as_dict(private=False),
        {"kty": "RSA", "kid": "r1", "n": "AQAB", "e": "AQAB"},
        {"kty": "oct", "kid": "r1", "k": "AAAA"},
        {"kty": "RSA", "kid": ["r1"]},
        {},
        None,
    ],
    ids=[
        "short",
        "for encryption",
        "for encrypting only",
        "of another algorithm",
        "private",
        "of another kind",
        "tiny",
        "a shared secret",
        "with a kid that is a list",
        "empty",
        "none",
    ],
)
def test_an_unusable_key_verifies_nothing(relying_party, space, loopback, key):
    loopback.keys(key or {})
    loopback.grant(signed(loopback.claims()))
    with pytest.raises(errors.TokenKeyUnknown):
        exchange(relying_party, space)


@pytest.mark.parametrize("issuer", ["https://other.example", "", None])
def test_a_response_of_another_issuer_is_refused_before_anything_is_sent(
    relying_party, space, loopback, issuer
):
    with pytest.raises(errors.ResponseIssuer):
        exchange(relying_party, space, issuer=issuer)
    assert loopback.requests("/token") == 0


def test_a_provider_that_never_sends_its_issuer_need_not(relying_party, space, loopback):
    loopback.publish(authorization_response_iss_parameter_supported=None)
    loopback.grant(signed(loopback.claims()))
    assert exchange(relying_party, space, issuer=None).subject == "zoe"
    with pytest.raises(errors.ResponseIssuer):
        exchange(relying_party, space, issuer="https://other.example")


def test_a_response_without_an_id_token_is_refused(relying_party, space, loopback):
    loopback.grant(None)
    with pytest.raises(errors.TokenMissing):
        exchange(relying_party, space)
