"""A new device and an old one: the comparison code that both show, and what the old one signs."""

from __future__ import annotations

from counterseal import keys
from counterseal.bindings.documents.confirmation import (
    CONFIRM_TYP,
    Choice,
    Confirmation,
    NewDevice,
    comparison_code,
    confirmation_claims,
)
from counterseal.bindings.documents.device import Bond
from counterseal.bindings.documents.enrolment import thumbprints_of
from counterseal.device.ports import Purpose
from counterseal.device.software import SoftwareDevice
from counterseal.errors import NotBound
from counterseal.models import DeviceKey, Role

ID_BYTES = 16


def own_comparison_code(device: SoftwareDevice, *, pin: str) -> str:
    """
    Return the comparison code of *device*, which is new and shows it.

    Args:
        pin: As at its enrolment; another one gives another code.

    Raises:
        NotBound: The device has not completed a binding.
        WrongPin: The PIN is wrong; RSA only.
    """
    bond = _bond(device)
    own_keys = (
        DeviceKey(role=Role.DEVICE, key=device.device_key.public),
        DeviceKey(role=Role.STRONG, key=device.unlock(pin, purpose=Purpose.COMPARE).public),
    )
    return comparison_code(bond.account, bond.device, thumbprints_of(own_keys))


def comparison_code_of(device: SoftwareDevice, new_device: NewDevice) -> str:
    """
    Return the comparison code of *new_device*, which *device* shows before its person decides.

    It is computed from the keys that the service has named: those that the person confirms.

    Raises:
        NotBound: The device has not completed a binding.
        InvalidField: A key of the new device is not a public JWK.
    """
    return comparison_code(_bond(device).account, new_device.device, new_device.thumbprints())


def sign_confirmation(
    device: SoftwareDevice, new_device: NewDevice, choice: Choice, *, pin: str
) -> str:
    """
    Sign by the strong key of *device* what its person has decided on *new_device*.

    Raises:
        NotBound: The device has not completed a binding.
        WrongPin: The PIN is wrong; RSA only. For other keys the service refuses the signature.
        InvalidField: A key of the new device is not a public JWK.
    """
    bond, key = _bond(device), device.unlock(pin, purpose=Purpose.CONFIRM)
    passkey = key.public.passkey
    confirmation = Confirmation(
        device=bond.device,
        account=bond.account,
        app_space=bond.app_space,
        binding=new_device.device,
        thumbprints=new_device.thumbprints(),
        choice=choice,
        device_key=None if passkey is None else device.device_key.public.thumbprint,
        issued_at=int(device.clock.now().timestamp()),
        id=keys.b64url(device.entropy.token(ID_BYTES)),
    )
    return keys.sign(key, typ=CONFIRM_TYP, claims=confirmation_claims(confirmation))


def _bond(device: SoftwareDevice) -> Bond:
    if device.bond is None:
        raise NotBound
    return device.bond
