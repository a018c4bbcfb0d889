"""Tokens: what a client learns of who approved, and with which key (OpenID Connect Core, 2)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import counterseal as cs
from counterseal.models import Challenge, PublicKey, Role

ID_TOKEN_LIFE = timedelta(minutes=5)
"""A client reads it at once."""

RECEIPT_CLAIM = "urn:counterseal:receipt"
"""The receipt, a compact JWS, which verifies by itself."""

ACR_STRONG = "urn:counterseal:acr:strong"
"""Approved with a key that a PIN, or a passkey's authenticator, has released."""

ACR_DEVICE = "urn:counterseal:acr:device"
"""Approved with the key of a bound device."""

ACRS = {Role.STRONG: ACR_STRONG, Role.DEVICE: ACR_DEVICE}


def id_token_claims(
    challenge: Challenge, *, issuer: str, trusted: Iterable[PublicKey]
) -> dict[str, Any]:
    """
    Return the claims of the ID token of an approved challenge, but for its times and `at_hash`.

    Args:
        challenge: It is approved, and has a receipt.
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
        "acr": ACRS[receipt.role],
        "amr": methods_of(receipt),
        RECEIPT_CLAIM: receipt_text,
    }


def methods_of(receipt: cs.Receipt) -> list[str]:
    """
    Return how the person was authenticated (RFC 8176, 2).

    `hwk` is claimed for a passkey that cannot be backed up only: of no other key is it known where
    it lies. A strong key that is no passkey was released by its PIN.
    """
    passkey, assertion = receipt.key.passkey, receipt.assertion
    if passkey is None:
        return ["swk", "pin"] if receipt.role is Role.STRONG else ["swk"]
    methods = ["swk" if passkey.backup_eligible else "hwk"]
    if assertion is not None and assertion.user_verified:
        methods.append("user")
    return methods


def account_id_of(challenge: Challenge) -> str:
    """Return the account id of a challenge, which the person was shown."""
    account_id: str = json.loads(challenge.display)["account"]["id"]
    return account_id
