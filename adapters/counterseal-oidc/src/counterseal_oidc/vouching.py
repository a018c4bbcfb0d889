"""Vouching: a provider is asked again about a user, by the grant that it gave at the log-in."""

from __future__ import annotations

import attrs

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import Identity, IdpSettings
from counterseal_http import Budget
from counterseal_oidc import claims
from counterseal_oidc.asking import REFUSALS
from counterseal_oidc.discovery import Metadata
from counterseal_oidc.endpoints import Endpoints, bearer
from counterseal_oidc.errors import TokenSubject, Unproven
from counterseal_oidc.grants import Grant, Lines, read_grant
from counterseal_oidc.id_tokens import IdTokens

WITHDRAWN = frozenset({"access_denied", "invalid_grant"})
"""What a provider says of a user's grant, and not of our client or our request."""


@attrs.frozen
class Vouching:
    """
    Asks by grants, and lets them go; may be shared by threads.

    Args:
        endpoints: Of the providers.
        id_tokens: Check what comes with a refresh.
        lines: Which refresh token came in place of which.
    """

    endpoints: Endpoints
    id_tokens: IdTokens
    lines: Lines

    def again(
        self, settings: IdpSettings, metadata: Metadata, identity: Identity, left: Budget
    ) -> Identity:
        """
        Ask whether the provider still vouches for the user; return the identity with its grant.

        Raises:
            IdentityWithdrawn: It does not, or there is no way to ask.
            IdentityUnavailable: The provider did not answer, or not to the question.
            SealBroken: The client secret cannot be opened.
        """
        grant = read_grant(identity.grant)
        if identity.issuer != settings.issuer:
            raise IdentityWithdrawn("another issuer's identity")
        if grant.refresh_token is not None:
            return self._refreshed(settings, metadata, identity, grant.refresh_token, left)
        ask, access, subject = self.endpoints, grant.access_token or "", identity.subject
        if metadata.introspection_endpoint is not None:
            ask.introspect(settings, metadata.introspection_endpoint, access, subject, left)
        elif metadata.userinfo_endpoint is not None:
            ask.user_info(metadata.userinfo_endpoint, access, subject, left)
        else:
            raise IdentityWithdrawn("no way to ask about the user")
        return identity

    def revoke_grant(
        self, settings: IdpSettings, metadata: Metadata, identity: Identity, left: Budget
    ) -> None:
        """
        Have the grant revoked, where the provider offers that (RFC 7009).

        Raises:
            IdentityUnavailable: The provider did not answer.
            SealBroken: The client secret cannot be opened.
        """
        try:
            grant = read_grant(identity.grant)
        except IdentityWithdrawn:
            return
        endpoint = metadata.revocation_endpoint
        if endpoint is None:
            return
        if grant.refresh_token is None:
            self.endpoints.revoke(settings, endpoint, grant.access_token or "", left)
            return
        with self.lines.of(grant.refresh_token, left) as line:
            self.endpoints.revoke(settings, endpoint, line.newest, left)

    def _refreshed(
        self,
        settings: IdpSettings,
        metadata: Metadata,
        identity: Identity,
        refresh: str,
        left: Budget,
    ) -> Identity:
        # A refresh token may serve once: nothing else is to fail after it.
        self.id_tokens.keys.make_ready(metadata, left)
        with self.lines.of(refresh, left) as line:
            form = {"grant_type": "refresh_token", "refresh_token": line.newest}
            answer = self.endpoints.post(settings, metadata.token_endpoint, form, left)
            if answer.status in REFUSALS and answer.error in WITHDRAWN:
                raise IdentityWithdrawn
            bearer(answer)
            line.newest = answer.text("refresh_token") or line.newest
            newest = line.newest
        try:
            token = self.id_tokens.of(settings, metadata, answer, left, nonce=None)
        except Unproven as error:
            # The provider's fault and not the user's, who is not vouched for either.
            raise IdentityUnavailable(f"a refreshed token: {error.code}") from None
        if token is not None and claims.subject_of(token) != identity.subject:
            raise TokenSubject
        return attrs.evolve(identity, grant=Grant(refresh_token=newest).encode())
