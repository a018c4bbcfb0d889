"""
Providers: calls to Identity Providers, created when the first one is needed.

Every call raises `IdentityUnavailable` if the provider sends no usable response.
"""

from __future__ import annotations

import logging
import threading
from importlib.util import find_spec

import counterseal_http as http
from counterseal.errors import IdentityUnavailable
from counterseal.models import AppSpace, Company, Guid, Identity, IdpSettings, Logout
from counterseal.ports import Clock, Entropy, IdentityProvider, Sealer, Store
from counterseal_server.settings import Settings

INSTALL = "pip install 'counterseal-server[oidc]'"

SHARE = 4
"""Calls to providers occupy at most this part of the threads for requests."""


log = logging.getLogger("counterseal_server")


def provider_guard(settings: Settings) -> http.Guard:
    """Return the guard for calls to Identity Providers."""
    if settings.allow_private_providers:
        return http.Guard(allow_http=True, allow_private=True, ports=None)
    return http.Guard()


def app_spaces_with_provider(store: Store) -> list[AppSpace]:
    """
    Return the App Spaces that have an Identity Provider.

    Raises:
        Unavailable: The store did not answer.
    """
    companies = [record for record in store.list(None) if isinstance(record, Company)]
    records = [record for company in companies for record in store.list(company.guid)]
    return [record for record in records if isinstance(record, AppSpace) and record.idp]


def log_missing_package(store: Store) -> None:
    """
    Log an error if an App Space has a provider, and the package that calls it is not installed.

    It is no reason not to serve: a tenant names a provider, and an operator installs packages.

    Raises:
        Unavailable: The store did not answer.
    """
    if find_spec("counterseal_oidc") is None and (app_spaces := app_spaces_with_provider(store)):
        log.error(
            "%d App Spaces have an Identity Provider, and none can be called: %s",
            len(app_spaces),
            INSTALL,
        )


class Providers:
    """
    The Identity Providers of all App Spaces; created late, because most commands call none.

    Without `counterseal-server[oidc]`, no provider can be called, and so nobody can log in.

    Args:
        settings: The settings, which say which providers may be called.
        sealer: Opens client secrets.
        clock: The time at which tokens have to be valid.
        entropy: The ids of client assertions.
        tls: The authorities that providers' certificates need; by default the machine's.
    """

    def __init__(
        self,
        settings: Settings,
        sealer: Sealer,
        clock: Clock,
        entropy: Entropy,
        *,
        tls: http.Authorities | None = None,
    ) -> None:
        self._settings = settings
        self._sealer = sealer
        self._clock = clock
        self._entropy = entropy
        self._tls = tls
        self._opened_provider: IdentityProvider | None = None
        self._lock = threading.Lock()

    def authorization_url(
        self, settings: IdpSettings, *, company: Guid, state: str, nonce: str, verifier: str
    ) -> str:
        """Return where to send the user."""
        return self._provider().authorization_url(
            settings, state=state, nonce=nonce, verifier=verifier, company=company
        )

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
            IdentityWithdrawn: The provider refuses the code, or the token does not hold.
        """
        return self._provider().exchange(
            settings, code=code, nonce=nonce, verifier=verifier, issuer=issuer, company=company
        )

    def revalidate(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> Identity:
        """
        Ask the provider whether the user may still log in.

        Raises:
            IdentityWithdrawn: The user may not.
        """
        return self._provider().revalidate(settings, identity, company=company)

    def read_logout(self, settings: IdpSettings, token: str, *, company: Guid) -> Logout:
        """
        Read a logout token.

        Raises:
            IdentityWithdrawn: The token does not hold.
        """
        return self._provider().read_logout(settings, token, company=company)

    def revoke_grant(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> None:
        """Revoke the grant at the provider: the service does not use it again."""
        self._provider().revoke_grant(settings, identity, company=company)

    def close(self) -> None:
        """Close the connections, if there are any."""
        close = getattr(self._opened_provider, "close", None)
        if close is not None:
            close()

    def _provider(self) -> IdentityProvider:
        with self._lock:
            if self._opened_provider is None:
                self._opened_provider = self._make()
            return self._opened_provider

    def _make(self) -> IdentityProvider:
        try:
            from counterseal_oidc import OidcIdentityProvider  # noqa: PLC0415 (an extra)
        except ImportError:
            log.error("an Identity Provider cannot be called: %s", INSTALL)  # noqa: TRY400
            raise IdentityUnavailable(INSTALL) from None
        return OidcIdentityProvider(
            self._sealer,
            self._clock,
            self._entropy,
            guard=provider_guard(self._settings),
            max_concurrent_calls=max(1, self._settings.threads // SHARE),
            tls=self._tls,
        )
