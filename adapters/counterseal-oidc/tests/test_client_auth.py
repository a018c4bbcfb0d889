"""How the client says who it is."""

import json
from base64 import b64decode

import attrs
import pytest
from joserfc import jwt
from oidc_loopback import exchange, rsa, sent_to, signed

from counterseal.errors import IdentityUnavailable, SealBroken
from counterseal.models import ClientAuth


def test_basic_encodes_both_before_it_joins_them(relying, space, loopback, sealed):

    odd = attrs.evolve(space, client_id="a:b", client_auth=ClientAuth.BASIC)
    loopback.grant(signed(loopback.claims(aud="a:b")))
    exchange(relying, sealed(odd, "a b+c"))
    (headers, form) = next(one[1:] for one in loopback.asked if one[0] == "/token")
    kind, _, pair = headers["authorization"].partition(" ")
    assert (kind, b64decode(pair)) == ("Basic", b"a%3Ab:a+b%2Bc")
    assert "client_secret" not in form


def test_an_assertion_is_for_this_issuer_once_and_for_a_minute(relying, space, loopback, sealed):

    key = rsa("ours")
    private = key.as_dict(private=True) | {"alg": "PS256"}
    ours = sealed(attrs.evolve(space, client_auth=ClientAuth.PRIVATE_KEY), json.dumps(private))
    for _ in range(2):
        loopback.grant(signed(loopback.claims()))
        exchange(relying, ours)
    forms = [one[2] for one in loopback.asked if one[0] == "/token"]
    tokens = [jwt.decode(form["client_assertion"], key, algorithms=["PS256"]) for form in forms]
    assert tokens[0].header == {"alg": "PS256", "typ": "JWT", "kid": "ours"}
    claims = tokens[0].claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == (*[space.client_id] * 2, space.issuer)
    assert claims["exp"] - claims["iat"] == 60
    assert claims["jti"] != tokens[1].claims["jti"]


@pytest.mark.parametrize("secret", ["", "{}", "[]", '{"kty":"RSA"}', '{"alg":"HS256","d":"x"}'])
def test_a_secret_of_another_kind_is_said_to_be_none(relying, space, loopback, sealed, secret):

    ours = sealed(attrs.evolve(space, client_auth=ClientAuth.PRIVATE_KEY), secret)
    with pytest.raises(IdentityUnavailable):
        exchange(relying, ours)
    assert loopback.requests("/token") == 0


def test_a_secret_goes_to_no_other_issuer_than_it_was_sealed_for(
    relying, space, loopback, sealed, machine
):

    theirs = sealed(
        attrs.evolve(space, issuer="https://idp.example", client_auth=ClientAuth.POST), "canary"
    )
    with pytest.raises(SealBroken):
        exchange(relying, attrs.evolve(theirs, issuer=loopback.url))
    assert loopback.requests("/token") == 0


def test_what_a_closed_adapter_says(relying, space):
    relying.close()
    with pytest.raises(IdentityUnavailable):
        sent_to(relying, space)
