"""Discovery: a provider's metadata (OpenID Connect Discovery 1.0, RFC 8414)."""

from __future__ import annotations

import re
from datetime import timedelta

import attrs

from counterseal.errors import IdentityUnavailable
from counterseal.ports import Clock
from counterseal_http import Budget
from counterseal_oidc.cache import Cache
from counterseal_oidc.transport import OK, ProviderResponse, ProviderTransport

WELL_KNOWN = "/.well-known/openid-configuration"

_URL = re.compile(r"https?://[!-\"$-~]{1,2000}")
"""Plain ASCII without a fragment (RFC 6749, 3.1); the guard decides whether it may be called."""


@attrs.frozen(kw_only=True)
class Metadata:
    """
    A provider's metadata.

    Attributes:
        sends_issuer: Whether each authorization response has `iss` (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    introspection_endpoint: str | None
    revocation_endpoint: str | None
    sends_issuer: bool


class Discovery:
    """
    Fetches and caches the metadata of providers; may be shared by threads.

    Args:
        transport: Sends the requests.
        clock: Says when metadata is stale.
    """

    def __init__(self, transport: ProviderTransport, clock: Clock) -> None:
        self._transport = transport
        self._cache: Cache[Metadata] = Cache(clock)

    def metadata(self, issuer: str, budget: Budget) -> Metadata:
        """Return the metadata of *issuer*."""

        def fetch(budget: Budget) -> tuple[Metadata, timedelta]:
            response = self._transport.get(issuer.rstrip("/") + WELL_KNOWN, budget)
            return read_metadata(response, issuer), response.fresh_for

        return self._cache.get(issuer, fetch, budget)


def read_metadata(response: ProviderResponse, issuer: str) -> Metadata:
    """
    Read the metadata of *issuer*.

    Raises:
        IdentityUnavailable: It names another issuer (Discovery, 4.3: compared exactly), or the
            provider lacks the code flow, PKCE with S256 or an endpoint.
    """
    if response.status != OK:
        raise IdentityUnavailable(f"discovery: status {response.status}")
    if response.members.get("issuer") != issuer:
        raise IdentityUnavailable("discovery: the document names another issuer")
    if not _supports(response, "response_types_supported", "code"):
        raise IdentityUnavailable("discovery: no code flow")
    if not _supports(response, "code_challenge_methods_supported", "S256"):
        raise IdentityUnavailable("discovery: no PKCE with S256")
    iss_parameter = response.members.get("authorization_response_iss_parameter_supported")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_required_url(response, "authorization_endpoint"),
        token_endpoint=_required_url(response, "token_endpoint"),
        jwks_uri=_required_url(response, "jwks_uri"),
        userinfo_endpoint=_url(response, "userinfo_endpoint"),
        introspection_endpoint=_url(response, "introspection_endpoint"),
        revocation_endpoint=_url(response, "revocation_endpoint"),
        sends_issuer=iss_parameter is True,
    )


def _supports(response: ProviderResponse, name: str, value: str) -> bool:
    # Some providers support S256 without listing it, so a missing list is accepted.
    supported = response.members.get(name)
    return supported is None or (isinstance(supported, list) and value in supported)


def _url(response: ProviderResponse, name: str) -> str | None:
    value = response.text(name)
    return value if value is not None and _URL.fullmatch(value) else None


def _required_url(response: ProviderResponse, name: str) -> str:
    value = _url(response, name)
    if value is None:
        raise IdentityUnavailable(f"discovery: no {name}")
    return value
