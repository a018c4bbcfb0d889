"""Inspection: whether a provider can be called, before a user has to log in there."""

from __future__ import annotations

from datetime import timedelta

from counterseal.errors import IdentityUnavailable
from counterseal_http import Authorities, Budget, Guard, guarded_client
from counterseal_oidc.discovery import WELL_KNOWN, read_metadata
from counterseal_oidc.jwks import read_keys
from counterseal_oidc.transport import OK, RESPONSE_LIMIT, ProviderTransport


def count_keys(
    issuer: str, *, guard: Guard, timeout: timedelta, tls: Authorities | None = None
) -> int:
    """
    Fetch the metadata and the key set of a provider; return how many of its keys can verify.

    Args:
        issuer: As the App Space has it; the metadata has to name the same one.
        guard: Which URLs may be called.
        timeout: The longest that both requests may take together.
        tls: The authorities that the provider's certificate needs; by default the machine's.

    Raises:
        IdentityUnavailable: The provider does not respond, the metadata names another issuer or
            lacks something, or there is no key that can verify.
    """
    budget = Budget(timeout.total_seconds())
    with guarded_client(guard, timeout=timeout, response_limit=RESPONSE_LIMIT, tls=tls) as client:
        transport = ProviderTransport(client)
        try:
            metadata = read_metadata(transport.get(issuer.rstrip("/") + WELL_KNOWN, budget), issuer)
            response = transport.get(metadata.jwks_uri, budget)
        except TimeoutError:
            raise IdentityUnavailable("timed out") from None
    keys = read_keys(response.members) if response.status == OK else None
    if not keys:
        raise IdentityUnavailable(f"keys: status {response.status}, and no key that can verify")
    return len(keys)
