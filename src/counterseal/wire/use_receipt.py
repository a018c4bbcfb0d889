"""
The use receipt: which approved action was used, when and by whom, signed by the service.

It states the one use that an approval allows, and not what came of it. Compact JWS of type
`counterseal-use+jwt` by the service:

| claim | value |
|---|---|
| `version` | 1 |
| `issuer` | the service's public key, a JWK with `kid` and `alg` |
| `challenge`, `account`, `origin`, `device` | GUIDs; the device approved, and the origin used it |
| `type`, `action` | the action's type, and its digest as the person signed it, base64url |
| `arguments` | `matched`, or `not presented` where the origin named none |
| `approval` | SHA-256 of the signed part of the approval's receipt, base64url |
| `validUntil`, `at` | the end of the approval and the time of the use, RFC 3339 |
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from counterseal import keys
from counterseal.errors import IssuerUntrusted, ReceiptChanged, Refused
from counterseal.models import ApprovedAction, Guid, PublicKey
from counterseal.wire.claims import VERSION, demand, demand_guids, format_time, parse_time
from counterseal.wire.receipt import jwk_text, read_key, trusted_issuer

USE_TYP = "counterseal-use+jwt"
USE_LIMIT = 8_192
"""Characters; none of the claims is long."""

MATCHED = "matched"
NOT_PRESENTED = "not presented"

_CLAIMS: dict[str, type] = {
    "version": int,
    "issuer": dict,
    "challenge": str,
    "account": str,
    "origin": str,
    "device": str,
    "type": str,
    "action": str,
    "arguments": str,
    "approval": str,
    "validUntil": str,
    "at": str,
}


@attrs.frozen(kw_only=True)
class UseReceipt:
    """
    A verified use receipt.

    Attributes:
        proven: Whether the reader trusts the issuer's key, which signed it.
        device: The binding that approved.
        action: The digest of the action that was approved.
        presented: Whether the arguments were presented, and matched.
        approval: The `hash` of the approval's receipt.
        at: When the action was used.
    """

    issuer: PublicKey
    proven: bool
    challenge: Guid
    account: Guid
    origin: Guid
    device: Guid
    type: str
    action: str
    presented: bool
    approval: str
    valid_until: datetime
    at: datetime


def use_payload(
    action: ApprovedAction, *, issuer: PublicKey, presented: bool, approval: str, at: datetime
) -> bytes:
    """Write the payload of the receipt of a use that is being accepted."""
    terms = action.terms
    arguments = MATCHED if presented else NOT_PRESENTED
    # No value has a character that JSON escapes.
    return (
        f'{{"version":{VERSION},"issuer":{jwk_text(issuer)}'
        f',"challenge":"{action.challenge}","account":"{action.account}"'
        f',"origin":"{action.origin}","device":"{action.device}"'
        f',"type":"{terms.type}","action":"{terms.digest}"'
        f',"arguments":"{arguments}","approval":"{approval}"'
        f',"validUntil":"{format_time(terms.valid_until)}","at":"{format_time(at)}"}}'
    ).encode()


def verify_use_receipt(
    token: str, *, trusted: tuple[PublicKey, ...] = (), thumbprint: str | None = None
) -> UseReceipt:
    """
    Verify a use receipt without network or database.

    Args:
        trusted: The service's keys, from a source that the reader trusts.
        thumbprint: Also or instead of *trusted*: the RFC 7638 thumbprint of the issuer's key.
            Without either, only the receipt's consistency is verified, not who signed it.

    Raises:
        IssuerUntrusted: It is signed by another key than the trusted ones.
        ReceiptChanged: A member is missing, wrong or unknown, or the signature is wrong.
    """
    try:
        jws = keys.read(token, limit=USE_LIMIT)
        demand(jws.claimed, _CLAIMS)
        issuer = trusted_issuer(read_key(jws.claimed["issuer"]), trusted, thumbprint)
        claims = keys.verify(jws, issuer, expected_typ=USE_TYP)
        return _read_claims(claims, issuer, proven=bool(trusted or thumbprint))
    except (ReceiptChanged, IssuerUntrusted):
        raise
    except Refused as error:
        raise ReceiptChanged(error.code) from None
    except (KeyError, TypeError, ValueError):
        raise ReceiptChanged("a member is missing or of another type") from None


def _read_claims(claims: dict[str, Any], issuer: PublicKey, *, proven: bool) -> UseReceipt:
    demand_guids(*[claims[name] for name in ("challenge", "account", "origin", "device")])
    at, valid_until = parse_time(claims["at"]), parse_time(claims["validUntil"])
    for member, holds in (
        ("version", claims["version"] == VERSION),
        ("arguments", claims["arguments"] in {MATCHED, NOT_PRESENTED}),
        ("at", at < valid_until),
    ):
        if not holds:
            raise ReceiptChanged(member)
    return UseReceipt(
        issuer=issuer,
        proven=proven,
        challenge=Guid(claims["challenge"]),
        account=Guid(claims["account"]),
        origin=Guid(claims["origin"]),
        device=Guid(claims["device"]),
        type=claims["type"],
        action=claims["action"],
        presented=claims["arguments"] == MATCHED,
        approval=claims["approval"],
        valid_until=valid_until,
        at=at,
    )
