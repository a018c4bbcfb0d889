"""
CIBA: clients, and realms of Keycloak, that request authentications of people.

A client calls the service itself. A realm has CIBA clients of its own, and the service is its
authentication channel. Each of their authentication requests is a challenge.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import attrs

from counterseal.models import fields
from counterseal.models.device_key import Algorithm, PublicKey

CLIENT_ALGORITHMS = frozenset({Algorithm.ES256, Algorithm.EDDSA, Algorithm.PS256, Algorithm.RS256})
"""The algorithms of clients' keys."""

ALGORITHM_SYNONYMS = {"Ed25519": Algorithm.EDDSA.value}
"""Names that clients use besides: RFC 9864 names the curve, and deprecates EdDSA."""


class DeliveryMode(enum.Enum):
    """How a client learns that its request has ended (CIBA Core 1.0, 5); there is no push."""

    POLL = "poll"
    PING = "ping"


@attrs.frozen(kw_only=True)
class BackchannelClient:
    """
    What makes an origin a CIBA client; its client id is its GUID.

    Attributes:
        notification_endpoint: Where pings are sent, by an address of the allow-list; None in the
            mode POLL.
        keys: The public keys that verify its assertions and its signed requests; without any, it
            authenticates by its Basic credential.
        endpoint_audiences: Whether these may name an endpoint of the service as their audience,
            where others name the issuer alone.
    """

    mode: DeliveryMode = DeliveryMode.POLL
    notification_endpoint: str | None = attrs.field(default=None, repr=False)
    keys: tuple[PublicKey, ...] = ()
    endpoint_audiences: bool = False


@attrs.frozen(kw_only=True)
class BackchannelRequest:
    """
    What a challenge has as an authentication request of CIBA.

    Attributes:
        secret_hash: SHA-256 of the secret of its `auth_req_id`, base64url.
        interval: Seconds that its client has to wait between two token requests.
        polled_at: The time of the last token request; None before the first.
        redeemed_at: When the client got its tokens; None until then.
        token_hash: SHA-256 of the secret of its access token, base64url; empty until then.
        token_generation: The client's when it authenticated for its tokens.
        sealed_id: The `auth_req_id`, and for a ping the client's notification token, sealed; empty
            unless a ping is sent, or the client may repeat the request.
    """

    secret_hash: str
    interval: int = attrs.field(validator=fields.count)
    polled_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    redeemed_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    token_hash: str = ""
    token_generation: int = attrs.field(default=0, validator=fields.count)
    sealed_id: bytes = attrs.field(default=b"", repr=False)


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
