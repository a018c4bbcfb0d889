"""
VAPID: identifies the sender to a push service (RFC 8292).

One token for each push service is used for hours: push services cache tokens and not keys.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from counterseal.errors import CountersealError, InvalidField, MalformedToken, UnfitKey
from counterseal.ijson import parse as read_json
from counterseal.keys import PrivateKey, b64url, constant_time_equal, private_key, unb64url
from counterseal.keys import public_key as checked_key
from counterseal.keys.jws import verify_bytes
from counterseal.models import Algorithm

LIFE = timedelta(hours=12)
"""RFC 8292, 2: at most 24 hours, and a push service's clock may be wrong."""

LONGEST_LIFE = timedelta(hours=24)

RENEWAL_MARGIN = timedelta(hours=1)

CAPACITY = 256
"""Cached tokens, one for each push service; browsers use a few, and UnifiedPush any number."""

SCALAR_BYTES = 32
POINT_HEAD = b"\x04"

_CONTACT = re.compile(r"mailto:[!-~]+@[!-~]+|https://[!-~]+")
_AUTHORIZATION = re.compile(
    r"vapid +t=(?P<token>[\w-]+\.[\w-]+\.[\w-]+) *, *k=(?P<key>[\w-]+)", re.ASCII | re.IGNORECASE
)
_HEADER = b64url(b'{"typ":"JWT","alg":"ES256"}')


class Unauthorized(ValueError):
    """The sender of a push message is not the one that the device subscribed to."""


class Vapid:
    """
    Signs tokens for push services; may be shared by threads.

    Args:
        key: The private key: 32 bytes in base64url, as `web-push generate-vapid-keys` prints it.
        contact: How a push service can reach the operator: a `mailto:` or `https:` URL.

    Attributes:
        public: The public key with which apps and pages subscribe (`applicationServerKey`).

    Raises:
        InvalidField: *key* or *contact* is malformed.
    """

    def __init__(self, key: str, contact: str) -> None:
        self._key = _private(key)
        if not _CONTACT.fullmatch(contact):
            raise InvalidField("contact", "neither mailto: nor https:")
        self._contact = contact
        self.public = _public_of(self._key)
        self._tokens: OrderedDict[str, tuple[datetime, str]] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Return a text with the public key only."""
        return f"Vapid(public={self.public!r})"

    def authorization(self, origin: str, now: datetime) -> str:
        """
        Return the header `authorization` for a push service.

        Args:
            origin: The origin of its endpoints, such as `https://push.example`.
            now: The time.
        """
        with self._lock:
            cached = self._tokens.get(origin)
            if cached is None or cached[0] - now < RENEWAL_MARGIN:
                cached = (now + LIFE, self._sign(origin, now + LIFE))
                self._tokens[origin] = cached
                self._tokens.move_to_end(origin)
                while len(self._tokens) > CAPACITY:
                    self._tokens.popitem(last=False)
        return f"vapid t={cached[1]}, k={self.public}"

    def _sign(self, origin: str, expires: datetime) -> str:
        claims = {"aud": origin, "exp": int(expires.timestamp()), "sub": self._contact}
        signed = f"{_HEADER}.{b64url(json.dumps(claims, separators=(',', ':')).encode())}"
        return f"{signed}.{b64url(self._key.sign(signed.encode()))}"


def verify_authorization(header: str, *, public: str, origin: str, now: datetime) -> None:
    """
    Verify the header `authorization` of a push message, as a push service does (RFC 8292, 4.2).

    Args:
        header: As received.
        public: The public key that the device subscribed with.
        origin: The origin of the endpoint.
        now: The time.

    Raises:
        Unauthorized: It is malformed, expired, for another origin, or not by this key.
    """
    parameters = _AUTHORIZATION.fullmatch(header)
    if parameters is None or not constant_time_equal(parameters["key"], public):
        raise Unauthorized("not vapid, or another key")
    head, payload, signature = parameters["token"].split(".")
    try:
        if read_json(unb64url(head), field="header").get("alg") != Algorithm.ES256.value:
            raise Unauthorized("not ES256")
        point = unb64url(public)[len(POINT_HEAD) :]
        x, y = b64url(point[:SCALAR_BYTES]), b64url(point[SCALAR_BYTES:])
        jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256", "kid": "vapid"}
        key = checked_key(jwk, algorithms=frozenset({Algorithm.ES256}))
        verify_bytes(unb64url(signature), f"{head}.{payload}".encode(), key)
        claims = read_json(unb64url(payload), field="payload")
        audience, expires = claims.get("aud"), claims.get("exp")
    except (CountersealError, AttributeError):
        raise Unauthorized("not a token of this key") from None
    if audience != origin or not isinstance(expires, int):
        raise Unauthorized("for another push service")
    # RFC 8292, 2: more than a day is refused.
    if not now.timestamp() < expires <= (now + LONGEST_LIFE).timestamp():
        raise Unauthorized("expired, or valid for more than a day")


def public_key(key: str) -> str:
    """
    Return the public key of a private one; see `Vapid`.

    Raises:
        InvalidField: *key* is malformed.
    """
    return _public_of(_private(key))


def _private(text: str) -> PrivateKey:
    try:
        scalar = unb64url(text.strip().rstrip("="))
        # Longer would be another form of key.
        key = private_key(scalar[:SCALAR_BYTES], kid="vapid", algorithm=Algorithm.ES256)
    except (MalformedToken, UnfitKey):
        scalar = b""
    if len(scalar) != SCALAR_BYTES:
        raise InvalidField("key", "not the 32 bytes of a P-256 key in base64url")
    return key


def _public_of(key: PrivateKey) -> str:
    members = json.loads(key.public.jwk)
    return b64url(POINT_HEAD + unb64url(members["x"]) + unb64url(members["y"]))
