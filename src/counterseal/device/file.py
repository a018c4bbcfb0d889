"""The file of a software device: readable by its owner only, the strong key under the PIN."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from counterseal import ijson, keys
from counterseal.device.software import Bond, SoftwareDevice
from counterseal.device.wrapping import WrappedKey, Wrapping
from counterseal.errors import InvalidField, MalformedToken, UnfitKey
from counterseal.models import Algorithm
from counterseal.models.guid import parse
from counterseal.ports import Clock, Entropy

VERSION = 1


def save(device: SoftwareDevice, path: Path) -> None:
    """
    Write the device to *path*, whole or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(ijson.compact(_document(device)))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load(path: Path, *, clock: Clock, entropy: Entropy) -> SoftwareDevice:
    """
    Read the device that `save` wrote to *path*.

    Raises:
        InvalidField: The file is no device file.
        OSError: The file cannot be read.
    """
    document = ijson.parse(path.read_bytes(), field="device file")
    try:
        return _device(document, clock, entropy)
    except (KeyError, TypeError, ValueError, MalformedToken, UnfitKey):
        raise InvalidField("device file", "not written by this software") from None


def _document(device: SoftwareDevice) -> dict[str, Any]:
    strong = device.strong_key
    document: dict[str, Any] = {
        "version": VERSION,
        "deviceKey": {
            "kid": device.device_key.public.kid,
            "algorithm": device.device_key.public.algorithm.value,
            "pkcs8": keys.b64url(device.device_key.pkcs8()),
        },
        "strongKey": {
            "kid": strong.kid,
            "algorithm": strong.algorithm.value,
            "wrapping": strong.wrapping.value,
            "cost": strong.cost,
            "salt": keys.b64url(strong.salt),
            "wrapped": keys.b64url(strong.wrapped),
        },
    }
    if device.bond is not None:
        document["bond"] = {
            "device": device.bond.device,
            "account": device.bond.account,
            "appSpace": device.bond.app_space,
            "serviceKeys": keys.jwks_document(device.bond.service_keys),
            "keysAt": device.bond.keys_at,
        }
    return document


def _device(document: Any, clock: Clock, entropy: Entropy) -> SoftwareDevice:
    if document["version"] != VERSION:
        raise ValueError
    own, strong, bond = document["deviceKey"], document["strongKey"], document.get("bond")
    return SoftwareDevice(
        clock=clock,
        entropy=entropy,
        device_key=keys.private_key(
            keys.unb64url(own["pkcs8"]), kid=own["kid"], algorithm=Algorithm(own["algorithm"])
        ),
        strong_key=WrappedKey(
            kid=strong["kid"],
            algorithm=Algorithm(strong["algorithm"]),
            wrapping=Wrapping(strong["wrapping"]),
            cost=strong["cost"],
            salt=keys.unb64url(strong["salt"]),
            wrapped=keys.unb64url(strong["wrapped"]),
        ),
        bond=None
        if bond is None
        else Bond(
            device=parse(bond["device"], field="bond.device"),
            account=parse(bond["account"], field="bond.account"),
            app_space=parse(bond["appSpace"], field="bond.appSpace"),
            service_keys=keys.trusted_keys(bond["serviceKeys"], field="bond.serviceKeys"),
            keys_at=int(bond["keysAt"]),
        ),
    )
