"""Verify a receipt file, and print what it proves."""

from __future__ import annotations

import re
from typing import Any

from counterseal import (
    Receipt,
    UseReceipt,
    keys,
    read_json,
    trusted_keys,
    verify_receipt,
    verify_use_receipt,
)
from counterseal.approvals.documents import MATCHED, NOT_PRESENTED, USE_TYP
from counterseal.challenges.documents.receipt import RECEIPT_LIMIT
from counterseal.errors import InvalidField, ReceiptChanged, Refused, UnfitKey
from counterseal.models import Factor, PublicKey
from counterseal.wire.members import format_time
from counterseal_server import display, files
from counterseal_server.screen import Screen

JWKS_LIMIT = 1_048_576
RECEIPT_FILE_LIMIT = RECEIPT_LIMIT + 1
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
    return verify_receipt(_token(data), trusted=trusted, thumbprint=thumbprint)


def check_any_receipt(
    data: bytes, *, trusted: tuple[PublicKey, ...] = (), thumbprint: str | None = None
) -> Receipt | UseReceipt:
    """
    Verify the bytes of a file that has a receipt, or a use receipt: its type says which.

    The arguments and errors are those of `check_receipt`.
    """
    token = _token(data)
    verify = verify_use_receipt if _is_use_receipt(token) else verify_receipt
    return verify(token, trusted=trusted, thumbprint=thumbprint)


def _token(data: bytes) -> str:
    try:
        return data.removesuffix(b"\n").decode("ascii")
    except UnicodeDecodeError:
        raise ReceiptChanged("holds bytes that no token has") from None


def _is_use_receipt(token: str) -> bool:
    try:
        return keys.read(token, limit=RECEIPT_LIMIT).header.typ == USE_TYP
    except Refused:
        return False


def show_receipt(screen: Screen, receipt: Receipt | UseReceipt) -> None:
    """Show what a receipt, or a use receipt, proves."""
    if isinstance(receipt, UseReceipt):
        _show_use(screen, receipt)
    else:
        _show_answer(screen, receipt)


def _show_use(screen: Screen, receipt: UseReceipt) -> None:
    screen.heading("What was used")
    screen.facts(
        [
            ("Action", receipt.type),
            ("Digest", receipt.action),
            ("Arguments", "as approved" if receipt.presented else "not presented"),
            ("Used", format_time(receipt.at)),
            ("Usable until", format_time(receipt.valid_until)),
            ("Question", receipt.challenge),
            ("Account", receipt.account),
            ("Used by", f"origin {receipt.origin}"),
            ("Approved by", f"device {receipt.device}"),
        ]
    )
    screen.heading("The use receipt")
    screen.facts([("Approval", f"receipt with the hash {receipt.approval}"), *_issuer(receipt)])


def _issuer(receipt: Receipt | UseReceipt) -> list[tuple[str, str]]:
    return [
        ("Issuer", standing(receipt)),
        ("  kid", receipt.issuer.kid),
        ("  thumbprint", receipt.issuer.thumbprint),
    ]


def _show_answer(screen: Screen, receipt: Receipt) -> None:
    screen.heading("What was asked")
    display.show_challenge(screen, receipt.display)
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
            *_issuer(receipt),
        ]
    )


def standing(receipt: Receipt | UseReceipt) -> str:
    """Say whether the issuer is proven."""
    return "issuer proven" if receipt.proven else "consistent, issuer unproven"


def receipt_document(receipt: Receipt | UseReceipt) -> dict[str, Any]:
    """Return what a receipt, or a use receipt, proves, for JSON."""
    if isinstance(receipt, UseReceipt):
        return _use_document(receipt)
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


def _use_document(receipt: UseReceipt) -> dict[str, Any]:
    return {
        "issuer": {"proven": receipt.proven, **_key(receipt.issuer)},
        "challenge": receipt.challenge,
        "account": receipt.account,
        "origin": receipt.origin,
        "device": receipt.device,
        "type": receipt.type,
        "action": receipt.action,
        "arguments": MATCHED if receipt.presented else NOT_PRESENTED,
        "approval": receipt.approval,
        "validUntil": format_time(receipt.valid_until),
        "at": format_time(receipt.at),
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
