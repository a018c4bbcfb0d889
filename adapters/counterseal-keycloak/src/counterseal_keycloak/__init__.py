"""
The backend of Keycloak's HTTP authentication channel for CIBA (`ciba-http-auth-channel`).

A realm is registered for an origin: it asks its people by the devices of that App Space.
"""

from __future__ import annotations

from counterseal_keycloak.application import Channel
from counterseal_keycloak.bearers import callback_of, require_issuer

__all__ = ["Channel", "callback_of", "require_issuer"]
