"""
Key sets: the public keys of providers, and what happens when a provider changes them.

joserfc verifies signatures and reads keys.
A key comes from the provider's key set, never from the token's `jku`, `x5u` or `jwk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs
from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from counterseal.errors import IdentityUnavailable
from counterseal.ports import Clock
from counterseal_http import Authorities, Budget, Guard, guarded_client
from counterseal_oidc.cache import Cache
from counterseal_oidc.discovery import WELL_KNOWN, Metadata, read_metadata
from counterseal_oidc.errors import TokenKeyUnknown, TokenMalformed, TokenSignature
from counterseal_oidc.jose import ALGORITHMS, Token, decode_b64url
from counterseal_oidc.transport import OK, RESPONSE_LIMIT, ProviderTransport

KEYS_LIMIT = 100
"""Keys of a set that are read; large providers publish about ten."""

RSA_BITS = range(2_048, 8_193)
"""The minimum of RFC 7518, 3.3; and a maximum, since large keys take long to verify with."""


@attrs.frozen(kw_only=True)
class Key:
    """
    One of a provider's public keys.

    Attributes:
        algorithm: The only algorithm that it is for, if the key set names one.
        kind: As in `ALGORITHMS`.
    """

    kid: str | None
    algorithm: str | None
    kind: str
    public: jwk.Key = attrs.field(repr=False)

    def fits(self, token: Token) -> bool:
        """Tell whether the token may be signed with this key."""
        has_name = token.kid is None or token.kid == self.kid
        has_algorithm = self.algorithm is None or self.algorithm == token.algorithm
        return has_name and has_algorithm and ALGORITHMS.get(token.algorithm) == self.kind


class KeySets:
    """
    Verifies tokens by the keys of their provider; may be shared by threads.

    If the cached set does not have the key of a token, the set is fetched again, at most once a
    minute for each issuer, however many such tokens arrive.
    The key of a token without `kid` is missing if no key of the set verifies the token.

    Args:
        transport: Sends the requests.
        clock: Says when a key set is stale.
    """

    def __init__(self, transport: ProviderTransport, clock: Clock) -> None:
        self._transport = transport
        self._cache: Cache[tuple[Key, ...]] = Cache(clock)

    def verify(self, token: Token, metadata: Metadata, budget: Budget) -> None:
        """
        Verify the signature of *token*.

        Raises:
            TokenKeyUnknown: The provider does not have its key.
            TokenSignature: The signature does not verify.
        """
        keys = self._cache.get(
            _cache_key(metadata),
            lambda budget: self._fetch(metadata, budget),
            budget,
            accept=lambda keys: has_key_for(token, keys),
        )
        verify(token, keys)

    def prefetch(self, metadata: Metadata, budget: Budget) -> None:
        """Fetch the key set into the cache, before a code or token that works only once is sent."""
        self._cache.get(_cache_key(metadata), lambda budget: self._fetch(metadata, budget), budget)

    def _fetch(self, metadata: Metadata, budget: Budget) -> tuple[tuple[Key, ...], timedelta]:
        response = self._transport.get(metadata.jwks_uri, budget)
        keys = read_keys(response.members) if response.status == OK else None
        if keys is None:
            raise IdentityUnavailable(f"keys: status {response.status}, and no key set")
        return keys, response.fresh_for


def key_of(token: Token, keys: tuple[Key, ...]) -> Key | None:
    """Return the only key that may have signed the token, or None."""
    fitting = [key for key in keys if key.fits(token)]
    return fitting[0] if len(fitting) == 1 else None


def has_key_for(token: Token, keys: tuple[Key, ...]) -> bool:
    """
    Tell whether *keys* have the key of the token.

    If the token has a `kid`, a key of that name is enough.
    If it has none, a key of the set has to verify it: the provider may have changed its key, and
    the old key would fit as well.
    """
    if token.kid is not None:
        return key_of(token, keys) is not None
    try:
        verify(token, keys)
    except (TokenKeyUnknown, TokenSignature):
        return False
    return True


def verify(token: Token, keys: tuple[Key, ...]) -> None:
    """
    Verify the signature of *token*; call `require_algorithm` before.

    Raises:
        TokenKeyUnknown: None of the keys may have signed it, or several may.
        TokenSignature: The signature does not verify.
    """
    key = key_of(token, keys)
    if key is None:
        raise TokenKeyUnknown
    try:
        is_valid = JWSRegistry.algorithms[token.algorithm].verify(
            token.signed, token.signature, key.public
        )
    except (JoseError, ValueError):
        raise TokenSignature from None
    if not is_valid:
        raise TokenSignature


def read_keys(members: Mapping[str, Any]) -> tuple[Key, ...] | None:
    """Read a JWK set, or return None; keys that cannot or must not verify are ignored."""
    entries = members.get("keys")
    if not isinstance(entries, list):
        return None
    keys = (_key(entry) for entry in entries[:KEYS_LIMIT] if isinstance(entry, dict))
    return tuple(key for key in keys if key is not None)


def _cache_key(metadata: Metadata) -> str:
    return f"{metadata.issuer} {metadata.jwks_uri}"


def _key(entry: dict[str, Any]) -> Key | None:
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    if entry.get("use", "sig") != "sig" or "d" in entry:
        return None  # `d` is the private key: it was published, so anybody may have signed
    kind = _kind(entry)
    kid, algorithm = entry.get("kid"), entry.get("alg")
    if kind is None or not (isinstance(kid, str) or kid is None):
        return None
    try:
        public = jwk.import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return Key(kid=kid, algorithm=algorithm, kind=kind, public=public)


def _kind(entry: dict[str, Any]) -> str | None:
    curve, modulus = entry.get("crv"), entry.get("n")
    if entry.get("kty") in ["EC", "OKP"]:
        return curve if isinstance(curve, str) and curve in ALGORITHMS.values() else None
    if entry.get("kty") != "RSA":
        return None
    try:
        octets = decode_b64url(modulus) if isinstance(modulus, str) else b""
    except TokenMalformed:
        return None
    return "RSA" if int.from_bytes(octets).bit_length() in RSA_BITS else None


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
