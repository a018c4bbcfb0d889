"""OpenID Connect: an IdentityProvider for bindings that a provider vouches for."""

from __future__ import annotations

from counterseal_oidc.errors import Unproven
from counterseal_oidc.provider import OidcIdentityProvider

__all__ = ["OidcIdentityProvider", "Unproven"]
