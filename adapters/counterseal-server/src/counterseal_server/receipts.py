"""Verify a receipt file, and print what it proves."""

from __future__ import annotations

import re
from typing import Any

from counterseal import Receipt, read_json, trusted_keys, verify_receipt
from counterseal.errors import InvalidField, ReceiptChanged, UnfitKey
from counterseal.models import Factor, PublicKey
from counterseal.wire.claims import format_time
from counterseal.wire.receipt import RECEIPT_LIMIT
from counterseal_server import display, files
from counterseal_server.screen import Screen

JWKS_LIMIT = 1_048_576
FILE_LIMIT = RECEIPT_LIMIT + 1
"""The largest token, and a line break."""

FACTORS = {
    Factor.POSSESSION: "possession of the key",
    Factor.KNOWLEDGE_OR_INHERENCE: "knowledge or inherence, unknown which",
}

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
"""SHA-256 in base64url."""


def read_jwks(name: str) -> tuple[PublicKey, ...]:
    """
    Read a JWK Set that the reader has decided to trust.

    Raises:
        InvalidField: The file cannot be read, or is not a JWK Set with usable keys.
    """
    document = read_json(files.read(name, field="jwks", limit=JWKS_LIMIT), field="jwks")
    try:
        return trusted_keys(document)
    except UnfitKey as error:
        raise InvalidField("jwks", str(error)) from None


def read_thumbprint(text: str) -> str:
    """
    Read an RFC 7638 thumbprint.

    Raises:
        InvalidField: *text* is not one.
    """
    if not _THUMBPRINT.fullmatch(text):
        raise InvalidField("thumbprint", "not SHA-256 in base64url, which has 43 characters")
    return text


def check_receipt(
    data: bytes, *, trusted: tuple[PublicKey, ...] = (), thumbprint: str | None = None
) -> Receipt:
    """
    Verify the bytes of a receipt file: the token, and at most one line break.

    Args:
        data: The whole file.
        trusted: The service's keys, from a source that the reader trusts.
        thumbprint: Instead, the thumbprint of the service's key.

    Raises:
        IssuerUntrusted: No trusted key has signed it.
        ReceiptChanged: It is not consistent.
    """
    try:
        token = data.removesuffix(b"\n").decode("ascii")
    except UnicodeDecodeError:
        raise ReceiptChanged("holds bytes that no token has") from None
    return verify_receipt(token, trusted=trusted, thumbprint=thumbprint)


def show(screen: Screen, receipt: Receipt) -> None:
    """Show what a receipt proves."""
    screen.heading("What was asked")
    display.show(screen, receipt.display)
    screen.heading("What was answered")
    screen.facts(
        [
            ("Outcome", f"{receipt.state.value}, {_verdict(receipt)}"),
            ("Button", display.button_line(receipt.display, receipt.answer.button)),
            *_reason_facts(receipt),
            ("Accepted", format_time(receipt.at)),
            ("Device", receipt.answer.device),
            ("Key", f"{receipt.role.value} key, {receipt.key.alg}"),
            ("  kid", receipt.key.kid),
            ("  thumbprint", receipt.key.thumbprint),
            *_passkey_facts(receipt),
            ("Factors", "; ".join(FACTORS[factor] for factor in receipt.factors)),
        ]
    )
    screen.heading("The receipt")
    screen.facts(
        [
            ("Number", f"{receipt.number} of this account"),
            ("Previous", receipt.previous or "none: it is the first"),
            ("Hash", receipt.hash),
            ("Issuer", standing(receipt)),
            ("  kid", receipt.issuer.kid),
            ("  thumbprint", receipt.issuer.thumbprint),
        ]
    )


def standing(receipt: Receipt) -> str:
    """Say whether the issuer is proven."""
    return "issuer proven" if receipt.proven else "consistent, issuer unproven"


def document(receipt: Receipt) -> dict[str, Any]:
    """Return what a receipt proves, for JSON."""
    return {
        "issuer": {"proven": receipt.proven, **_key(receipt.issuer)},
        "display": receipt.display,
        "outcome": receipt.state.value,
        "approved": receipt.approved,
        "button": receipt.answer.button,
        "title": receipt.answer.title,
        "reason": None if receipt.answer.reason is None else receipt.answer.reason.value,
        "at": format_time(receipt.at),
        "device": receipt.answer.device,
        "account": receipt.answer.account,
        "key": {"role": receipt.role.value, **_key(receipt.key)},
        "passkey": _passkey(receipt),
        "factors": [factor.value for factor in receipt.factors],
        "number": receipt.number,
        "previous": receipt.previous,
        "hash": receipt.hash,
    }


def _reason_facts(receipt: Receipt) -> list[tuple[str, str]]:
    reason = receipt.answer.reason
    return [] if reason is None else [("Reason", reason.value)]


def _passkey_facts(receipt: Receipt) -> list[tuple[str, str]]:
    assertion = receipt.assertion
    if assertion is None:
        return []
    copies = "may be copied" if assertion.backup_eligible else "cannot be copied"
    return [("  passkey", f"user verified, on {assertion.origin}; {copies} to other devices")]


def _passkey(receipt: Receipt) -> dict[str, Any] | None:
    assertion = receipt.assertion
    if assertion is None:
        return None
    return {
        "origin": assertion.origin,
        "userVerified": assertion.user_verified,
        "backupEligible": assertion.backup_eligible,
        "backedUp": assertion.backed_up,
    }


def _verdict(receipt: Receipt) -> str:
    return "approved" if receipt.approved else "not approved"


def _key(key: PublicKey) -> dict[str, str]:
    return {"thumbprint": key.thumbprint, "kid": key.kid, "alg": key.alg}
