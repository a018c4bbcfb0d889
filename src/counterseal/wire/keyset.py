"""
The endorsed key set: how a device that pinned the service's keys learns of new ones.

Compact JWS of type `counterseal-keys+jwt`, signed by a key that the device has pinned already:

| claim | value |
|---|---|
| `keys` | the JWK Set's keys, each with `kid` and `alg` |
| `iat` | seconds since the epoch |
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from counterseal import keys
from counterseal.errors import InvalidField, IssuerUntrusted, StaleProof
from counterseal.models import PublicKey
from counterseal.wire.claims import demand

KEYSET_TYP = "counterseal-keys+jwt"
KEYSET_LIMIT = 65_536

_CLAIMS: dict[str, type] = {"keys": list, "iat": int}


def keyset_claims(service_keys: tuple[PublicKey, ...], at: datetime) -> dict[str, Any]:
    """Return the payload of an endorsement of *service_keys*."""
    return {**keys.jwks_document(service_keys), "iat": int(at.timestamp())}


def verify_keyset(
    token: str, *, pinned: tuple[PublicKey, ...], not_before: int = 0
) -> tuple[PublicKey, ...]:
    """
    Return the keys of an endorsed key set that one of the *pinned* keys signed.

    *not_before* is the `iat` of the newest set that the reader has accepted: an older one could
    bring a retired key back.

    Raises:
        IssuerUntrusted: No pinned key signed it.
        StaleProof: It is older than *not_before*.
        Refused: As `keys.read` and `keys.verify`, or a claim is not as above.
        InvalidField: A key of the set is malformed, or two have one name.
        UnfitKey: A key of the set is weak.
    """
    jws = keys.read(token, limit=KEYSET_LIMIT)
    signer = next((key for key in pinned if key.kid == jws.header.kid), None)
    if signer is None:
        raise IssuerUntrusted
    claims = keys.verify(jws, signer, expected_typ=KEYSET_TYP)
    demand(claims, _CLAIMS)
    if claims["iat"] < not_before:
        raise StaleProof
    fresh = keys.trusted_keys({"keys": claims["keys"]})
    if len({key.kid for key in fresh}) != len(fresh):
        raise InvalidField("jwks.keys", "two keys of one name")
    return fresh


def keyset_time(token: str) -> int:
    """Return the `iat` of an endorsed key set that has been verified."""
    claimed = keys.read(token, limit=KEYSET_LIMIT).claimed
    demand(claimed, _CLAIMS)
    return int(claimed["iat"])
