"""Revalidation: asks the provider again about a user, with the grant of the log-in."""

from __future__ import annotations

import attrs

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import Identity, IdpSettings
from counterseal_http import Budget
from counterseal_oidc import claims
from counterseal_oidc.discovery import Metadata
from counterseal_oidc.endpoints import Endpoints, require_access_token
from counterseal_oidc.errors import TokenSubject, Unproven
from counterseal_oidc.grants import Grant, TokenFamilies, decode_grant
from counterseal_oidc.tokens import TokenVerifier
from counterseal_oidc.transport import REFUSALS

WITHDRAWN = frozenset({"access_denied", "invalid_grant"})
"""The error codes about the user's grant; the others are about the client or the request."""


@attrs.frozen
class Revalidation:
    """
    Uses and revokes grants; may be shared by threads.

    Args:
        endpoints: The endpoints of the providers.
        tokens: Verifies the ID token that a refresh may return.
        families: The families of the refresh tokens that this process used.
    """

    endpoints: Endpoints
    tokens: TokenVerifier
    families: TokenFamilies

    def revalidate(
        self, settings: IdpSettings, metadata: Metadata, identity: Identity, budget: Budget
    ) -> Identity:
        """
        Ask the provider whether *identity* is still valid; return it with its newest grant.

        Raises:
            IdentityWithdrawn: It is no longer valid, or there is no way to ask.
            SealBroken: The client secret cannot be opened.
        """
        grant = decode_grant(identity.grant)
        if identity.issuer != settings.issuer:
            raise IdentityWithdrawn("another issuer's identity")
        if grant.refresh_token is not None:
            return self._refresh(settings, metadata, identity, grant.refresh_token, budget)
        token, subject = grant.access_token or "", identity.subject
        if metadata.introspection_endpoint is not None:
            self.endpoints.introspect(
                settings, metadata.introspection_endpoint, token, subject, budget
            )
        elif metadata.userinfo_endpoint is not None:
            self.endpoints.user_info(metadata.userinfo_endpoint, token, subject, budget)
        else:
            raise IdentityWithdrawn("no way to ask about the user")
        return identity

    def revoke_grant(
        self, settings: IdpSettings, metadata: Metadata, identity: Identity, budget: Budget
    ) -> None:
        """
        Revoke the grant, where the provider offers that (RFC 7009).

        Raises:
            SealBroken: The client secret cannot be opened.
        """
        try:
            grant = decode_grant(identity.grant)
        except IdentityWithdrawn:
            return
        endpoint = metadata.revocation_endpoint
        if endpoint is None:
            return
        if grant.refresh_token is None:
            self.endpoints.revoke(settings, endpoint, grant.access_token or "", budget)
            return
        with self.families.lock(grant.refresh_token, budget) as family:
            self.endpoints.revoke(settings, endpoint, family.newest, budget)

    def _refresh(
        self,
        settings: IdpSettings,
        metadata: Metadata,
        identity: Identity,
        refresh_token: str,
        budget: Budget,
    ) -> Identity:
        # A refresh token may work only once, so whatever else can fail is done before it is sent.
        self.tokens.keys.prefetch(metadata, budget)
        with self.families.lock(refresh_token, budget) as family:
            form = {"grant_type": "refresh_token", "refresh_token": family.newest}
            response = self.endpoints.post(settings, metadata.token_endpoint, form, budget)
            if response.status in REFUSALS and response.error in WITHDRAWN:
                raise IdentityWithdrawn
            require_access_token(response)
            family.newest = response.text("refresh_token") or family.newest
            newest = family.newest
        try:
            token = self.tokens.verify_id_token(settings, metadata, response, budget, nonce=None)
        except Unproven as error:
            # The provider made the mistake, so the user's devices are not suspended for it.
            raise IdentityUnavailable(f"a refreshed token: {error.code}") from None
        if token is not None and claims.subject_of(token) != identity.subject:
            raise TokenSubject
        return attrs.evolve(identity, grant=Grant(refresh_token=newest).encode())
