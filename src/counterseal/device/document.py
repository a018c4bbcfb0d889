"""What a device stores, as a JSON object."""

from __future__ import annotations

from typing import Any

import attrs

from counterseal import keys
from counterseal.bindings.documents.device import Bond
from counterseal.device.pin import Entropy, WrappedKey, Wrapping
from counterseal.device.ports import Clock, KeyStore, SoftwareKeys, UserVerification
from counterseal.device.software import SoftwareDevice
from counterseal.errors import InvalidField, MalformedToken, UnfitKey
from counterseal.keys import PrivateKey, SigningKey
from counterseal.models import Algorithm, Role
from counterseal.wire.members import read_record, write_record

DOCUMENT_VERSION = 1


def device_document(device: SoftwareDevice) -> dict[str, Any]:
    """
    Return what a device has to store, as a JSON object.

    It holds the device key in the clear: only the device's owner may read it. Of a key that is in
    a key store of its own, it holds the `kid` only.

    Raises:
        InvalidField: The strong key is a passkey, which its authenticator stores.
    """
    document: dict[str, Any] = {
        "version": DOCUMENT_VERSION,
        "deviceKey": _device_key_document(device.device_key),
        "strongKey": _strong_key_document(device.strong_key),
    }
    if device.bond is not None:
        document["bond"] = {
            **write_record(device.bond),
            "keysAt": device.bond.keys_at,
        }
    return document


def read_device(
    document: Any,
    *,
    clock: Clock,
    entropy: Entropy,
    key_store: KeyStore | None = None,
    verification: UserVerification | None = None,
) -> SoftwareDevice:
    """
    Return the device that `device_document` has written.

    Args:
        key_store: As it was given to `SoftwareDevice.make`.
        verification: Likewise.

    Raises:
        InvalidField: It was not written by `device_document`, or *key_store* lacks a key of it.
    """
    store = SoftwareKeys() if key_store is None else key_store
    try:
        return _read_device(document, clock, entropy, store, verification)
    except (KeyError, TypeError, ValueError, MalformedToken, UnfitKey):
        raise InvalidField("device file", "not written by this software") from None


def _device_key_document(key: SigningKey) -> dict[str, Any]:
    document = {"kid": key.public.kid, "algorithm": key.public.algorithm.value}
    if isinstance(key, PrivateKey):
        document["pkcs8"] = keys.b64url(key.pkcs8())
    return document


def _strong_key_document(key: WrappedKey | SigningKey) -> dict[str, Any]:
    if isinstance(key, WrappedKey):
        return {
            "kid": key.kid,
            "algorithm": key.algorithm.value,
            "wrapping": key.wrapping.value,
            "cost": key.cost,
            "salt": keys.b64url(key.salt),
            "wrapped": keys.b64url(key.wrapped),
        }
    if key.public.passkey is not None:
        raise InvalidField("strongKey", "a passkey, which is in its authenticator")
    return {"kid": key.public.kid, "algorithm": key.public.algorithm.value}


def _read_device(
    document: Any,
    clock: Clock,
    entropy: Entropy,
    key_store: KeyStore,
    verification: UserVerification | None,
) -> SoftwareDevice:
    if document["version"] != DOCUMENT_VERSION:
        raise ValueError
    bond = document.get("bond")
    return SoftwareDevice(
        clock=clock,
        entropy=entropy,
        device_key=_read_device_key(document["deviceKey"], key_store),
        strong_key=_read_strong_key(document["strongKey"], key_store),
        bond=None
        if bond is None
        else attrs.evolve(read_record(Bond, bond), keys_at=int(bond["keysAt"])),
        key_store=key_store,
        verification=verification,
    )


def _read_device_key(document: Any, key_store: KeyStore) -> SigningKey:
    if "pkcs8" not in document:
        return _load(key_store, Role.DEVICE, document)
    return keys.private_key(
        keys.unb64url(document["pkcs8"]),
        kid=document["kid"],
        algorithm=Algorithm(document["algorithm"]),
    )


def _read_strong_key(strong: Any, key_store: KeyStore) -> WrappedKey | SigningKey:
    if "wrapped" not in strong:
        return _load(key_store, Role.STRONG, strong)
    return WrappedKey(
        kid=strong["kid"],
        algorithm=Algorithm(strong["algorithm"]),
        wrapping=Wrapping(strong["wrapping"]),
        cost=strong["cost"],
        salt=keys.unb64url(strong["salt"]),
        wrapped=keys.unb64url(strong["wrapped"]),
    )


def _load(key_store: KeyStore, role: Role, document: Any) -> SigningKey:
    key = key_store.load(role, kid=document["kid"])
    if (key.public.kid, key.public.algorithm.value) != (document["kid"], document["algorithm"]):
        raise ValueError
    return key
