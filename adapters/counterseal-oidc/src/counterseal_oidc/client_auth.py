"""How the client authenticates at its provider (OpenID Connect Core, 9)."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import attrs
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from counterseal.errors import IdentityUnavailable
from counterseal.models import ClientAuth, IdpSettings
from counterseal.ports import Clock, Entropy, Sealer
from counterseal_oidc.jose import ALGORITHMS

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = timedelta(minutes=1)
JTI_BYTES = 16


class ClientCredentials(NamedTuple):
    """The form fields and headers by which a request authenticates the client."""

    form: dict[str, str]
    headers: dict[str, str]


@attrs.frozen(kw_only=True)
class ClientAuthenticator:
    """
    Authenticates requests as an App Space's settings say.

    Args:
        sealer: Opens the client secret.
        clock: The time of assertions.
        entropy: Makes the `jti` of assertions.
    """

    sealer: Sealer
    clock: Clock
    entropy: Entropy

    def credentials(self, settings: IdpSettings) -> ClientCredentials:
        """
        Return the credentials of one request.

        Raises:
            IdentityUnavailable: The secret is missing, or not of the kind that the settings name.
            SealBroken: The secret cannot be opened.
        """
        identifier = {"client_id": settings.client_id}
        if settings.client_auth is ClientAuth.NONE:
            return ClientCredentials(identifier, {})
        if not settings.sealed_secret:
            raise IdentityUnavailable("the settings have no secret")
        opened = self.sealer.open(settings.sealed_secret, settings.secret_context)
        if settings.client_auth is ClientAuth.PRIVATE_KEY:
            assertion = {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self._assertion(settings, opened, self.clock.now()),
            }
            return ClientCredentials(identifier | assertion, {})
        secret = _text(opened)
        if settings.client_auth is ClientAuth.POST:
            return ClientCredentials(identifier | {"client_secret": secret}, {})
        # RFC 6749, 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(settings.client_id)}:{quote_plus(secret)}"
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return ClientCredentials({}, {"authorization": basic})

    def _assertion(self, settings: IdpSettings, opened: bytes, now: datetime) -> str:
        members, private = _private_key(opened)
        header = {"alg": members["alg"], "typ": "JWT"}
        if isinstance(members.get("kid"), str):
            header["kid"] = members["kid"]
        issued = int(now.timestamp())
        claims = {
            "iss": settings.client_id,
            "sub": settings.client_id,
            # Only the issuer: an endpoint's URL may be another provider's.
            "aud": settings.issuer,
            "jti": self.entropy.token(JTI_BYTES).hex(),
            "iat": issued,
            "exp": issued + int(ASSERTION_LIFE.total_seconds()),
        }
        return jwt.encode(header, claims, private, algorithms=[header["alg"]])


def _text(opened: bytes) -> str:
    try:
        return opened.decode()
    except UnicodeDecodeError:
        raise IdentityUnavailable("the secret is not a text") from None


def _private_key(opened: bytes) -> tuple[dict[str, Any], jwk.Key]:
    try:
        members: Any = json.loads(opened)
        if isinstance(members, dict) and members.get("alg") in ALGORITHMS and "d" in members:
            return members, jwk.import_key(members)
    except (ValueError, TypeError, KeyError, JoseError):
        pass
    raise IdentityUnavailable("the secret is not a private JWK that names its algorithm")
