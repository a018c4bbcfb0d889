"""How the client authenticates at its provider (OpenID Connect Core, 9)."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import attrs
from joserfc import jwk
from joserfc.errors import JoseError

from counterseal.errors import IdentityUnavailable
from counterseal.models import ClientAuth, IdpSettings
from counterseal.ports import Clock, Entropy, Sealer
from counterseal_oidc.jose import ALGORITHMS, sign

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = timedelta(minutes=1)
JTI_BYTES = 16


@attrs.frozen(kw_only=True)
class Authenticator:
    """
    Says who we are, as an App Space's settings want it.

    Args:
        sealer: Opens the client secret.
        clock: Dates assertions.
        entropy: Names them.
    """

    sealer: Sealer
    clock: Clock
    entropy: Entropy

    def sign_in(self, settings: IdpSettings) -> tuple[dict[str, str], dict[str, str]]:
        """
        Return what a request's form and headers have to have.

        Raises:
            IdentityUnavailable: The secret is none of the kind that the settings name.
            SealBroken: It cannot be opened.
        """
        name = {"client_id": settings.client_id}
        if settings.client_auth is ClientAuth.NONE:
            return name, {}
        if not settings.sealed_secret:
            raise IdentityUnavailable("the settings have no secret")
        opened = self.sealer.open(settings.sealed_secret, settings.secret_context)
        if settings.client_auth is ClientAuth.PRIVATE_KEY:
            assertion = self._assertion(settings, opened, self.clock.now())
            return name | {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion,
            }, {}
        secret = _text(opened)
        if settings.client_auth is ClientAuth.POST:
            return name | {"client_secret": secret}, {}
        # RFC 6749, 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(settings.client_id)}:{quote_plus(secret)}"
        return {}, {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def _assertion(self, settings: IdpSettings, opened: bytes, now: datetime) -> str:
        members, private = _private(opened)
        header = {"alg": members["alg"], "typ": "JWT"}
        if isinstance(members.get("kid"), str):
            header["kid"] = members["kid"]
        issued = int(now.timestamp())
        claims = {
            "iss": settings.client_id,
            "sub": settings.client_id,
            # The issuer and nothing else: an endpoint's address can be another provider's.
            "aud": settings.issuer,
            "jti": self.entropy.token(JTI_BYTES).hex(),
            "iat": issued,
            "exp": issued + int(ASSERTION_LIFE.total_seconds()),
        }
        return sign(private, header, claims)


def _text(opened: bytes) -> str:
    try:
        return opened.decode()
    except UnicodeDecodeError:
        raise IdentityUnavailable("the secret is no text") from None


def _private(opened: bytes) -> tuple[dict[str, Any], jwk.Key]:
    try:
        members: Any = json.loads(opened)
        fits = isinstance(members, dict) and members.get("alg") in ALGORITHMS and "d" in members
        if fits:
            return members, jwk.import_key(members)
    except (ValueError, TypeError, KeyError, JoseError):
        pass
    raise IdentityUnavailable("the secret is no private JWK that names its algorithm")
