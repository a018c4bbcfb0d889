"""Logout tokens: which user they log out, and which are refused."""

import pytest
from oidc_loopback import COMPANY, OTHER_KEY, logout, signed, unsigned

from counterseal_oidc import errors


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT", None, "application/LOGOUT+JWT"])
def test_a_logout_token_is_read(relying_party, space, loopback, typ):
    logout_token = relying_party.read_logout(
        space, signed(logout(loopback), typ=typ), company=COMPANY
    )
    assert (logout_token.issuer, logout_token.subject, logout_token.session, logout_token.jti) == (
        loopback.url,
        "zoe",
        "s1",
        "j1",
    )
    assert (logout_token.until - loopback.clock.now()).total_seconds() == 360


@pytest.mark.parametrize("missing", ["sub", "sid"])
def test_a_logout_token_may_name_user_or_session_only(relying_party, space, loopback, missing):
    logout_token = relying_party.read_logout(
        space, signed(logout(loopback, **{missing: None})), company=COMPANY
    )
    assert (logout_token.subject, logout_token.session) == (
        ("", "s1") if missing == "sub" else ("zoe", "")
    )


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"events": None}, errors.LogoutTokenInvalid),
        ({"events": {}}, errors.LogoutTokenInvalid),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, errors.LogoutTokenInvalid),
        (
            {"events": ["http://schemas.openid.net/event/backchannel-logout"]},
            errors.LogoutTokenInvalid,
        ),
        ({"jti": None}, errors.LogoutTokenInvalid),
        ({"sub": None, "sid": None}, errors.LogoutTokenInvalid),
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
def test_an_invalid_logout_token_is_refused_without_a_request_for_keys(
    relying_party, space, loopback, changes, refusal
):
    with pytest.raises(refusal):
        relying_party.read_logout(space, signed(logout(loopback, **changes)), company=COMPANY)
    assert loopback.requests("/jwks") == 0


@pytest.mark.parametrize("name", ["sub", "sid", "jti"])
def test_half_a_surrogate_pair_is_refused(relying_party, space, loopback, name):
    with pytest.raises(errors.TokenSubject):
        relying_party.read_logout(
            space,
            unsigned({"alg": "RS256"}, logout(loopback, **{name: "\ud800"}), "AA"),
            company=COMPANY,
        )


@pytest.mark.parametrize("typ", ["at+jwt", "secevent+jwt", "dpop+jwt", 7])
def test_a_token_of_another_type_is_refused(relying_party, space, loopback, typ):
    header = {"alg": "RS256", "kid": "r1", "typ": typ}
    with pytest.raises(errors.TokenType):
        relying_party.read_logout(space, unsigned(header, logout(loopback), "AA"), company=COMPANY)


def test_an_id_token_is_refused(relying_party, space, loopback):
    with pytest.raises(errors.LogoutTokenInvalid):
        relying_party.read_logout(space, signed(loopback.claims()), company=COMPANY)


def test_a_logout_token_by_another_key_is_refused(relying_party, space, loopback):
    with pytest.raises(errors.TokenSignature):
        relying_party.read_logout(space, signed(logout(loopback), key=OTHER_KEY), company=COMPANY)
