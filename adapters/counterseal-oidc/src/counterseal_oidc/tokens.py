"""Verification of ID tokens and logout tokens: algorithm, then claims, then signature."""

from __future__ import annotations

import attrs

from counterseal.models import IdpSettings, Logout
from counterseal.ports import Clock
from counterseal_http import Budget
from counterseal_oidc import claims
from counterseal_oidc.discovery import Metadata
from counterseal_oidc.jose import Token, read_token, require_algorithm
from counterseal_oidc.jwks import KeySets
from counterseal_oidc.transport import ProviderResponse


@attrs.frozen
class TokenVerifier:
    """
    Verifies ID tokens and logout tokens; may be shared by threads.

    The signature comes last: a token that is not for this client costs no request for keys.

    Args:
        keys: The providers' keys, which verify the signatures.
        clock: The time that tokens are compared with.
    """

    keys: KeySets
    clock: Clock

    def verify_id_token(
        self,
        settings: IdpSettings,
        metadata: Metadata,
        response: ProviderResponse,
        budget: Budget,
        *,
        nonce: str | None,
    ) -> Token | None:
        """
        Return the verified ID token of *response*, or None if it has none.

        Args:
            settings: The issuer and the client that the token has to name.
            metadata: The provider that responded.
            response: The response of its token endpoint.
            budget: The time that the call has.
            nonce: The nonce of the log-in; None for a refresh.

        Raises:
            Unproven: The token does not verify; each check has its own class.
        """
        text = response.text("id_token")
        if text is None:
            return None
        token = read_token(text)
        require_algorithm(token, settings.algorithms)
        claims.check_id_token(
            token,
            settings,
            self.clock.now(),
            nonce=nonce,
            access_token=response.text("access_token"),
        )
        self.keys.verify(token, metadata, budget)
        return token

    def verify_logout_token(
        self, settings: IdpSettings, metadata: Metadata, text: str, budget: Budget
    ) -> Logout:
        """
        Return what a logout token says.

        Args:
            settings: The issuer and the client that the token has to name.
            metadata: The provider that sent it.
            text: The token.
            budget: The time that the call has.

        Raises:
            Unproven: The token does not verify; each check has its own class.
        """
        token = read_token(text)
        require_algorithm(token, settings.algorithms)
        logout = claims.read_logout(token, settings, self.clock.now())
        self.keys.verify(token, metadata, budget)
        return logout
