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
from counterseal.errors import IssuerUntrusted
from counterseal.models import PublicKey
from counterseal.wire.claims import demand

KEYSET_TYP = "counterseal-keys+jwt"
KEYSET_LIMIT = 65_536

_CLAIMS: dict[str, type] = {"keys": list, "iat": int}


def keyset_claims(service_keys: tuple[PublicKey, ...], at: datetime) -> dict[str, Any]:
    """Return the payload of an endorsement of *service_keys*."""
    return {**keys.jwks_document(service_keys), "iat": int(at.timestamp())}


def verify_keyset(token: str, *, pinned: tuple[PublicKey, ...]) -> tuple[PublicKey, ...]:
    """
    Read an endorsed key set.

    Args:
        token: The endorsement.
        pinned: The service keys that the reader trusts already.

    Raises:
        IssuerUntrusted: No pinned key signed it.
        MalformedToken: It is not spelled as it should be.
        WrongType: It is another kind of token.
        WrongAlgorithm: It names another algorithm than the pinned key's.
        WrongSignature: The signature does not hold.
        InvalidField: A key of the set is malformed.
        UnfitKey: A key of the set is weak.
    """
    jws = keys.read(token, limit=KEYSET_LIMIT)
    signer = next((key for key in pinned if key.kid == jws.header.kid), None)
    if signer is None:
        raise IssuerUntrusted
    claims = keys.verify(jws, signer, expected_typ=KEYSET_TYP)
    demand(claims, _CLAIMS)
    return keys.trusted_keys({"keys": claims["keys"]})
