"""The peer: one assertion as the `webauthn` package verifies it, with the same algorithm."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from webauthn import verify_authentication_response
from webauthn.helpers import bytes_to_base64url

RP_ID = "example.com"
ORIGIN = "https://example.com"
CHALLENGE = bytes(range(32))
USER_PRESENT_AND_VERIFIED = 0x05


def asserting(algorithm: str) -> Callable[[], object]:
    """Return one verification of one assertion."""
    sign, cose = _key(algorithm)
    client_data = json.dumps(
        {"type": "webauthn.get", "challenge": bytes_to_base64url(CHALLENGE), "origin": ORIGIN}
    ).encode()
    authenticator = (
        hashlib.sha256(RP_ID.encode()).digest()
        + bytes([USER_PRESENT_AND_VERIFIED])
        + (1).to_bytes(4)
    )
    signature = sign(authenticator + hashlib.sha256(client_data).digest())
    name = bytes_to_base64url(b"credential-1")
    credential = {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "response": {
            "authenticatorData": bytes_to_base64url(authenticator),
            "clientDataJSON": bytes_to_base64url(client_data),
            "signature": bytes_to_base64url(signature),
        },
    }
    return lambda: verify_authentication_response(
        credential=credential,
        expected_challenge=CHALLENGE,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=cose,
        credential_current_sign_count=0,
        require_user_verification=True,
    )


def _key(algorithm: str) -> tuple[Callable[[bytes], bytes], bytes]:
    sha256 = hashes.SHA256()
    if algorithm == "ES256":
        elliptic = ec.generate_private_key(ec.SECP256R1())
        point = elliptic.public_key().public_numbers()
        members = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        return lambda data: elliptic.sign(data, ec.ECDSA(sha256)), cbor2.dumps(members)
    if algorithm == "EdDSA":
        edwards = ed25519.Ed25519PrivateKey.generate()
        members = {1: 1, 3: -8, -1: 6, -2: edwards.public_key().public_bytes_raw()}
        return edwards.sign, cbor2.dumps(members)
    modular = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = modular.public_key().public_numbers()
    members = {1: 3, 3: -257, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)}
    return lambda data: modular.sign(data, padding.PKCS1v15(), sha256), cbor2.dumps(members)
