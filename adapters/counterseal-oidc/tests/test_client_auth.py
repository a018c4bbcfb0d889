"""How the client authenticates at its provider."""

import json
from base64 import b64decode

import attrs
import pytest
from joserfc import jwt
from oidc_loopback import exchange, login_url, rsa, signed

from counterseal.errors import IdentityUnavailable, SealBroken
from counterseal.models import ClientAuth


def test_basic_form_encodes_id_and_secret(relying_party, space, loopback, sealed):
    settings = attrs.evolve(space, client_id="a:b", client_auth=ClientAuth.BASIC)
    loopback.grant(signed(loopback.claims(aud="a:b")))
    exchange(relying_party, sealed(settings, "a b+c"))
    (headers, form) = next(
        request[1:] for request in loopback.received_requests if request[0] == "/token"
    )
    kind, _, pair = headers["authorization"].partition(" ")
    assert (kind, b64decode(pair)) == ("Basic", b"a%3Ab:a+b%2Bc")
    assert "client_secret" not in form


def test_an_assertion_is_for_the_issuer_and_valid_once_for_a_minute(
    relying_party, space, loopback, sealed
):
    key = rsa("ours")
    private = key.as_dict(private=True) | {"alg": "PS256"}
    settings = sealed(attrs.evolve(space, client_auth=ClientAuth.PRIVATE_KEY), json.dumps(private))
    for _ in range(2):
        loopback.grant(signed(loopback.claims()))
        exchange(relying_party, settings)
    forms = [request[2] for request in loopback.received_requests if request[0] == "/token"]
    tokens = [jwt.decode(form["client_assertion"], key, algorithms=["PS256"]) for form in forms]
    assert tokens[0].header == {"alg": "PS256", "typ": "JWT", "kid": "ours"}
    claims = tokens[0].claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == (*[space.client_id] * 2, space.issuer)
    assert claims["exp"] - claims["iat"] == 60
    assert claims["jti"] != tokens[1].claims["jti"]


@pytest.mark.parametrize("secret", ["", "{}", "[]", '{"kty":"RSA"}', '{"alg":"HS256","d":"x"}'])
def test_a_secret_of_another_kind_is_unavailable_and_not_sent(
    relying_party, space, loopback, sealed, secret
):

    settings = sealed(attrs.evolve(space, client_auth=ClientAuth.PRIVATE_KEY), secret)
    with pytest.raises(IdentityUnavailable):
        exchange(relying_party, settings)
    assert loopback.requests("/token") == 0


def test_a_secret_is_sent_only_to_the_issuer_that_it_is_sealed_for(
    relying_party, space, loopback, sealed, local_ports
):
    settings = sealed(
        attrs.evolve(space, issuer="https://idp.example", client_auth=ClientAuth.POST), "canary"
    )
    with pytest.raises(SealBroken):
        exchange(relying_party, attrs.evolve(settings, issuer=loopback.url))
    assert loopback.requests("/token") == 0


def test_a_closed_adapter_is_unavailable(relying_party, space):
    relying_party.close()
    with pytest.raises(IdentityUnavailable):
        login_url(relying_party, space)
