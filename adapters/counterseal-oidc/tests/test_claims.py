"""Claims and metadata of any shape: refused by name, and nothing else happens."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st
from test_jose import JSON

from counterseal.errors import IdentityUnavailable
from counterseal.models import IdpSettings
from counterseal_oidc.asking import OK, USUAL, Answer
from counterseal_oidc.claims import LOGOUT_EVENT, account_id, check_id_token, read_logout
from counterseal_oidc.discovery import read_metadata
from counterseal_oidc.errors import Unproven
from counterseal_oidc.jose import Token

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


def test_what_is_spoilt_below_is_good():
    assert accepts_id(ID)
    assert accepts_logout(LOGOUT)
    assert not accepts_id(LOGOUT)
    assert not accepts_logout(ID)


@given(st.sampled_from(NAMES), JSON)
def test_any_claim_of_any_shape_is_refused_by_name_or_does_not_matter(name, value):
    for accepting, good in ((accepts_id, ID), (accepts_logout, LOGOUT)):
        taken = accepting({**good, name: value})
        if name in {"iss", "aud", "nonce"} and taken:
            assert value in (good.get(name), ["c"])
        accepting(good, typ=value)


@example(251_508_844_799, 0)
@given(st.integers(-(10**20), 10**20) | st.floats(), st.integers(-1_000, 1_000))
def test_an_id_token_is_taken_only_within_its_times(far, near):
    for offset in (far, near):
        issued = accepts_id({**ID, "iat": SECONDS + offset})
        assert issued is (-660 < offset <= 60)
        ends = accepts_id({**ID, "exp": SECONDS + offset})
        # Beyond the year 9999 there is no time to compare with.
        assert ends is (-60 < offset < 251_508_844_800)


def test_a_minute_s_leeway_and_no_more():
    assert accepts_id({**ID, "iat": SECONDS + 60, "nbf": SECONDS + 60})
    assert not accepts_id({**ID, "iat": SECONDS + 61})
    assert not accepts_id({**ID, "nbf": SECONDS + 61})
    assert accepts_id({**ID, "iat": SECONDS - 659})
    assert not accepts_id({**ID, "iat": SECONDS - 660})
    assert accepts_id({**ID, "exp": SECONDS - 59})
    assert not accepts_id({**ID, "exp": SECONDS - 60})


@given(JSON, JSON, st.sampled_from(["sub", "email", "phone_number", "upn"]))
def test_an_address_is_an_account_id_only_if_it_is_verified(value, proof, claim):
    claims = {claim: value, "email_verified": proof, "phone_number_verified": proof}
    taken = accepts(lambda: account_id(claims, claim))
    if taken:
        assert isinstance(value, str)
        assert value
    if taken and claim in {"email", "phone_number"}:
        assert proof is True


@given(st.sampled_from(sorted(METADATA)), JSON)
def test_metadata_of_any_shape_is_read_or_refused(name, value):
    answer = Answer(status=OK, members={**METADATA, name: value}, fresh_for=USUAL)
    try:
        assert read_metadata(answer, ISSUER).issuer == ISSUER
    except IdentityUnavailable:
        assert name not in {"userinfo_endpoint", "authorization_response_iss_parameter_supported"}
