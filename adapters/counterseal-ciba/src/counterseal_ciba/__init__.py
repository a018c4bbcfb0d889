"""
OpenID Connect CIBA Core 1.0 for Counterseal: poll and ping, never push.

A client is an origin that an administrator has made one; its client id is its GUID.
"""

from __future__ import annotations

from counterseal_ciba.application import Backchannel
from counterseal_ciba.errors import OAuthError

__all__ = ["Backchannel", "OAuthError"]
