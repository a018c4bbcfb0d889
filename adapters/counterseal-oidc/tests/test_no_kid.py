"""Tokens without `kid`, by a provider that changes its key."""

import threading
import warnings
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from oidc_loopback import (
    COMPANY,
    KEYS,
    OTHER_KEY,
    VERIFIER,
    exchange,
    login_url,
    logout,
    rsa,
    signed,
)
from oidc_real import REDIRECT
from werkzeug.serving import make_server

from counterseal.models import ClientAuth, IdpSettings
from counterseal_oidc import errors
from counterseal_oidc.jose import read_token

with warnings.catch_warnings():
    import authlib.deprecate  # says "always" about its own warnings  # noqa: F401

    warnings.simplefilter("ignore")
    import oidc_provider_mock

# It calls what its library is about to take away.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:authlib")

# At a provider by other authors


@contextmanager
def started(port=0):
    """Run a provider with a new key; its own start function times out on a busy machine."""
    server = make_server("localhost", port, oidc_provider_mock.app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def settings_for(port):
    return IdpSettings(
        issuer=f"http://localhost:{port}",
        client_id="counterseal",
        redirect_uri=REDIRECT,
        client_auth=ClientAuth.BASIC,
    )


def code_for(url, subject="zoe"):
    """Log a user in at *url*, the adapter's authorization URL; return the code."""
    reply = httpx2.post(url, data={"sub": subject}, follow_redirects=False, trust_env=False)
    assert reply.status_code == 302, reply.text
    (code,) = parse_qs(urlsplit(reply.headers["location"]).query)["code"]
    return code


def log_in(adapter, settings, subject="zoe"):
    """Log a user in; return the identity."""
    url = login_url(adapter, settings)
    (nonce,) = parse_qs(urlsplit(url).query)["nonce"]
    return exchange(adapter, settings, code=code_for(url, subject), nonce=nonce)


def test_its_tokens_have_no_kid(new_adapter, shifted_clock):
    with started() as port:
        settings = settings_for(port)
        form = {
            "grant_type": "authorization_code",
            "code": code_for(login_url(new_adapter(shifted_clock), settings)),
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        reply = httpx2.post(
            f"{settings.issuer}/oauth2/token",
            data=form,
            auth=(settings.client_id, "any secret"),
            trust_env=False,
        )
    assert "kid" not in read_token(reply.json()["id_token"]).header


def test_users_log_in_before_and_after_a_change_of_its_key(new_adapter, shifted_clock, sealed):
    adapter = new_adapter(shifted_clock)
    with started() as port:
        settings = sealed(settings_for(port), "any secret")
        first = log_in(adapter, settings)
        assert (first.issuer, first.subject) == (settings.issuer, "zoe")
        revalidated = adapter.revalidate(settings, first, company=COMPANY)
        assert revalidated.subject == "zoe"
    with started(port):
        assert log_in(adapter, settings).subject == "zoe"
        assert log_in(adapter, settings, "adam").subject == "adam"
    with started(port), pytest.raises(errors.TokenSignature):
        # The key set is fetched again once a minute at most.
        log_in(adapter, settings)
    shifted_clock.offset += timedelta(minutes=1)
    with started(port):
        assert log_in(adapter, settings).subject == "zoe"


# How often its keys are fetched


@pytest.fixture
def signed_without_kid(loopback):
    """Let the fake provider publish one RSA key; return a function that signs without `kid`."""
    loopback.keys(KEYS["RS256"])
    return lambda claims, **more: signed(claims, **({"kid": None} | more))


def test_a_new_key_is_fetched_at_once(relying_party, space, loopback, signed_without_kid):
    relying_party.read_logout(space, signed_without_kid(logout(loopback)), company=COMPANY)
    new = rsa("r2")
    loopback.keys(new)
    result = relying_party.read_logout(
        space, signed_without_kid(logout(loopback), key=new), company=COMPANY
    )
    assert result.subject == "zoe"
    assert loopback.requests("/jwks") == 2


def test_an_id_token_by_a_new_key_is_accepted(relying_party, space, loopback, signed_without_kid):
    loopback.grant(signed_without_kid(loopback.claims()))
    exchange(relying_party, space)
    new = rsa("r2")
    loopback.keys(new)
    loopback.grant(signed_without_kid(loopback.claims(), key=new))
    assert exchange(relying_party, space).subject == "zoe"


def test_a_thousand_forged_tokens_cost_one_request_a_minute(
    relying_party, space, loopback, signed_without_kid
):
    relying_party.read_logout(space, signed_without_kid(logout(loopback)), company=COMPANY)
    forged = signed_without_kid(logout(loopback), key=OTHER_KEY)
    for minute in range(3):
        for _ in range(300):
            with pytest.raises(errors.TokenSignature):
                relying_party.read_logout(space, forged, company=COMPANY)
        assert loopback.requests("/jwks") == 2 + minute
        loopback.clock.advance(timedelta(minutes=1))
    assert (
        relying_party.read_logout(
            space, signed_without_kid(logout(loopback)), company=COMPANY
        ).subject
        == "zoe"
    )


def test_an_invalid_token_with_a_known_kid_costs_no_request(relying_party, space, loopback):
    relying_party.read_logout(space, signed(logout(loopback)), company=COMPANY)
    for _ in range(3):
        with pytest.raises(errors.TokenSignature):
            relying_party.read_logout(
                space, signed(logout(loopback), key=OTHER_KEY), company=COMPANY
            )
    assert loopback.requests("/jwks") == 1


def test_a_token_that_two_keys_may_have_signed_is_refused(
    relying_party, space, loopback, signed_without_kid
):
    """OpenID Connect Core, 10.1: with several keys in the set, a token names its own."""
    loopback.keys(KEYS["RS256"], rsa("r2"))
    with pytest.raises(errors.TokenKeyUnknown):
        relying_party.read_logout(space, signed_without_kid(logout(loopback)), company=COMPANY)
