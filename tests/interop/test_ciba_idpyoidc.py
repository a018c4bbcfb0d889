"""
CIBA by idpyoidc, an implementation of its own: the request, the ping, the token call, the ID token.

Its discovery demands an `authorization_endpoint` (OpenID Connect Discovery 1.0, 3), which an issuer
of CIBA alone has not, so that the document is given to it.

Its assertions name the issuer as audience at the one endpoint and the token endpoint at the other,
so that its client needs `--endpoint-audiences`.
"""

import json
from urllib.parse import urlsplit

import pytest
from cryptojwt.key_jar import build_keyjar
from idpyoidc.client.oidc import RP
from idpyoidc.client.service import Service
from idpyoidc.message.oauth2 import AccessTokenResponse
from idpyoidc.message.oidc import IdToken
from idpyoidc.message.oidc.backchannel_authentication import NotificationRequest, TokenRequest

TOKEN = "a-notification-token"
ALGORITHM = "ES256"
METHODS = {
    name: {"class": f"idpyoidc.client.client_auth.{kind}", "kwargs": {}}
    for name, kind in (
        ("client_secret_basic", "ClientSecretBasic"),
        ("private_key_jwt", "PrivateKeyJWT"),
    )
}
BACKCHANNEL = "idpyoidc.client.oidc.backchannel_authentication.BackChannelAuthentication"


class TokenService(Service):
    """The token request of CIBA, for which idpyoidc has the message only."""

    msg_type = TokenRequest
    response_cls = AccessTokenResponse
    endpoint_name = "token_endpoint"
    service_name = "ciba_token"
    http_method = "POST"


class Client:
    """A client on idpyoidc, which authenticates by *method*."""

    def __init__(self, service, method, keyjar, origin):
        self.issuer, self.method, self.keyjar = service.url, method, keyjar
        self.client_id = origin.guid
        self.rp = RP(
            keyjar=keyjar,
            config={
                "client_id": origin.guid,
                "client_secret": origin.secret,
                "client_authn_methods": METHODS,
                "issuer": service.url,
                "redirect_uris": ["https://agent.example/never"],
            },
            services={
                "authentication": {"class": BACKCHANNEL},
                "token": {"class": TokenService},
            },
        )
        _, metadata = service.call("GET", "/.well-known/openid-configuration", plain=True)
        self.rp.get_context().provider_info = metadata
        for each in self.rp.get_services().values():
            each.endpoint, each.http_method = metadata[each.endpoint_name], "POST"
        _, jwks = service.call("GET", urlsplit(metadata["jwks_uri"]).path, plain=True)
        keyjar.import_jwks(jwks, metadata["issuer"])

    def request(self, name, **members):
        return self.rp.do_request(
            name, request_args=members, authn_method=self.method, algorithm=ALGORITHM
        )

    def begin(self, account_id, **members):
        return self.request("backchannel_authentication", login_hint=account_id, **members)

    def redeem(self, auth_req_id):
        return self.request(
            "ciba_token",
            grant_type="urn:openid:params:grant-type:ciba",
            auth_req_id=auth_req_id,
        )

    def verify(self, id_token):
        claims = IdToken().from_jwt(id_token, keyjar=self.keyjar, sender=self.issuer)
        claims.verify(iss=self.issuer, client_id=self.client_id, skew=5)
        return claims


@pytest.fixture(params=METHODS)
def make_client(request, service):
    """Return a function that makes a client that authenticates by one of the methods."""

    def make(endpoint=None, *, options=("--endpoint-audiences",)):
        keyjar = build_keyjar([{"type": "EC", "crv": "P-256", "use": ["sig"]}])
        (jwk,) = keyjar.export_jwks()["keys"]
        jwks = {"keys": [jwk | {"alg": ALGORITHM}]}
        origin = service.new_client(
            "Agent", notification_endpoint=endpoint, jwks=jwks, options=options
        )
        return Client(service, request.param, keyjar, origin)

    return make


def test_it_is_pinged_and_gets_the_tokens_once(make_client, phone, account_id, receiver, service):
    client = make_client(receiver.url)
    details = json.dumps(
        [
            {
                "type": "urn:counterseal:action",
                "action": {"type": "tool-call", "resource": "ping", "arguments": {"host": "a"}},
            }
        ]
    )
    begun = client.begin(
        account_id,
        binding_message="Counter 7",
        client_notification_token=TOKEN,
        authorization_details=details,
    )
    assert (begun["expires_in"], begun["interval"]) == (600, 5)
    phone.approve()

    headers, body = service.await_callback(receiver)
    assert headers["authorization"] == f"Bearer {TOKEN}"
    ping = NotificationRequest().from_json(body.decode())
    assert ping.verify() is not False
    tokens = client.redeem(ping["auth_req_id"])

    claims = client.verify(tokens["id_token"])
    assert (claims["sub"], claims["acr"]) == (account_id, "urn:counterseal:acr:strong")
    assert claims["urn:openid:params:jwt:claim:auth_req_id"] == ping["auth_req_id"]
    assert tokens["token_type"] == "Bearer"
    assert client.redeem(ping["auth_req_id"])["error"] == "invalid_grant"


def test_it_learns_that_nobody_has_answered_and_then_that_the_person_declined(
    make_client, phone, account_id
):
    client = make_client()
    begun = client.begin(account_id)
    assert client.redeem(begun["auth_req_id"])["error"] == "authorization_pending"
    assert client.redeem(begun["auth_req_id"])["error"] == "slow_down"
    phone.decline()
    assert client.redeem(begun["auth_req_id"])["error"] == "access_denied"


@pytest.mark.parametrize("make_client", ["private_key_jwt"], indirect=True)
def test_without_the_setting_it_learns_that_its_audience_is_refused(make_client, phone, account_id):
    client = make_client(options=())
    begun = client.begin(account_id)

    refusal = client.redeem(begun["auth_req_id"])

    assert refusal["error"] == "invalid_client"
    assert refusal["error_description"].startswith("aud: an endpoint")
