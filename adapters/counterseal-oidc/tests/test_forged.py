"""Tokens that prove nothing: each way is refused, by its own code, with one outward word."""

import hashlib
import hmac
import json
import logging
from datetime import timedelta

import attrs
import pytest
from joserfc.jwk import ECKey
from oidc_loopback import KEYS, NONCE, STRANGER, rsa, signed

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal_oidc import errors
from counterseal_oidc.grants import Grant
from counterseal_oidc.jose import b64url

VERIFIER = "v" * 43
SHORT = b64url(b"\xc1" + bytes(126) + b"\x01")
"""A modulus of 1,024 bits."""


def exchange(relying, space, **more):
    asked = {"code": "code", "nonce": NONCE, "verifier": VERIFIER, "issuer": space.issuer}
    return relying.exchange(space, **(asked | more))


def unsigned(header, claims, signature=""):
    head, body = (b64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{head}.{body}.{signature}"


def hmac_by_public_key(idp):
    """Sign by HS256 with the provider's public key, as PEM, for a secret (RFC 8725, 2.1)."""
    secret = KEYS["RS256"].as_pem(private=False)
    signed_part = unsigned({"alg": "HS256", "kid": "r1"}, idp.claims()).rpartition(".")[0]
    return f"{signed_part}.{b64url(hmac.digest(secret, signed_part.encode(), 'sha256'))}"


def with_own_key(idp):
    """Carry the key that it is signed with."""
    own = rsa("own")
    return signed(idp.claims(), key=own, jwk=own.as_dict(private=False))


def at(idp, **seconds):
    """Return claims whose times are so many seconds from now."""
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
    "another's key by the same name": (
        lambda idp: signed(idp.claims(), key=STRANGER),
        errors.TokenSignature,
    ),
    "a name that no key has": (
        lambda idp: signed(idp.claims(), kid="unknown"),
        errors.TokenKeyUnknown,
    ),
    "a key that it brings itself": (with_own_key, errors.TokenKeyUnknown),
    "a place where its key lies": (
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
    "issued to another": (lambda idp: signed(idp.claims(azp="other")), errors.TokenAudience),
    "expired": (lambda idp: signed(at(idp, iat=-400, exp=-61)), errors.TokenExpired),
    "expired this second": (lambda idp: signed(at(idp, iat=-400, exp=-60)), errors.TokenExpired),
    "no end": (lambda idp: signed(idp.claims(exp=None)), errors.TokenTimes),
    "an end in words": (lambda idp: signed(idp.claims(exp="never")), errors.TokenTimes),
    "an end beyond time": (lambda idp: signed(idp.claims(exp=10**40)), errors.TokenTimes),
    "from the future": (lambda idp: signed(at(idp, iat=61, exp=400)), errors.TokenTimes),
    "issued long ago": (lambda idp: signed(at(idp, iat=-661, exp=400)), errors.TokenTimes),
    "not issued": (lambda idp: signed(idp.claims(iat=None)), errors.TokenTimes),
    "not yet": (lambda idp: signed(at(idp, nbf=61)), errors.TokenTimes),
    "another nonce": (lambda idp: signed(idp.claims(nonce="another")), errors.TokenNonce),
    "no nonce": (lambda idp: signed(idp.claims(nonce=None)), errors.TokenNonce),
    "a nonce that is no text": (lambda idp: signed(idp.claims(nonce=[NONCE])), errors.TokenNonce),
    "another access token's": (
        lambda idp: signed(idp.claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA")),
        errors.TokenHash,
    ),
    "no subject": (lambda idp: signed(idp.claims(sub=None)), errors.TokenSubject),
    "an empty subject": (lambda idp: signed(idp.claims(sub="")), errors.TokenSubject),
    "a subject that is a number": (lambda idp: signed(idp.claims(sub=7)), errors.TokenSubject),
}


@pytest.mark.parametrize("case", FORGED.values(), ids=FORGED)
def test_e10_s38_a_forged_token_is_refused_by_its_own_code(relying, space, loopback, caplog, case):
    forge, refusal = case
    loopback.grant(forge(loopback))
    with caplog.at_level(logging.INFO, "counterseal_oidc"), pytest.raises(refusal) as refused:
        exchange(relying, space)

    assert type(refused.value) is refusal
    assert refused.value.outward == "denied"
    assert refusal.code in caplog.text, "the log says which it was"
    assert isinstance(refused.value, IdentityWithdrawn)


@pytest.mark.parametrize(("forge", "refusal"), FORGED.values(), ids=FORGED)
def test_e12_a_refreshed_token_that_is_forged_vouches_for_nobody(
    relying, space, loopback, forge, refusal
):
    loopback.grant(signed(loopback.claims()))
    found = exchange(relying, space)
    loopback.grant(forge(loopback), refresh_token="refresh-2")
    if refusal is errors.TokenNonce:
        # A refreshed token needs none (OpenID Connect Core, 12.2).
        assert relying.still_vouches(space, found).subject == "zoe"
        return
    with pytest.raises(IdentityUnavailable):
        relying.still_vouches(space, found)


def test_codes_are_one_each_and_the_outward_word_is_one():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    unproven = [kind for kind in kinds if issubclass(kind, errors.Unproven)]
    assert len({kind.code for kind in unproven}) == len(unproven) > 15
    assert {kind.outward for kind in unproven} == {"denied"}
    assert all(kind.code.startswith("idp_") for kind in unproven)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_good_token_is_taken_in_each_algorithm(relying, space, loopback, algorithm):
    settings = attrs.evolve(space, algorithms=(algorithm,))
    digest = {"Ed25519": hashlib.sha512}.get(algorithm, hashlib.sha256)(b"access").digest()
    claims = loopback.claims(at_hash=b64url(digest[: len(digest) // 2]), sid="a session")
    loopback.grant(signed(claims, algorithm))
    found = exchange(relying, settings)
    assert (found.subject, found.session) == ("zoe", "a session")


def test_a_token_without_a_key_s_name_needs_the_only_key_that_fits(relying, space, loopback):
    loopback.grant(signed(loopback.claims(), kid=None))
    assert exchange(relying, space).subject == "zoe"
    loopback.clock.advance(timedelta(hours=2))
    loopback.keys(KEYS["RS256"], STRANGER)
    loopback.grant(signed(loopback.claims(), kid=None))
    with pytest.raises(errors.TokenKeyUnknown):
        exchange(relying, space)


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
    ids=str,
)
def test_a_key_that_is_no_good_verifies_nothing(relying, space, loopback, key):
    loopback.keys(key or {})
    loopback.grant(signed(loopback.claims()))
    with pytest.raises(errors.TokenKeyUnknown):
        exchange(relying, space)


@pytest.mark.parametrize("issuer", ["https://other.example", "", None])
def test_a_response_of_another_issuer_is_refused_before_anything_is_sent(
    relying, space, loopback, issuer
):
    with pytest.raises(errors.MixedUp):
        exchange(relying, space, issuer=issuer)
    assert loopback.requests("/token") == 0


def test_a_provider_that_never_names_itself_need_not(relying, space, loopback):
    loopback.publish(authorization_response_iss_parameter_supported=None)
    loopback.grant(signed(loopback.claims()))
    assert exchange(relying, space, issuer=None).subject == "zoe"
    with pytest.raises(errors.MixedUp):
        exchange(relying, space, issuer="https://other.example")


def test_an_answer_without_an_id_token_is_refused(relying, space, loopback):
    loopback.grant(None)
    with pytest.raises(errors.TokenMissing):
        exchange(relying, space)


# UserInfo, and the claim that becomes the account id


@pytest.mark.parametrize("subject", ["adam", None, "", 7])
def test_user_info_of_another_subject_is_refused(relying, space, loopback, subject):
    loopback.grant(signed(loopback.claims()))
    loopback.says["/me"] = (200, {"sub": subject, "name": "z"}, {})
    with pytest.raises(errors.UserInfoSubject):
        exchange(relying, attrs.evolve(space, account_claim="name"))


@pytest.mark.parametrize(
    "case",
    [
        ("email", {"email": "zoe@idp.example"}, errors.ClaimUnverified),
        ("email", {"email": "zoe@idp.example", "email_verified": False}, errors.ClaimUnverified),
        ("email", {"email": "zoe@idp.example", "email_verified": "true"}, errors.ClaimUnverified),
        ("email", {"email": "zoe@idp.example", "email_verified": 1}, errors.ClaimUnverified),
        ("phone_number", {"phone_number": "+1 555 0100"}, errors.ClaimUnverified),
        ("upn", {"upn": "zoe@idp.example"}, errors.ClaimUnverified),
        (
            "upn",
            {"upn": "zoe@idp.example", "email": "other@idp.example", "email_verified": True},
            errors.ClaimUnverified,
        ),
        ("oid", {"oid": 7}, errors.ClaimMissing),
        ("oid", {"oid": ""}, errors.ClaimMissing),
        ("oid", {"oid": ["a"]}, errors.ClaimMissing),
        ("oid", {}, errors.ClaimMissing),
    ],
)
def test_a_claim_that_proves_nothing_is_no_account_id(relying, space, loopback, case):
    claim, claims, refusal = case
    loopback.grant(signed(loopback.claims(**claims)))
    loopback.says["/me"] = (200, {"sub": "zoe"} | claims, {})
    with pytest.raises(refusal):
        exchange(relying, attrs.evolve(space, account_claim=claim))


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("email", {"email": "zoe@idp.example", "email_verified": True}),
        (
            "upn",
            {"upn": "zoe@idp.example", "email": "zoe@idp.example", "email_verified": True},
        ),
        ("oid", {"oid": "0f-1"}),
    ],
)
def test_a_claim_that_proves_something_is_the_account_id(relying, space, loopback, claim, claims):
    loopback.grant(signed(loopback.claims(**claims)))
    found = exchange(relying, attrs.evolve(space, account_claim=claim))
    assert (found.subject, found.account_id) == ("zoe", claims[claim])
    assert loopback.requests("/me") == 0


# Vouching


def test_a_refresh_that_brings_another_user_is_refused(relying, space, loopback):
    loopback.grant(signed(loopback.claims()))
    found = exchange(relying, space)
    loopback.grant(signed(loopback.claims(sub="adam")))
    with pytest.raises(errors.TokenSubject):
        relying.still_vouches(space, found)


@pytest.mark.parametrize(
    "case",
    [
        (400, "invalid_grant", IdentityWithdrawn),
        # Ours to set right, and no word on the user, who is not vouched for either.
        (401, "invalid_client", IdentityUnavailable),
        (400, "unauthorized_client", IdentityUnavailable),
        (400, "canary", IdentityUnavailable),
        (500, "invalid_grant", IdentityUnavailable),
        (429, "", IdentityUnavailable),
        (302, "", IdentityUnavailable),
        (404, "", IdentityUnavailable),
    ],
)
def test_what_a_refused_refresh_means(relying, space, loopback, caplog, case):
    status, error, outcome = case
    loopback.grant(signed(loopback.claims()))
    found = exchange(relying, space)
    loopback.says["/token"] = (status, {"error": error, "error_description": "canary"}, {})
    with caplog.at_level(logging.DEBUG), pytest.raises(outcome) as raised:
        relying.still_vouches(space, found)
    assert "canary" not in caplog.text + str(raised.value)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, {"active": False}, {}), IdentityWithdrawn),
        ((200, {"active": True, "sub": "adam"}, {}), errors.TokenSubject),
        ((200, {"active": "true"}, {}), IdentityUnavailable),
        ((200, {}, {}), IdentityUnavailable),
        ((401, {}, {}), IdentityUnavailable),
        ((200, b"active", {}), IdentityUnavailable),
    ],
    ids=str,
)
def test_what_introspection_says(relying, space, loopback, answer, outcome):
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    found = exchange(relying, space)
    loopback.says["/introspect"] = answer
    with pytest.raises(outcome):
        relying.still_vouches(space, found)
    loopback.says["/introspect"] = (200, {"active": True}, {})
    assert relying.still_vouches(space, found) == found


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((401, {}, {}), IdentityWithdrawn),
        ((403, {}, {}), IdentityWithdrawn),
        ((200, {"sub": "adam"}, {}), errors.UserInfoSubject),
        ((200, b"a.jwt.here", {}), IdentityUnavailable),
        ((503, {}, {}), IdentityUnavailable),
    ],
    ids=str,
)
def test_what_user_info_says_where_there_is_nothing_else(relying, space, loopback, answer, outcome):
    loopback.publish(introspection_endpoint=None)
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    found = exchange(relying, space)
    loopback.says["/me"] = answer
    with pytest.raises(outcome):
        relying.still_vouches(space, found)
    loopback.says["/me"] = (200, {"sub": "zoe"}, {})
    assert relying.still_vouches(space, found) == found


