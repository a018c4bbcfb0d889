"""Identity Providers: the OpenID provider that says who the users of an App Space are."""

from __future__ import annotations

import enum

import attrs

from counterseal.models import fields
from counterseal.models.sealing import provider_context


class ClientAuth(enum.Enum):
    """How a client authenticates to its provider (OpenID Connect Core, 9)."""

    NONE = "none"
    """It has no secret: PKCE alone ties a code to it."""
    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    PRIVATE_KEY = "private_key_jwt"


@attrs.frozen(kw_only=True)
class IdpSettings:
    """
    The OpenID Connect provider of one App Space.

    Attributes:
        issuer: Compared exactly with the identity's issuer (OpenID Connect Core, 2).
        redirect_uri: The service's own address, where the provider sends users; empty if it
            sends them to the app itself.
        returns: Where the app may take its users back, of which it names one at each log-in.
        client_auth: How the client authenticates at the token endpoint.
        sealed_secret: The client secret, or the private key as a JWK, sealed for
            `secret_context`; empty for a public client.
        algorithms: Of the tokens that are taken from the provider, as JWS names them.
        account_claim: The claim that becomes the account id; the subject, unless it is set.
        parameters: What else the user is sent to the provider with, such as `prompt`;
            what the flow itself needs cannot be changed by it.
    """

    issuer: str = attrs.field(validator=fields.text)
    client_id: str = attrs.field(validator=fields.text)
    redirect_uri: str = ""
    returns: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid",)
    client_auth: ClientAuth = ClientAuth.NONE
    sealed_secret: bytes = attrs.field(default=b"", repr=False)
    algorithms: tuple[str, ...] = ("RS256",)
    account_claim: str = attrs.field(default="sub", validator=fields.text)
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def secret_context(self) -> str:
        """What the secret is sealed for."""
        return provider_context(self.issuer, self.client_id)
