"""
Channel: realms of Keycloak whose authentication channel this service is, and their requests.

A host of OpenID Connect CIBA asks its people through a service of its own choice, over HTTP; in
Keycloak this is the HTTP authentication channel (`ciba-http-auth-channel`). The bearer token of a
request is the only key to the callback that says how it ended.

Such a request is a challenge, with the bearer token beside it; it has no record of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal.models import fields
from counterseal.models.device_key import PublicKey

STORED_WITHIN = timedelta(seconds=1)
"""How long after it was answered Keycloak may take to store a request, which it does then only."""


@attrs.frozen(kw_only=True)
class ChannelRealm:
    """
    What makes an origin the authentication channel of one realm.

    Attributes:
        issuer: The realm's URL, which its bearer tokens name as issuer and as audience.
        callback: Where the realm learns how a request ended, by an address of the allow-list.
        keys: The public keys that verify its bearer tokens; each has its algorithm.
        registered_only: Whether a request has to name a challenge that the origin has issued.
    """

    issuer: str = attrs.field(validator=fields.text)
    callback: str = attrs.field(repr=False, validator=fields.text)
    keys: tuple[PublicKey, ...] = ()
    registered_only: bool = False


@attrs.frozen(kw_only=True)
class ChannelRequest:
    """
    What a challenge has as the authentication request of a realm.

    Attributes:
        sealed_bearer: The bearer token of the request, sealed.
        until: When the bearer token expires: from then on nothing is called back.
    """

    sealed_bearer: bytes = attrs.field(repr=False)
    until: datetime = attrs.field(validator=fields.utc)

    def calls_back_from(self, issued_at: datetime) -> datetime:
        """Return when its outcome is delivered at the earliest."""
        return issued_at + STORED_WITHIN
