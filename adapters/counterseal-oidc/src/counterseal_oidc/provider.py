"""The adapter of `IdentityProvider`: OpenID Connect's code flow, revalidation and logout."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn, Refused
from counterseal.models import Guid, Identity, IdpSettings, Logout
from counterseal.ports import Clock, Entropy, Sealer
from counterseal_http import Authorities, Budget, Guard, guarded_client
from counterseal_oidc import claims
from counterseal_oidc.bulkhead import Bulkhead, CallSlots
from counterseal_oidc.client_auth import ClientAuthenticator
from counterseal_oidc.discovery import Discovery
from counterseal_oidc.endpoints import Endpoints, require_access_token
from counterseal_oidc.errors import (
    CodeRefused,
    ResponseIssuer,
    TokenMissing,
    Unproven,
    UserInfoRefused,
)
from counterseal_oidc.grants import Grant, TokenFamilies
from counterseal_oidc.jose import b64url
from counterseal_oidc.jwks import KeySets
from counterseal_oidc.revalidation import Revalidation
from counterseal_oidc.tokens import TokenVerifier
from counterseal_oidc.transport import REFUSALS, RESPONSE_LIMIT, ProviderTransport

TIMEOUT = timedelta(seconds=10)
"""The time of one call, all of its requests together; a user may be waiting for it."""

MAX_CONCURRENT_CALLS = 32
"""Calls that run at the same time, to all providers together; a company has at most half."""

_log = logging.getLogger("counterseal_oidc")


class OidcIdentityProvider:
    """
    Calls the providers of all App Spaces; may be shared by threads.

    Args:
        sealer: Opens client secrets.
        clock: The time that tokens are compared with, and that says when the caches are stale.
        entropy: Makes the `jti` of client assertions.
        guard: Which URLs may be called; by default public ones over https.
        timeout: The longest that a call may take.
        max_concurrent_calls: How many calls may wait for providers at the same time, for all
            providers together. Companies share this number fairly; a call beyond it is refused at
            once. Each call blocks the thread of its caller.
        tls: The authorities that providers' certificates need; by default the machine's.
    """

    def __init__(
        self,
        sealer: Sealer,
        clock: Clock,
        entropy: Entropy,
        *,
        guard: Guard | None = None,
        timeout: timedelta = TIMEOUT,
        max_concurrent_calls: int = MAX_CONCURRENT_CALLS,
        tls: Authorities | None = None,
    ) -> None:
        self._guard = guard or Guard()
        self._timeout = timeout
        self._client = guarded_client(
            self._guard, timeout=timeout, response_limit=RESPONSE_LIMIT, tls=tls
        )
        transport = ProviderTransport(self._client)
        self._discovery = Discovery(transport, clock)
        self._keys = KeySets(transport, clock)
        self._endpoints = Endpoints(
            transport, ClientAuthenticator(sealer=sealer, clock=clock, entropy=entropy)
        )
        self._tokens = TokenVerifier(self._keys, clock)
        self._revalidation = Revalidation(self._endpoints, self._tokens, TokenFamilies())
        self._bulkhead = Bulkhead(CallSlots(max_concurrent_calls))

    def close(self) -> None:
        """Close the connections; a later call raises IdentityUnavailable."""
        self._client.close()

    def authorization_url(
        self, settings: IdpSettings, *, company: Guid, state: str, nonce: str, verifier: str
    ) -> str:
        """Return the URL at which the user logs in."""
        with self._call(settings, company) as budget:
            endpoint = self._discovery.metadata(settings.issuer, budget).authorization_endpoint
        if endpoint.startswith("http:") and not self._guard.allow_http:
            raise IdentityUnavailable("discovery: an authorization endpoint without TLS")
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        query = dict(settings.parameters)
        if "offline_access" in settings.scopes:
            # OpenID Connect Core, 11: the scope is ignored without the user's consent.
            query.setdefault("prompt", "consent")
        query |= {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": settings.redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *settings.scopes))),
            "state": state,
            "nonce": nonce,
            "code_challenge": b64url(digest),
            "code_challenge_method": "S256",
        }
        separator = "&" if urlsplit(endpoint).query else "?"
        return f"{endpoint}{separator}{urlencode(query)}"

    def exchange(
        self,
        settings: IdpSettings,
        *,
        company: Guid,
        code: str,
        nonce: str,
        verifier: str,
        issuer: str | None,
    ) -> Identity:
        """
        Exchange *code* for the user's identity.

        Raises:
            IdentityWithdrawn: The provider refuses the code, or the token does not verify;
                each check has its own subclass of `Unproven`.
            IdentityUnavailable: The provider did not respond, or the settings do not fit it.
            SealBroken: The client secret cannot be opened.
        """
        with self._call(settings, company) as budget:
            metadata = self._discovery.metadata(settings.issuer, budget)
            if issuer != settings.issuer and (issuer is not None or metadata.sends_issuer):
                raise ResponseIssuer
            self._keys.prefetch(metadata, budget)
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": settings.redirect_uri,
                "code_verifier": verifier,
            }
            response = self._endpoints.post(settings, metadata.token_endpoint, form, budget)
            if response.status in REFUSALS:
                _log.info("%r refuses a code: %s", settings.issuer, response.error)
                raise CodeRefused
            access_token = require_access_token(response)
            token = self._tokens.verify_id_token(settings, metadata, response, budget, nonce=nonce)
            if token is None:
                raise TokenMissing
            subject = claims.subject_of(token)
            members = token.claims
            if settings.account_claim not in members and metadata.userinfo_endpoint is not None:
                members = self._user_info(metadata.userinfo_endpoint, access_token, subject, budget)
            return Identity(
                issuer=settings.issuer,
                subject=subject,
                account_id=claims.account_id(members, settings.account_claim),
                session=claims.session_of(token),
                grant=Grant(
                    refresh_token=response.text("refresh_token"), access_token=access_token
                ).encode(),
            )

    def revalidate(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> Identity:
        """
        Ask the provider whether the identity is still valid.

        The adapter uses the refresh token, if there is one; else introspection of the access token,
        where the provider offers it; else UserInfo.

        Raises:
            IdentityWithdrawn: The identity is no longer valid, or there is no way to ask.
            SealBroken: The client secret cannot be opened.
        """
        with self._call(settings, company) as budget:
            metadata = self._discovery.metadata(settings.issuer, budget)
            return self._revalidation.revalidate(settings, metadata, identity, budget)

    def read_logout(self, settings: IdpSettings, token: str, *, company: Guid) -> Logout:
        """
        Verify and read a logout token.

        Raises:
            IdentityWithdrawn: It does not verify; each check has its own subclass of `Unproven`.
        """
        with self._call(settings, company) as budget:
            metadata = self._discovery.metadata(settings.issuer, budget)
            return self._tokens.verify_logout_token(settings, metadata, token, budget)

    def revoke_grant(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> None:
        """
        Revoke the grant, where the provider offers that (RFC 7009).

        Raises:
            SealBroken: The client secret cannot be opened.
        """
        with self._call(settings, company) as budget:
            metadata = self._discovery.metadata(settings.issuer, budget)
            self._revalidation.revoke_grant(settings, metadata, identity, budget)

    def _user_info(
        self, endpoint: str, access_token: str, subject: str, budget: Budget
    ) -> dict[str, Any]:
        try:
            return self._endpoints.user_info(endpoint, access_token, subject, budget)
        except Unproven:
            raise
        except IdentityWithdrawn:
            raise UserInfoRefused from None

    @contextmanager
    def _call(self, settings: IdpSettings, company: Guid) -> Iterator[Budget]:
        try:
            seconds = self._timeout.total_seconds()
            with self._bulkhead.call(company, settings.issuer, seconds) as budget:
                yield budget
        except Refused as refusal:
            _log.info("%r: %s", settings.issuer, refusal.code)
            raise
        except IdentityUnavailable as error:
            _log.warning("%r is unavailable: %s", settings.issuer, error)
            raise
        except TimeoutError:
            _log.warning("%r is unavailable: timed out", settings.issuer)
            raise IdentityUnavailable("timed out") from None