def test_where_there_is_no_way_to_ask_nobody_is_vouched_for(relying, space, loopback):
    loopback.publish(introspection_endpoint=None, userinfo_endpoint=None)
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    found = exchange(relying, space)
    with pytest.raises(IdentityWithdrawn):
        relying.still_vouches(space, found)


@pytest.mark.parametrize(
    "grant", [b"", b"{}", b"[]", b"\xff", b'{"refresh_token":7}', b'{"x":"y"}']
)
def test_a_grant_that_is_none_vouches_for_nobody(relying, space, loopback, grant):
    loopback.grant(signed(loopback.claims()))
    found = attrs.evolve(exchange(relying, space), grant=grant)
    with pytest.raises(IdentityWithdrawn):
        relying.still_vouches(space, found)
    relying.let_go(space, found)
    assert loopback.requests("/revoke") == 0


def test_no_secret_is_in_a_repr(relying, space, loopback):
    loopback.grant(signed(loopback.claims()))
    assert "refresh-1" not in repr(exchange(relying, space))
    assert "canary" not in repr(Grant(refresh_token="canary", access_token="canary"))


# Logout tokens


def logout(idp, **changes):
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return idp.claims(**({"nonce": None, "events": event, "jti": "j1", "sid": "s1"} | changes))


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT", None, "application/LOGOUT+JWT"])
def test_a_logout_token_is_read(relying, space, loopback, typ):
    word = relying.logged_out(space, signed(logout(loopback), typ=typ))
    assert (word.issuer, word.subject, word.session, word.jti) == (loopback.url, "zoe", "s1", "j1")
    assert (word.until - loopback.clock.now()).total_seconds() == 360


