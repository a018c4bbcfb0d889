"""
OpenID Connect: the port `IdentityProvider` for the providers of all App Spaces.

Everything in this package that calls a provider raises `IdentityUnavailable` if it gets no usable
response in time.
"""

from __future__ import annotations

from counterseal_oidc.errors import Unproven
from counterseal_oidc.jwks import count_keys
from counterseal_oidc.provider import OidcIdentityProvider

__all__ = ["OidcIdentityProvider", "Unproven", "count_keys"]
