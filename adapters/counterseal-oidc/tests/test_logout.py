"""Logout tokens: whom they log out, and which are none."""

import pytest
from oidc_loopback import COMPANY, STRANGER, logout, signed, unsigned

from counterseal_oidc import errors


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT", None, "application/LOGOUT+JWT"])
def test_a_logout_token_is_read(relying, space, loopback, typ):
    word = relying.read_logout(space, signed(logout(loopback), typ=typ), company=COMPANY)
    assert (word.issuer, word.subject, word.session, word.jti) == (loopback.url, "zoe", "s1", "j1")
    assert (word.until - loopback.clock.now()).total_seconds() == 360


@pytest.mark.parametrize("missing", ["sub", "sid"])
def test_a_logout_token_may_name_user_or_session_only(relying, space, loopback, missing):
    word = relying.read_logout(space, signed(logout(loopback, **{missing: None})), company=COMPANY)
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
        relying.read_logout(space, signed(logout(loopback, **changes)), company=COMPANY)
    assert loopback.requests("/jwks") == 0, "and costs no request for keys"


@pytest.mark.parametrize("name", ["sub", "sid", "jti"])
def test_half_a_character_names_nobody(relying, space, loopback, name):
    with pytest.raises(errors.TokenSubject):
        relying.read_logout(
            space,
            unsigned({"alg": "RS256"}, logout(loopback, **{name: "\ud800"}), "AA"),
            company=COMPANY,
        )


@pytest.mark.parametrize("typ", ["at+jwt", "secevent+jwt", "dpop+jwt", 7])
def test_a_token_of_another_kind_is_no_logout_token(relying, space, loopback, typ):
    header = {"alg": "RS256", "kid": "r1", "typ": typ}
    with pytest.raises(errors.TokenType):
        relying.read_logout(space, unsigned(header, logout(loopback), "AA"), company=COMPANY)


def test_an_id_token_logs_nobody_out(relying, space, loopback):
    with pytest.raises(errors.NoLogout):
        relying.read_logout(space, signed(loopback.claims()), company=COMPANY)


def test_anybody_s_logout_token_is_refused(relying, space, loopback):
    with pytest.raises(errors.TokenSignature):
        relying.read_logout(space, signed(logout(loopback), key=STRANGER), company=COMPANY)
