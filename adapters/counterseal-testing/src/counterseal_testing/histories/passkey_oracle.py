"""The oracle of passkeys: what an assertion says, and who signed it (WebAuthn Level 3, 7.2)."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from counterseal_testing.histories.ledger import Ledger, Plain

PREFIX = "WA-"
"""Of the `alg` of a passkey."""
PRESENT_AND_VERIFIED = 0x05
"""The flags UP and UV."""


def verify_claims(ledger: Ledger, token: str, jwk: Plain) -> Plain:
    """
    Return the claims of a token that a device has signed, by a passkey or by another key.

    Raises:
        AssertionError: Its assertion is of another passkey or token, or was made elsewhere.
        Exception: The verification of any other key does not hold.
    """
    if not jwk["alg"].startswith(PREFIX):
        return dict(ledger.verify(token, jwk))
    signed, _, third = token.rpartition(".")
    assertion = {name: _decode(text) for name, text in json.loads(_decode(third)).items()}
    data, client = assertion["authenticatorData"], json.loads(assertion["clientDataJSON"])
    origin = ledger.limits.passkey_origin
    assert client["type"] == "webauthn.get", "a passkey did something else"
    challenge = hashlib.sha256(signed.encode("ascii")).digest()
    assert _decode(client["challenge"]) == challenge, "an assertion of another token counted"
    assert client["origin"] == origin, "a passkey was used on another origin"
    host = origin.removeprefix("https://")
    assert data[:32] == hashlib.sha256(host.encode("ascii")).digest(), "of another relying party"
    assert data[32] & PRESENT_AND_VERIFIED == PRESENT_AND_VERIFIED, "nobody was verified"
    x, y = (int.from_bytes(_decode(jwk[name])) for name in ("x", "y"))
    numbers = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1())
    try:
        numbers.public_key().verify(
            assertion["signature"],
            data + hashlib.sha256(assertion["clientDataJSON"]).digest(),
            ec.ECDSA(hashes.SHA256()),
        )
    except InvalidSignature:
        raise AssertionError("another passkey's assertion counted") from None
    claims: Plain = json.loads(_decode(signed.partition(".")[2]))
    return claims


def require_device_key(claims: Plain, jwk: Plain, device_keys: list[str]) -> None:
    """
    Demand that a token of a passkey that may be copied names the device's own key beside it.

    Raises:
        AssertionError: It names none, or another device's.
    """
    if jwk["alg"].startswith(PREFIX):
        assert claims.get("deviceKey") in device_keys, "a copied passkey alone counted as strong"


def _decode(text: str | bytes) -> bytes:
    text = text.decode("ascii") if isinstance(text, bytes) else text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
