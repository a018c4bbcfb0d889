"""Flows at a real provider: log in, revalidate, withdraw, change keys, be down."""

import json

import attrs
import httpx2
import pytest
from joserfc.jwk import RSAKey
from oidc_loopback import COMPANY
from oidc_real import LoginError, running

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import ClientAuth
from counterseal_oidc.errors import ClaimUnverified, CodeRefused, ResponseIssuer, TokenNonce
from counterseal_oidc.grants import decode_grant

STATE, NONCE, VERIFIER = "a state", "a nonce", "v" * 43


@pytest.fixture(autouse=True)
def _restore_provider(real):
    yield
    real.control(enable="zoe", down=False)


def url_of(adapter, settings):
    return adapter.authorization_url(
        settings, state=STATE, nonce=NONCE, verifier=VERIFIER, company=COMPANY
    )


def exchange(adapter, settings, back, **more):
    arguments = {"code": back.code, "nonce": NONCE, "verifier": VERIFIER, "issuer": back.issuer}
    return adapter.exchange(settings, **(arguments | {"company": COMPANY} | more))


def log_in(adapter, settings, provider, subject="zoe"):
    back = provider.log_in(url_of(adapter, settings), subject)
    assert back.state == STATE
    return exchange(adapter, settings, back)


@pytest.mark.parametrize("auth", list(ClientAuth), ids=lambda auth: auth.value)
def test_a_client_authenticates_in_each_way(adapter, settings, real, auth):
    space = settings(real, auth)
    identity = log_in(adapter, space, real)

    assert (identity.issuer, identity.subject, identity.account_id) == (real.url, "zoe", "zoe")
    revalidated = adapter.revalidate(space, identity, company=COMPANY)
    assert (revalidated.issuer, revalidated.subject, revalidated.account_id) == (
        real.url,
        "zoe",
        "zoe",
    )
    assert revalidated.grant != identity.grant, "the provider rotates refresh tokens"


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.POST])
def test_a_client_with_a_wrong_secret_is_refused(adapter, settings, sealed, real, auth):
    space = settings(real, auth)
    back = real.log_in(url_of(adapter, space))
    with pytest.raises(CodeRefused):
        exchange(adapter, sealed(space, "another"), back)


def test_a_client_with_an_unknown_key_is_refused(adapter, settings, sealed, real):
    space = settings(real, ClientAuth.PRIVATE_KEY)
    back = real.log_in(url_of(adapter, space))
    other_key = RSAKey.generate_key(2048, {"kid": "ours", "alg": "RS256"}).as_dict(private=True)
    with pytest.raises(CodeRefused):
        exchange(adapter, sealed(space, json.dumps(other_key)), back)


def test_the_provider_refuses_a_code_with_another_verifier(adapter, settings, real):
    space = settings(real)
    back = real.log_in(url_of(adapter, space))
    with pytest.raises(CodeRefused):
        exchange(adapter, space, back, verifier="w" * 43)


def test_the_provider_refuses_a_log_in_without_pkce(adapter, settings, real):
    url = httpx2.URL(url_of(adapter, settings(real)))
    for name in ("code_challenge", "code_challenge_method"):
        url = url.copy_remove_param(name)
    with pytest.raises(LoginError, match="invalid_request"):
        real.log_in(str(url))


def test_a_code_of_another_log_in_is_refused(adapter, settings, real):
    """A code that was swapped has another nonce, even if the attacker knows the verifier."""
    space = settings(real)
    back = real.log_in(url_of(adapter, space))
    with pytest.raises(TokenNonce):
        exchange(adapter, space, back, nonce="of another log-in")


def test_a_response_that_names_no_issuer_is_refused(adapter, settings, real):
    space = settings(real)
    back = real.log_in(url_of(adapter, space))
    with pytest.raises(ResponseIssuer):
        exchange(adapter, space, back, issuer=None)


def test_responses_of_two_providers_cannot_be_mixed_up(adapter, settings, real, clients):
    keys = {"keys": [RSAKey.generate_key(2048, {"kid": "other"}).as_dict(private=True)]}
    with running(clients, keys) as other:
        ours, theirs = settings(real), settings(other)
        back = other.log_in(url_of(adapter, theirs))
        with pytest.raises(ResponseIssuer):
            exchange(adapter, ours, back)
        # With this issuer's name put in, the code is still the other provider's.
        with pytest.raises(CodeRefused):
            exchange(adapter, ours, back, issuer=real.url)
        # Its own App Space accepts it; and a provider is asked only about its own users.
        identity = exchange(adapter, theirs, back)
        assert identity.issuer == other.url != real.url
        with pytest.raises(IdentityWithdrawn):
            adapter.revalidate(ours, identity, company=COMPANY)


