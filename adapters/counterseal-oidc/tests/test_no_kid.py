"""A provider whose tokens do not name their key, and which changes it."""

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
    STRANGER,
    VERIFIER,
    exchange,
    logout,
    rsa,
    sent_to,
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

# At a provider that others wrote


@contextmanager
def started(port=0):
    """Run a provider, with a key of its own; its own way to run gives up on a busy machine."""
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
    """Log a user in at *url*, where the adapter sends users; return the code."""
    reply = httpx2.post(url, data={"sub": subject}, follow_redirects=False, trust_env=False)
    assert reply.status_code == 302, reply.text
    (code,) = parse_qs(urlsplit(reply.headers["location"]).query)["code"]
    return code


def logged_in(adapter, settings, subject="zoe"):
    """Log a user in; return who the adapter says it is."""
    url = sent_to(adapter, settings)
    (nonce,) = parse_qs(urlsplit(url).query)["nonce"]
    return exchange(adapter, settings, code=code_for(url, subject), nonce=nonce)


def test_it_does_not_name_its_key(new_adapter, shifted):
    with started() as port:
        settings = settings_for(port)
        form = {
            "grant_type": "authorization_code",
            "code": code_for(sent_to(new_adapter(shifted), settings)),
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


def test_users_log_in_at_it_before_and_after_it_changes_its_key(new_adapter, shifted, sealed):
    adapter = new_adapter(shifted)
    with started() as port:
        settings = sealed(settings_for(port), "any secret")
        first = logged_in(adapter, settings)
        assert (first.issuer, first.subject) == (settings.issuer, "zoe")
        vouched = adapter.revalidate(settings, first, company=COMPANY)
        assert vouched.subject == "zoe"
    with started(port):
        assert logged_in(adapter, settings).subject == "zoe"
        assert logged_in(adapter, settings, "adam").subject == "adam"
    with started(port), pytest.raises(errors.TokenSignature):
        # A key that is new within a minute of the last one has to wait.
        logged_in(adapter, settings)
    shifted.ahead += timedelta(minutes=1)
    with started(port):
        assert logged_in(adapter, settings).subject == "zoe"


# How often its keys are asked for


@pytest.fixture
def nameless(loopback):
    """Let the provider that lies publish one RSA key; return how it signs without naming it."""
    loopback.keys(KEYS["RS256"])
    return lambda claims, **more: signed(claims, **({"kid": None} | more))


def test_a_new_key_is_looked_for_at_once(relying, space, loopback, nameless):
    relying.read_logout(space, nameless(logout(loopback)), company=COMPANY)
    new = rsa("r2")
    loopback.keys(new)
    word = relying.read_logout(space, nameless(logout(loopback), key=new), company=COMPANY)
    assert word.subject == "zoe"
    assert loopback.requests("/jwks") == 2


def test_an_id_token_by_a_new_key_is_good(relying, space, loopback, nameless):
    loopback.grant(nameless(loopback.claims()))
    exchange(relying, space)
    new = rsa("r2")
    loopback.keys(new)
    loopback.grant(nameless(loopback.claims(), key=new))
    assert exchange(relying, space).subject == "zoe"


def test_a_thousand_forged_tokens_cost_one_request_a_minute(relying, space, loopback, nameless):
    relying.read_logout(space, nameless(logout(loopback)), company=COMPANY)
    forged = nameless(logout(loopback), key=STRANGER)
    for minute in range(3):
        for _ in range(300):
            with pytest.raises(errors.TokenSignature):
                relying.read_logout(space, forged, company=COMPANY)
        assert loopback.requests("/jwks") == 2 + minute
        loopback.clock.advance(timedelta(minutes=1))
    assert relying.read_logout(space, nameless(logout(loopback)), company=COMPANY).subject == "zoe"


def test_a_token_that_names_its_key_and_does_not_hold_costs_no_request(relying, space, loopback):
    relying.read_logout(space, signed(logout(loopback)), company=COMPANY)
    for _ in range(3):
        with pytest.raises(errors.TokenSignature):
            relying.read_logout(space, signed(logout(loopback), key=STRANGER), company=COMPANY)
    assert loopback.requests("/jwks") == 1


def test_a_token_that_two_keys_may_have_signed_is_refused(relying, space, loopback, nameless):
    """OpenID Connect Core, 10.1: with several keys in the set, a token names its own."""
    loopback.keys(KEYS["RS256"], rsa("r2"))
    with pytest.raises(errors.TokenKeyUnknown):
        relying.read_logout(space, nameless(logout(loopback)), company=COMPANY)
