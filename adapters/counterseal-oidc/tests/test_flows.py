"""Whole flows at a real provider: log in, be vouched for, be withdrawn, change keys, be down."""

import json

import attrs
import httpx2
import pytest
from joserfc.jwk import RSAKey
from oidc_loopback import COMPANY
from oidc_real import Turned, running

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import ClientAuth
from counterseal_oidc.errors import ClaimUnverified, CodeRefused, MixedUp, TokenNonce
from counterseal_oidc.grants import read_grant

STATE, NONCE, VERIFIER = "a state", "a nonce", "v" * 43


@pytest.fixture(autouse=True)
def _as_before(real):
    yield
    real.steer(enable="zoe", down=False)


def url_of(adapter, settings):
    return adapter.authorization_url(
        settings, state=STATE, nonce=NONCE, verifier=VERIFIER, company=COMPANY
    )


def exchange(adapter, settings, back, **more):
    asked = {"code": back.code, "nonce": NONCE, "verifier": VERIFIER, "issuer": back.issuer}
    return adapter.exchange(settings, **(asked | {"company": COMPANY} | more))


def identity(adapter, settings, provider, subject="zoe"):
    back = provider.log_in(url_of(adapter, settings), subject)
    assert back.state == STATE
    return exchange(adapter, settings, back)


@pytest.mark.parametrize("auth", list(ClientAuth), ids=lambda auth: auth.value)
def test_a_client_authenticates_in_each_way(adapter, settings, real, auth):
    space = settings(real, auth)
    found = identity(adapter, space, real)

    assert (found.issuer, found.subject, found.account_id) == (real.url, "zoe", "zoe")
    again = adapter.revalidate(space, found, company=COMPANY)
    assert (again.issuer, again.subject, again.account_id) == (real.url, "zoe", "zoe")
    assert again.grant != found.grant, "the provider rotates refresh tokens"


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.POST])
def test_a_wrong_secret_gets_nothing(adapter, settings, sealed, real, auth):
    space = settings(real, auth)
    back = real.log_in(url_of(adapter, space))
    with pytest.raises(CodeRefused):
        exchange(adapter, sealed(space, "another"), back)


def test_a_key_that_the_provider_does_not_know_gets_nothing(adapter, settings, sealed, real):
    space = settings(real, ClientAuth.PRIVATE_KEY)
    back = real.log_in(url_of(adapter, space))
    stranger = RSAKey.generate_key(2048, {"kid": "ours", "alg": "RS256"}).as_dict(private=True)
    with pytest.raises(CodeRefused):
        exchange(adapter, sealed(space, json.dumps(stranger)), back)


def test_the_provider_holds_the_code_to_the_verifier(adapter, settings, real):
    space = settings(real)
    back = real.log_in(url_of(adapter, space))
    with pytest.raises(CodeRefused):
        exchange(adapter, space, back, verifier="w" * 43)


def test_the_provider_takes_no_log_in_without_pkce(adapter, settings, real):
    url = httpx2.URL(url_of(adapter, settings(real)))
    for name in ("code_challenge", "code_challenge_method"):
        url = url.copy_remove_param(name)
    with pytest.raises(Turned, match="invalid_request"):
        real.log_in(str(url))


def test_a_code_of_another_log_in_is_refused(adapter, settings, real):
    """A code that was swapped in has another nonce, even where the thief knows the verifier."""
    space = settings(real)
    back = real.log_in(url_of(adapter, space))
    with pytest.raises(TokenNonce):
        exchange(adapter, space, back, nonce="of another log-in")


def test_a_response_that_names_no_issuer_is_refused(adapter, settings, real):
    space = settings(real)
    back = real.log_in(url_of(adapter, space))
    with pytest.raises(MixedUp):
        exchange(adapter, space, back, issuer=None)


def test_providers_that_are_mixed_up_are_refused(adapter, settings, real, clients):
    keys = {"keys": [RSAKey.generate_key(2048, {"kid": "other"}).as_dict(private=True)]}
    with running(clients, keys) as other:
        ours, theirs = settings(real), settings(other)
        back = other.log_in(url_of(adapter, theirs))
        with pytest.raises(MixedUp):
            exchange(adapter, ours, back)
        # A response that was stripped of, or given, the right name brings a code of no use here.
        with pytest.raises(CodeRefused):
            exchange(adapter, ours, back, issuer=real.url)
        # Where it belongs, it serves; and each provider is asked about its own users only.
        found = exchange(adapter, theirs, back)
        assert found.issuer == other.url != real.url
        with pytest.raises(IdentityWithdrawn):
            adapter.revalidate(ours, found, company=COMPANY)


