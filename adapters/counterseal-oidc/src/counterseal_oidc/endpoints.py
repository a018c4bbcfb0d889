"""Calls the provider's endpoints for tokens, and interprets their responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import IdpSettings
from counterseal_http import Budget
from counterseal_oidc.client_auth import ClientAuthenticator
from counterseal_oidc.errors import TokenSubject, UserInfoSubject
from counterseal_oidc.transport import OK, REFUSALS, ProviderResponse, ProviderTransport


@attrs.frozen
class Endpoints:
    """
    Calls providers as the client of an App Space; may be shared by threads.

    Args:
        transport: Sends the requests.
        authenticator: Authenticates the client.
    """

    transport: ProviderTransport
    authenticator: ClientAuthenticator

    def post(
        self, settings: IdpSettings, endpoint: str, form: Mapping[str, str], budget: Budget
    ) -> ProviderResponse:
        """
        Send *form* as the client of *settings*.

        Raises:
            SealBroken: The client secret cannot be opened.
        """
        credentials = self.authenticator.credentials(settings)
        return self.transport.post(
            endpoint, budget, form={**form, **credentials.form}, headers=credentials.headers
        )

    def introspect(
        self, settings: IdpSettings, endpoint: str, access_token: str, subject: str, budget: Budget
    ) -> None:
        """
        Require that the access token is active (RFC 7662).

        Raises:
            IdentityWithdrawn: The token is not active, or another user's.
        """
        form = {"token": access_token, "token_type_hint": "access_token"}
        response = self.post(settings, endpoint, form, budget)
        active = response.members.get("active") if response.status == OK else None
        if not isinstance(active, bool):
            raise IdentityUnavailable(f"introspection: status {response.status}")
        if not active:
            raise IdentityWithdrawn
        if response.members.get("sub", subject) != subject:
            raise TokenSubject

    def user_info(
        self, endpoint: str, access_token: str, subject: str, budget: Budget
    ) -> dict[str, Any]:
        """
        Return the claims about *subject* (OpenID Connect Core, 5.3).

        Raises:
            IdentityWithdrawn: The provider refuses the access token, or names another user.
        """
        response = self.transport.get(endpoint, budget, bearer=access_token)
        if response.status in REFUSALS:
            raise IdentityWithdrawn
        if response.status != OK or not response.members:
            raise IdentityUnavailable(f"UserInfo: status {response.status}")
        if response.members.get("sub") != subject:
            raise UserInfoSubject
        return response.members

    def revoke(self, settings: IdpSettings, endpoint: str, token: str, budget: Budget) -> None:
        """Revoke a token (RFC 7009); if the provider refuses, nothing is raised."""
        response = self.post(settings, endpoint, {"token": token}, budget)
        if response.status != OK and response.status not in REFUSALS:
            raise IdentityUnavailable(f"revocation: status {response.status}")


def require_access_token(response: ProviderResponse) -> str:
    """
    Return the access token in a response of the token endpoint (RFC 6749, 5.1).

    Raises:
        IdentityUnavailable: There is none, or it is not a bearer token.
    """
    access_token = response.text("access_token")
    token_type = response.text("token_type") or ""
    if response.status != OK or access_token is None or token_type.lower() != "bearer":
        raise IdentityUnavailable(f"tokens: status {response.status}, {response.error}")
    return access_token
