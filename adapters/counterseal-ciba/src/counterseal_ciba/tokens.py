"""Tokens: what a client learns of who approved, and with which key (OpenID Connect Core, 2)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import counterseal as cs
from counterseal.models import Challenge, Factor, PublicKey

ID_TOKEN_LIFE = timedelta(minutes=5)
"""A client reads it at once."""

RECEIPT_CLAIM = "urn:counterseal:receipt"
"""The receipt, a compact JWS, which verifies by itself."""

AUTH_REQ_ID_CLAIM = "urn:openid:params:jwt:claim:auth_req_id"
"""
Which request the token answers (CIBA Core 1.0, 10.3.1).

Push demands it. Poll and ping do not forbid it, and with it the token says so wherever the client
keeps it. The `auth_req_id` is redeemed by then, and so it is no secret any more.
"""

ACR_STRONG = "urn:counterseal:acr:strong"
"""Approved with two factors: a key of the device, which verified its user before it signed."""

ACR_DEVICE = "urn:counterseal:acr:device"
"""Approved with possession of the device alone."""

ACRS = (ACR_DEVICE, ACR_STRONG)


def id_token_claims(
    challenge: Challenge, auth_req_id: str, *, issuer: str, trusted: Iterable[PublicKey]
) -> dict[str, Any]:
    """
    Return the claims of the ID token of an approved challenge, but for its times and `at_hash`.

    Args:
        challenge: It is approved, and has a receipt.
        auth_req_id: The request that it is.
        issuer: Of the ID token.
        trusted: The service's keys, which have signed the receipt.

    Raises:
        ReceiptChanged: The stored receipt does not hold.
        IssuerUntrusted: None of *trusted* has signed it.
    """
    outcome = challenge.outcome
    receipt_text = None if outcome is None else outcome.receipt
    assert outcome is not None and receipt_text is not None  # noqa: PT018, S101 (it is approved)
    receipt = cs.verify_receipt(receipt_text, trusted=tuple(trusted))
    return {
        "iss": issuer,
        "sub": account_id_of(challenge),
        "aud": challenge.origin,
        "auth_time": int(outcome.at.timestamp()),
        "acr": context_of(receipt.factors),
        "amr": methods_of(receipt.factors),
        AUTH_REQ_ID_CLAIM: auth_req_id,
        RECEIPT_CLAIM: receipt_text,
    }


def context_of(factors: tuple[Factor, ...]) -> str:
    """Return the authentication context class of an answer that shows *factors*."""
    return ACR_STRONG if Factor.KNOWLEDGE_OR_INHERENCE in factors else ACR_DEVICE


def methods_of(factors: tuple[Factor, ...]) -> list[str]:
    """
    Return how a person was authenticated whose answer shows *factors* (RFC 8176, 2).

    The key proves possession by `pop` (OpenID Connect EAP ACR Values 1.0), not by `hwk` or
    `swk`, because the service does not know what protects it. A device that verified its user also
    tested that somebody is there (`user`), and used two factors (`mfa`); it does not say which, so
    `pin`, `fpt` and `face` are never claimed.
    """
    methods = ["pop"]
    if Factor.KNOWLEDGE_OR_INHERENCE in factors:
        methods += ["user", "mfa"]
    return methods


def account_id_of(challenge: Challenge) -> str:
    """Return the account id of a challenge, which the person was shown."""
    account_id: str = json.loads(challenge.display)["account"]["id"]
    return account_id
