"""The IdentityProvider: OpenID Connect's code flow, and what has to be asked after it."""

from __future__ import annotations

import hashlib
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn, Refused
from counterseal.models import Guid, Identity, IdpSettings, Logout
from counterseal.ports import Clock, Entropy, Sealer
from counterseal_http import Budget, Guard, guarded_client
from counterseal_oidc import claims
from counterseal_oidc.asking import REFUSALS, RESPONSE_LIMIT, Asker
from counterseal_oidc.bulkhead import Bulkhead, CallSlots
from counterseal_oidc.client_auth import Authenticator
from counterseal_oidc.discovery import Discovery
from counterseal_oidc.endpoints import Endpoints, bearer
from counterseal_oidc.errors import (
    CodeRefused,
    MixedUp,
    TokenMissing,
    Unproven,
    UserInfoRefused,
)
from counterseal_oidc.grants import Grant, Lines
from counterseal_oidc.id_tokens import IdTokens
from counterseal_oidc.jose import b64url, demand_algorithm, read_token
from counterseal_oidc.key_sets import KeySets
from counterseal_oidc.vouching import Vouching

TIMEOUT = timedelta(seconds=10)
"""A user waits meanwhile; the requests of one call share it."""

AT_ONCE = 32
"""Calls that run at once, at all providers together; one company has at most half of them."""

_log = logging.getLogger("counterseal_oidc")


class OidcIdentityProvider:
    """
    Speaks with the providers of all App Spaces; may be shared by threads.

    Args:
        sealer: Opens client secrets.
        clock: Tells the time to tokens, and when what is kept is old.
        entropy: Names client assertions.
        guard: Which providers may be called; the public ones, over https, if none is given.
        timeout: The longest that a call may take.
        at_once: How many calls wait for providers at once, for all of them together, shared fairly
            by the companies; others are turned away. Each holds a thread of the caller's.
        tls: How providers prove who they are; the machine's authorities if none is given.
    """

    def __init__(
        self,
        sealer: Sealer,
        clock: Clock,
        entropy: Entropy,
        *,
        guard: Guard | None = None,
        timeout: timedelta = TIMEOUT,
        at_once: int = AT_ONCE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard or Guard()
        self._clock = clock
        self._timeout = timeout
        self._client = guarded_client(
            self._guard, timeout=timeout, response_limit=RESPONSE_LIMIT, tls=tls
        )
        asker = Asker(self._client)
        self._discovery = Discovery(asker, clock)
        self._keys = KeySets(asker, clock)
        self._endpoints = Endpoints(
            asker, Authenticator(sealer=sealer, clock=clock, entropy=entropy)
        )
        self._id_tokens = IdTokens(self._keys, clock)
        self._vouching = Vouching(self._endpoints, self._id_tokens, Lines())
        self._bulkhead = Bulkhead(CallSlots(at_once))

    def close(self) -> None:
        """Ask nothing from now on."""
        self._client.close()

    def authorization_url(
        self, settings: IdpSettings, *, company: Guid, state: str, nonce: str, verifier: str
    ) -> str:
        """
        Return where to send the user.

        Raises:
            IdentityUnavailable: The provider's configuration cannot be read.
        """
        with self._call(settings, company) as left:
            endpoint = self._discovery.of(settings.issuer, left).authorization_endpoint
        if endpoint.startswith("http:") and not self._guard.allow_http:
            raise IdentityUnavailable("discovery: an authorization endpoint without TLS")
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        query = dict(settings.parameters)
        if "offline_access" in settings.scopes:
            # OpenID Connect Core, 11: it is ignored without the user's consent.
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
        joint = "&" if urlsplit(endpoint).query else "?"
        return f"{endpoint}{joint}{urlencode(query)}"

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
            IdentityWithdrawn: The provider refuses the code, or the token does not hold;
                each way is an `Unproven` of its own.
            IdentityUnavailable: The provider did not answer, or the settings do not fit it.
            SealBroken: The client secret cannot be opened.
        """
        with self._call(settings, company) as left:
            metadata = self._discovery.of(settings.issuer, left)
            if issuer != settings.issuer and (issuer is not None or metadata.names_itself):
                raise MixedUp
            self._keys.make_ready(metadata, left)
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": settings.redirect_uri,
                "code_verifier": verifier,
            }
            answer = self._endpoints.post(settings, metadata.token_endpoint, form, left)
            if answer.status in REFUSALS:
                _log.info("%r refuses a code: %s", settings.issuer, answer.error)
                raise CodeRefused
            access = bearer(answer)
            token = self._id_tokens.of(settings, metadata, answer, left, nonce=nonce)
            if token is None:
                raise TokenMissing
            subject = claims.subject_of(token)
            told = token.claims
            if settings.account_claim not in told and metadata.userinfo_endpoint is not None:
                told = self._told(metadata.userinfo_endpoint, access, subject, left)
            return Identity(
                issuer=settings.issuer,
                subject=subject,
                account_id=claims.account_id(told, settings.account_claim),
                session=claims.session_of(token),
                grant=Grant(
                    refresh_token=answer.text("refresh_token"), access_token=access
                ).encode(),
            )

    def revalidate(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> Identity:
        """
        Ask whether the provider still vouches for the user.

        By the refresh token, if there is one; else by introspection of the access token, where the
        provider offers it; else by UserInfo.

        Raises:
            IdentityWithdrawn: It does not, or there is no way to ask.
            IdentityUnavailable: The provider did not answer, or not to the question.
            SealBroken: The client secret cannot be opened.
        """
        with self._call(settings, company) as left:
            metadata = self._discovery.of(settings.issuer, left)
            return self._vouching.again(settings, metadata, identity, left)

    def read_logout(self, settings: IdpSettings, token: str, *, company: Guid) -> Logout:
        """
        Read a logout token.

        Raises:
            IdentityWithdrawn: It does not hold; each way is an `Unproven` of its own.
            IdentityUnavailable: The provider's keys cannot be read.
        """
        with self._call(settings, company) as left:
            metadata = self._discovery.of(settings.issuer, left)
            read = read_token(token)
            demand_algorithm(read, settings.algorithms)
            # Before the keys: what is not even for us costs no request.
            logout = claims.read_logout(read, settings, self._clock.now())
            self._keys.verify(read, metadata, left)
            return logout

    def revoke_grant(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> None:
        """
        Have the grant revoked, where the provider offers that (RFC 7009).

        Raises:
            IdentityUnavailable: The provider did not answer.
            SealBroken: The client secret cannot be opened.
        """
        with self._call(settings, company) as left:
            metadata = self._discovery.of(settings.issuer, left)
            self._vouching.revoke_grant(settings, metadata, identity, left)

    def _told(self, endpoint: str, access: str, subject: str, left: Budget) -> dict[str, Any]:
        try:
            return self._endpoints.user_info(endpoint, access, subject, left)
        except Unproven:
            raise
        except IdentityWithdrawn:
            raise UserInfoRefused from None

    @contextmanager
    def _call(self, settings: IdpSettings, company: Guid) -> Iterator[Budget]:
        try:
            seconds = self._timeout.total_seconds()
            with self._bulkhead.call(company, settings.issuer, seconds) as left:
                yield left
        except Refused as refusal:
            _log.info("%r: %s", settings.issuer, refusal.code)
            raise
        except IdentityUnavailable as error:
            _log.warning("%r did not answer: %s", settings.issuer, error)
            raise
        except TimeoutError:
            _log.warning("%r did not answer: the time is over", settings.issuer)
            raise IdentityUnavailable("the time is over") from None
