"""
The device proof: what comes with every call of a bound device, after RFC 9449 (DPoP).

Compact JWS of type `counterseal-proof+jwt` by the device key:

| claim | value |
|---|---|
| `iss` | the device (binding GUID) |
| `sub`, `aud` | the account and the App Space that it was bound to |
| `htm`, `htu` | method, and the full address with its query |
| `body` | SHA-256 of the body's bytes, base64url; of no bytes where there is no body |
| `iat`, `jti` | seconds since the epoch; a random id, accepted once |
"""

from __future__ import annotations

from typing import Any

import attrs

from counterseal.models import Guid
from counterseal.wire.members import demand, demand_guids, demand_id

PROOF_TYP = "counterseal-proof+jwt"

_CLAIMS: dict[str, type] = {
    "iss": str,
    "sub": str,
    "aud": str,
    "htm": str,
    "htu": str,
    "body": str,
    "iat": int,
    "jti": str,
}


@attrs.define(kw_only=True)
class Proof:
    """The claims of a device about its call."""

    device: Guid
    account: Guid
    app_space: Guid
    method: str
    uri: str
    body_hash: str
    issued_at: int
    id: str


def proof_claims(proof: Proof) -> dict[str, Any]:
    """Return the payload of *proof*."""
    return {
        "iss": proof.device,
        "sub": proof.account,
        "aud": proof.app_space,
        "htm": proof.method,
        "htu": proof.uri,
        "body": proof.body_hash,
        "iat": proof.issued_at,
        "jti": proof.id,
    }


def read_proof(claimed: dict[str, Any]) -> Proof:
    """Read the payload of a device proof; see `wire.members` for refusals."""
    demand(claimed, _CLAIMS)
    demand_guids(claimed["iss"], claimed["sub"], claimed["aud"])
    demand_id(claimed["jti"])
    return Proof(
        device=claimed["iss"],
        account=claimed["sub"],
        app_space=claimed["aud"],
        method=claimed["htm"],
        uri=claimed["htu"],
        body_hash=claimed["body"],
        issued_at=claimed["iat"],
        id=claimed["jti"],
    )
