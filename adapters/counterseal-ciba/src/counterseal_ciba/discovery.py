"""Discovery: what a client reads first (OpenID Connect Discovery 1.0, 3; CIBA Core 1.0, 4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from counterseal.models import DeliveryMode, PublicKey
from counterseal.models.ciba import ALGORITHM_SYNONYMS, CLIENT_ALGORITHMS
from counterseal_ciba.clients import METHODS
from counterseal_ciba.signed import Audiences
from counterseal_ciba.tokens import ACRS, AUTH_REQ_ID_CLAIM, RECEIPT_CLAIM

CIBA_GRANT = "urn:openid:params:grant-type:ciba"

CONFIGURATION = "/.well-known/openid-configuration"
AUTHENTICATION = "/ciba/authentication"
TOKEN = "/ciba/token"  # noqa: S105 (a path)
CONSUME = "/ciba/consume"
KEYS = "/ciba/jwks"


@attrs.frozen
class Endpoints:
    """The addresses of one issuer, which is the service's `public_url`."""

    issuer: str

    @property
    def authentication(self) -> str:
        """Where a client begins."""
        return self.issuer + AUTHENTICATION

    @property
    def token(self) -> str:
        """Where it polls."""
        return self.issuer + TOKEN

    @property
    def audiences(self) -> Audiences:
        """What clients may name as the audience of what they sign."""
        return Audiences(issuer=self.issuer, endpoints=(self.authentication, self.token))

    @property
    def consume(self) -> str:
        """Where an access token is used, once."""
        return self.issuer + CONSUME

    @property
    def keys(self) -> str:
        """Where the keys are that sign ID tokens."""
        return self.issuer + KEYS


def configuration(
    endpoints: Endpoints, signing_keys: Iterable[PublicKey], details: Iterable[str]
) -> dict[str, Any]:
    """
    Return the discovery document.

    Args:
        endpoints: Of the issuer.
        signing_keys: Those of the service, of which the first one signs.
        details: The types of authorization details that are read (RFC 9396, 10).
    """
    client_algorithms = sorted(
        {algorithm.value for algorithm in CLIENT_ALGORITHMS} | ALGORITHM_SYNONYMS.keys()
    )
    return {
        "issuer": endpoints.issuer,
        "jwks_uri": endpoints.keys,
        "token_endpoint": endpoints.token,
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": client_algorithms,
        "backchannel_authentication_endpoint": endpoints.authentication,
        "backchannel_token_delivery_modes_supported": [mode.value for mode in DeliveryMode],
        "backchannel_authentication_request_signing_alg_values_supported": client_algorithms,
        "backchannel_user_code_parameter_supported": False,
        "grant_types_supported": [CIBA_GRANT],
        "response_types_supported": [],
        "scopes_supported": ["openid"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({key.alg for key in signing_keys}),
        "acr_values_supported": list(ACRS),
        "claims_supported": [
            *("iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "at_hash"),
            *(AUTH_REQ_ID_CLAIM, RECEIPT_CLAIM),
        ],
        "claims_parameter_supported": False,
        "authorization_details_types_supported": list(details),
        "counterseal_consume_endpoint": endpoints.consume,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
    }