def test_a_user_who_is_disabled_is_vouched_for_no_longer(adapter, settings, real):
    space = settings(real)
    found = identity(adapter, space, real)
    found = adapter.revalidate(space, found, company=COMPANY)
    real.steer(disable="zoe")
    with pytest.raises(IdentityWithdrawn):
        adapter.revalidate(space, found, company=COMPANY)
    real.steer(enable="zoe")
    assert identity(adapter, space, real).subject == "zoe", "and may log in again"


def test_a_refresh_token_that_was_used_is_not_used_again(adapter, settings, real):
    """The provider would take it for stolen, and end what came of it."""
    space = settings(real)
    first = identity(adapter, space, real)
    second = adapter.revalidate(space, first, company=COMPANY)
    # The commit was lost, say, and the core asks with what it has.
    third = adapter.revalidate(space, first, company=COMPANY)
    assert len({one.grant for one in (first, second, third)}) == 3
    fourth = adapter.revalidate(space, second, company=COMPANY)
    assert adapter.revalidate(space, fourth, company=COMPANY).subject == "zoe"


def test_a_refresh_token_that_somebody_else_used_ends_it(
    adapter, new_adapter, shifted, settings, real
):
    space = settings(real)
    found = identity(adapter, space, real)
    new_adapter(shifted).revalidate(space, found, company=COMPANY)
    with pytest.raises(IdentityWithdrawn):
        adapter.revalidate(space, found, company=COMPANY)


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.NONE])
def test_without_a_refresh_token_it_asks_by_introspection(adapter, settings, real, auth):
    space = settings(real, auth, scopes=("openid",))
    found = identity(adapter, space, real)
    assert read_grant(found.grant).refresh_token is None
    before = real.requests("/token/introspection")
    assert adapter.revalidate(space, found, company=COMPANY) == found
    assert real.requests("/token/introspection") == before + 1
    adapter.revoke_grant(space, found, company=COMPANY)
    with pytest.raises(IdentityWithdrawn):
        adapter.revalidate(space, found, company=COMPANY)


def test_keys_may_change_at_any_time(adapter, settings, real, provider_keys):
    old, new = (key.as_dict(private=True) for key in provider_keys)
    space = settings(real)
    first = identity(adapter, space, real)
    fetched = real.requests("/jwks")
    try:
        real.steer(jwks={"keys": [new, old]})
        assert identity(adapter, space, real).subject == "zoe"
        assert adapter.revalidate(space, first, company=COMPANY).subject == "zoe"
        assert real.requests("/jwks") == fetched + 1
    finally:
        real.steer(jwks={"keys": [old]})


def test_a_provider_that_is_down_vouches_for_nobody(adapter, settings, real):
    space = settings(real)
    found = identity(adapter, space, real)
    back = real.log_in(url_of(adapter, space))
    real.steer(down=True)
    with pytest.raises(IdentityUnavailable):
        adapter.revalidate(space, found, company=COMPANY)
    with pytest.raises(IdentityUnavailable):
        exchange(adapter, space, back)
    real.steer(down=False)
    assert adapter.revalidate(space, found, company=COMPANY).subject == "zoe"


def test_the_claim_that_the_settings_name_is_the_account_id(adapter, settings, real):
    # This provider tells of claims at UserInfo, and not in ID tokens.
    space = settings(real, scopes=("openid", "email", "profile"), account_claim="email")
    before = real.requests("/me")
    found = identity(adapter, space, real)
    assert (found.subject, found.account_id) == ("zoe", "zoe@idp.example")
    assert real.requests("/me") == before + 1

    by_name = attrs.evolve(space, account_claim="preferred_username")
    assert identity(adapter, by_name, real).account_id == "zoe"


@pytest.mark.parametrize("claim", ["email", "preferred_username"])
def test_an_unverified_address_is_nobodys_account_id(adapter, settings, real, claim):
    space = settings(real, scopes=("openid", "email", "profile"), account_claim=claim)
    with pytest.raises(ClaimUnverified):
        identity(adapter, space, real, "adam")


def test_what_is_asked_besides_changes_nothing_of_the_flow(adapter, settings, real):
    space = settings(real, parameters=(("state", "x"), ("nonce", "x"), ("ui_locales", "de")))
    asked = httpx2.URL(url_of(adapter, space)).params
    assert asked.get_list("state") == [STATE]
    assert asked.get_list("nonce") == [NONCE]
    assert asked["ui_locales"] == "de"


def test_the_word_of_a_logout_is_the_users(adapter, settings, real):
    space = settings(real)
    found = identity(adapter, space, real)
    word = adapter.read_logout(
        space, real.logout_token(space.client_id, "zoe", "a session"), company=COMPANY
    )
    assert (word.issuer, word.subject, word.session) == (found.issuer, "zoe", "a session")
    for_another = real.logout_token(ClientAuth.POST.value, "zoe")
    with pytest.raises(IdentityWithdrawn):
        adapter.read_logout(space, for_another, company=COMPANY)