@pytest.mark.parametrize("missing", ["sub", "sid"])
def test_a_logout_token_may_name_user_or_session_only(relying, space, loopback, missing):
    word = relying.logged_out(space, signed(logout(loopback, **{missing: None})))
    assert (word.subject, word.session) == (("", "s1") if missing == "sub" else ("zoe", ""))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"events": None}, errors.NoLogout),
        ({"events": {}}, errors.NoLogout),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, errors.NoLogout),
        ({"events": ["http://schemas.openid.net/event/backchannel-logout"]}, errors.NoLogout),
        ({"jti": None}, errors.NoLogout),
        ({"sub": None, "sid": None}, errors.NoLogout),
        ({"nonce": "any"}, errors.TokenNonce),
        ({"iss": "https://other.example"}, errors.TokenIssuer),
        ({"aud": "other"}, errors.TokenAudience),
        ({"exp": None}, errors.TokenTimes),
        ({"exp": 1}, errors.TokenExpired),
        ({"iat": 1}, errors.TokenTimes),
        ({"sub": 7}, errors.TokenSubject),
        ({"sid": "s" * 1_025}, errors.TokenSubject),
    ],
    ids=str,
)
def test_what_is_no_logout_token_is_refused(relying, space, loopback, changes, refusal):
    with pytest.raises(refusal):
        relying.logged_out(space, signed(logout(loopback, **changes)))
    assert loopback.requests("/jwks") == 0, "and costs no request for keys"


@pytest.mark.parametrize("typ", ["at+jwt", "secevent+jwt", "dpop+jwt", 7])
def test_a_token_of_another_kind_is_no_logout_token(relying, space, loopback, typ):
    header = {"alg": "RS256", "kid": "r1", "typ": typ}
    with pytest.raises(errors.TokenType):
        relying.logged_out(space, unsigned(header, logout(loopback), "AA"))


def test_an_id_token_logs_nobody_out(relying, space, loopback):
    with pytest.raises(errors.NoLogout):
        relying.logged_out(space, signed(loopback.claims()))


def test_anybody_s_logout_token_is_refused(relying, space, loopback):
    with pytest.raises(errors.TokenSignature):
        relying.logged_out(space, signed(logout(loopback), key=STRANGER))
