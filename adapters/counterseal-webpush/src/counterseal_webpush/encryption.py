"""
Encryption of messages, and decryption by a device: RFC 8291 over RFC 8188, one record.

The only module of this package that touches `cryptography`.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from counterseal.errors import InvalidField
from counterseal_webpush.subscription import POINT_BYTES, POINT_FIELD, Subscription

SALT_BYTES = 16
SCALAR_BYTES = 32
RECORD_BYTES = 4_096
"""RFC 8291, 4: push services have to accept it, and devices need not read more."""

PLAIN_LIMIT = 3_993
"""RFC 8291, 4: 4096 less 86 for the header, 16 for the tag and 1 for the delimiter."""

HEADER_BYTES = SALT_BYTES + 5 + POINT_BYTES
"""RFC 8188, 2.1: the salt, the record size, the length of the key's id, and the key."""

_LAST = b"\x02"
"""RFC 8188, 2: the delimiter of the last record; zeros may follow."""


class Unusable(ValueError):
    """The message is not one for this subscription. The text does not contain the message."""


def read_point(subscription: Subscription) -> ec.EllipticCurvePublicKey:
    """
    Return the public key of *subscription*.

    Raises:
        InvalidField: It is not a point of P-256.
    """
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), subscription.point)
    except ValueError:
        raise InvalidField(POINT_FIELD, "not a point of P-256") from None


def encrypt(
    plain: bytes, subscription: Subscription, *, salt: bytes, scalar: bytes, size: int = 0
) -> bytes:
    """
    Encrypt a push message, and return the body of its request.

    Args:
        plain: At most `PLAIN_LIMIT` bytes.
        subscription: The subscription of the device.
        salt: 16 bytes, never used before.
        scalar: 32 bytes, never used before: the private key of this message.
        size: The length to which *plain* is padded, so that the push service does not see its own.

    Raises:
        InvalidField: The device's key is not a point of P-256.
        ValueError: *plain* is too long, or *scalar* is one of the few that are not a key.
    """
    if max(len(plain), size) > PLAIN_LIMIT:
        raise ValueError("too long for one message")
    device_key = read_point(subscription)
    private = ec.derive_private_key(int.from_bytes(scalar), ec.SECP256R1())
    sender_point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = private.exchange(ec.ECDH(), device_key)
    key, nonce = _key_and_nonce(shared, salt, subscription.auth, subscription.point, sender_point)
    padded = plain + _LAST + bytes(max(0, size - len(plain)))
    header = salt + RECORD_BYTES.to_bytes(4) + len(sender_point).to_bytes(1) + sender_point
    return header + AESGCM(key).encrypt(nonce, padded, None)


def decrypt(body: bytes, *, scalar: bytes, auth: bytes) -> bytes:
    """
    Decrypt the body of a push message, as its device does.

    Args:
        body: Of the request, one record (RFC 8291, 4).
        scalar: 32 bytes, the private key of the device's subscription.
        auth: 16 bytes, its secret.

    Raises:
        Unusable: *body* is malformed, or was not encrypted for this subscription.
    """
    salt, sender_point = body[:SALT_BYTES], body[HEADER_BYTES - POINT_BYTES : HEADER_BYTES]
    record_bytes = int.from_bytes(body[SALT_BYTES : SALT_BYTES + 4])
    record = body[HEADER_BYTES:]
    if len(body) < HEADER_BYTES or body[SALT_BYTES + 4] != POINT_BYTES:
        raise Unusable("a message without the sender's key")
    if len(record) > record_bytes:
        raise Unusable("a message of several records")
    private = ec.derive_private_key(int.from_bytes(scalar), ec.SECP256R1())
    own_point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    try:
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender_point)
        shared = private.exchange(ec.ECDH(), sender)
        key, nonce = _key_and_nonce(shared, salt, auth, own_point, sender_point)
        padded = AESGCM(key).decrypt(nonce, record, None)
    except (ValueError, InvalidTag):
        raise Unusable("a message for another subscription, or a changed one") from None
    unpadded = padded.rstrip(b"\x00")
    if not unpadded.endswith(_LAST):
        raise Unusable("a message without its last record")
    return unpadded[: -len(_LAST)]


def _key_and_nonce(
    shared: bytes, salt: bytes, auth: bytes, device_point: bytes, sender_point: bytes
) -> tuple[bytes, bytes]:
    # RFC 8291, 3.4, and RFC 8188, 2.2 and 2.3: HKDF with one block each.
    info = b"WebPush: info\x00" + device_point + sender_point
    material = _mac(_mac(auth, shared), info + b"\x01")
    pseudo = _mac(salt, material)
    key = _mac(pseudo, b"Content-Encoding: aes128gcm\x00\x01")[:16]
    nonce = _mac(pseudo, b"Content-Encoding: nonce\x00\x01")[:12]
    return key, nonce


def _mac(key: bytes, data: bytes) -> bytes:
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()
