"""Claims and metadata of any shape are accepted, or refused by a class of their own."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st
from test_jose import JSON

from counterseal.errors import IdentityUnavailable
from counterseal.models import IdpSettings
from counterseal_oidc.cache import DEFAULT_FRESH
from counterseal_oidc.claims import LOGOUT_EVENT, account_id, check_id_token, read_logout
from counterseal_oidc.discovery import read_metadata
from counterseal_oidc.errors import Unproven
from counterseal_oidc.jose import Token
from counterseal_oidc.transport import OK, ProviderResponse

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ISSUER = "https://idp.example"
SPACE = IdpSettings(issuer=ISSUER, client_id="c", redirect_uri="https://service.example/")
ID = {"iss": ISSUER, "aud": "c", "sub": "zoe", "iat": SECONDS, "exp": SECONDS + 60, "nonce": "n"}
LOGOUT = {**ID, "jti": "j", "events": {LOGOUT_EVENT: {}}}
LOGOUT.pop("nonce")
NAMES = [*LOGOUT, "nonce", "azp", "nbf", "at_hash", "sid", "typ"]
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "userinfo_endpoint": f"{ISSUER}/me",
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
    "authorization_response_iss_parameter_supported": True,
}


def token(claims, **header):
    return Token(header={"alg": "RS256"} | header, claims=claims, signed=b"", signature=b"")


def accepts(check):
    try:
        check()
    except Unproven:
        return False
    return True


def accepts_id(claims, **header):
    return accepts(
        lambda: check_id_token(
            token(claims, **header), SPACE, NOW, nonce="n", access_token="access"
        )
    )


def accepts_logout(claims, **header):
    return accepts(lambda: read_logout(token(claims, **header), SPACE, NOW))


def test_the_unchanged_claims_are_accepted():
    assert accepts_id(ID)
    assert accepts_logout(LOGOUT)
    assert not accepts_id(LOGOUT)
    assert not accepts_logout(ID)


@given(st.sampled_from(NAMES), JSON)
def test_a_claim_of_any_shape_is_refused_by_its_own_class_or_ignored(name, value):
    for accepts_claims, valid in ((accepts_id, ID), (accepts_logout, LOGOUT)):
        is_accepted = accepts_claims({**valid, name: value})
        if name in {"iss", "aud", "nonce"} and is_accepted:
            assert value in (valid.get(name), ["c"])
        accepts_claims(valid, typ=value)


@example(251_508_844_799, 0)
@given(st.integers(-(10**20), 10**20) | st.floats(), st.integers(-1_000, 1_000))
def test_an_id_token_is_accepted_only_within_its_times(far, near):
    for offset in (far, near):
        issued = accepts_id({**ID, "iat": SECONDS + offset})
        assert issued is (-660 < offset <= 60)
        expires = accepts_id({**ID, "exp": SECONDS + offset})
        # After the year 9999 there is no datetime to compare with.
        assert expires is (-60 < offset < 251_508_844_800)


def test_the_leeway_is_one_minute():
    assert accepts_id({**ID, "iat": SECONDS + 60, "nbf": SECONDS + 60})
    assert not accepts_id({**ID, "iat": SECONDS + 61})
    assert not accepts_id({**ID, "nbf": SECONDS + 61})
    assert accepts_id({**ID, "iat": SECONDS - 659})
    assert not accepts_id({**ID, "iat": SECONDS - 660})
    assert accepts_id({**ID, "exp": SECONDS - 59})
    assert not accepts_id({**ID, "exp": SECONDS - 60})


@given(JSON, JSON, st.sampled_from(["sub", "email", "phone_number", "upn"]))
def test_an_address_is_an_account_id_only_if_it_is_verified(value, verified, claim):
    claims = {claim: value, "email_verified": verified, "phone_number_verified": verified}
    is_accepted = accepts(lambda: account_id(claims, claim))
    if is_accepted:
        assert isinstance(value, str)
        assert value
    if is_accepted and claim in {"email", "phone_number"}:
        assert verified is True


@given(st.sampled_from(sorted(METADATA)), JSON)
def test_metadata_of_any_shape_is_read_or_refused(name, value):
    response = ProviderResponse(
        status=OK, members={**METADATA, name: value}, fresh_for=DEFAULT_FRESH
    )
    try:
        assert read_metadata(response, ISSUER).issuer == ISSUER
    except IdentityUnavailable:
        assert name not in {"userinfo_endpoint", "authorization_response_iss_parameter_supported"}