def test_a_disabled_user_is_withdrawn(adapter, settings, real):
    space = settings(real)
    identity = log_in(adapter, space, real)
    identity = adapter.revalidate(space, identity, company=COMPANY)
    real.control(disable="zoe")
    with pytest.raises(IdentityWithdrawn):
        adapter.revalidate(space, identity, company=COMPANY)
    real.control(enable="zoe")
    assert log_in(adapter, space, real).subject == "zoe", "and may log in again"


def test_a_refresh_token_that_was_used_is_not_used_again(adapter, settings, real):
    """The provider would take it for stolen, and revoke the whole family."""
    space = settings(real)
    first = log_in(adapter, space, real)
    second = adapter.revalidate(space, first, company=COMPANY)
    # As if the commit had failed: the core still has the first grant.
    third = adapter.revalidate(space, first, company=COMPANY)
    assert len({one.grant for one in (first, second, third)}) == 3
    fourth = adapter.revalidate(space, second, company=COMPANY)
    assert adapter.revalidate(space, fourth, company=COMPANY).subject == "zoe"


def test_a_refresh_token_that_another_process_used_is_withdrawn(
    adapter, new_adapter, shifted_clock, settings, real
):
    space = settings(real)
    identity = log_in(adapter, space, real)
    new_adapter(shifted_clock).revalidate(space, identity, company=COMPANY)
    with pytest.raises(IdentityWithdrawn):
        adapter.revalidate(space, identity, company=COMPANY)


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.NONE])
def test_without_a_refresh_token_the_access_token_is_introspected(adapter, settings, real, auth):
    space = settings(real, auth, scopes=("openid",))
    identity = log_in(adapter, space, real)
    assert decode_grant(identity.grant).refresh_token is None
    before = real.requests("/token/introspection")
    assert adapter.revalidate(space, identity, company=COMPANY) == identity
    assert real.requests("/token/introspection") == before + 1
    adapter.revoke_grant(space, identity, company=COMPANY)
    with pytest.raises(IdentityWithdrawn):
        adapter.revalidate(space, identity, company=COMPANY)


def test_keys_may_change_at_any_time(adapter, settings, real, provider_keys):
    old, new = (key.as_dict(private=True) for key in provider_keys)
    space = settings(real)
    first = log_in(adapter, space, real)
    fetched = real.requests("/jwks")
    try:
        real.control(jwks={"keys": [new, old]})
        assert log_in(adapter, space, real).subject == "zoe"
        assert adapter.revalidate(space, first, company=COMPANY).subject == "zoe"
        assert real.requests("/jwks") == fetched + 1
    finally:
        real.control(jwks={"keys": [old]})


def test_a_provider_that_is_down_is_unavailable(adapter, settings, real):
    space = settings(real)
    identity = log_in(adapter, space, real)
    back = real.log_in(url_of(adapter, space))
    real.control(down=True)
    with pytest.raises(IdentityUnavailable):
        adapter.revalidate(space, identity, company=COMPANY)
    with pytest.raises(IdentityUnavailable):
        exchange(adapter, space, back)
    real.control(down=False)
    assert adapter.revalidate(space, identity, company=COMPANY).subject == "zoe"


def test_the_claim_that_the_settings_name_is_the_account_id(adapter, settings, real):
    # This provider has these claims at UserInfo, and not in ID tokens.
    space = settings(real, scopes=("openid", "email", "profile"), account_claim="email")
    before = real.requests("/me")
    identity = log_in(adapter, space, real)
    assert (identity.subject, identity.account_id) == ("zoe", "zoe@idp.example")
    assert real.requests("/me") == before + 1

    by_name = attrs.evolve(space, account_claim="preferred_username")
    assert log_in(adapter, by_name, real).account_id == "zoe"


@pytest.mark.parametrize("claim", ["email", "preferred_username"])
def test_an_unverified_address_is_nobodys_account_id(adapter, settings, real, claim):
    space = settings(real, scopes=("openid", "email", "profile"), account_claim=claim)
    with pytest.raises(ClaimUnverified):
        log_in(adapter, space, real, "adam")


def test_extra_parameters_do_not_replace_those_of_the_flow(adapter, settings, real):
    space = settings(real, parameters=(("state", "x"), ("nonce", "x"), ("ui_locales", "de")))
    parameters = httpx2.URL(url_of(adapter, space)).params
    assert parameters.get_list("state") == [STATE]
    assert parameters.get_list("nonce") == [NONCE]
    assert parameters["ui_locales"] == "de"


def test_a_logout_token_names_the_user_and_the_session(adapter, settings, real):
    space = settings(real)
    identity = log_in(adapter, space, real)
    logout_token = adapter.read_logout(
        space, real.logout_token(space.client_id, "zoe", "a session"), company=COMPANY
    )
    assert (logout_token.issuer, logout_token.subject, logout_token.session) == (
        identity.issuer,
        "zoe",
        "a session",
    )
    for_another = real.logout_token(ClientAuth.POST.value, "zoe")
    with pytest.raises(IdentityWithdrawn):
        adapter.read_logout(space, for_another, company=COMPANY)
