"""
Rotation of a device's keys: what is sent, and what to do if the reply is lost.

New keys are stored before they are sent. If the reply is lost, nobody knows which keys the service
has, so the next command asks for the device's status with the new ones.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from counterseal.bindings.documents.device import AccountStatus, DeviceStatus, KeyName
from counterseal.device import SoftwareDevice, WrappedKey
from counterseal.models import Role
from counterseal_demo.device_cli.home import Home
from counterseal_http.devices import DENIED, DeviceCalls, ServiceRefused


def rotate(
    home: Home,
    calls: DeviceCalls,
    device: SoftwareDevice,
    *,
    roles: Iterable[Role],
    pin: str,
    new_pin: str,
) -> DeviceStatus:
    """
    Replace the keys of *device* that have *roles*; after a lost reply, any command completes it.

    Args:
        home: The folder of the device.
        calls: The calls to its service.
        device: The device, which has the new keys afterwards.
        roles: Which keys are replaced.
        pin: The PIN of the strong key; any text if only the device key is replaced.
        new_pin: The PIN of a new strong key.

    Raises:
        ServiceRefused: The service refused the call, for example because of a wrong PIN.
        ServiceUnreachable: It did not reply, or its reply is invalid.
        OSError: The folder cannot be written.
    """
    rotation = device.rotation(pin=pin, new_pin=new_pin, roles=roles)
    rotated = attrs.evolve(device)
    rotated.complete_rotation(rotation)
    home.keep_rotated(rotated)
    try:
        status = calls.json_request(device, "POST", "/device/rotate", rotation.body, DeviceStatus)
    except ServiceRefused:
        home.drop_rotated()
        raise
    device.complete_rotation(rotation)
    home.keep(device)
    home.drop_rotated()
    return status


def completed_rotation(home: Home, calls: DeviceCalls, device: SoftwareDevice) -> SoftwareDevice:
    """
    Return *device* with the keys that the service has, if a rotation of it was interrupted.

    Raises:
        InvalidField: The file of the new keys was not written by this software.
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
        OSError: The folder cannot be written.
    """
    rotated = home.rotated()
    if rotated is None:
        return device
    try:
        status = calls.signed_request(rotated, "GET", "/device/status", AccountStatus)
    except ServiceRefused as refusal:
        if refusal.word != DENIED:
            raise
        if refusal.reason is not None:  # only the device itself reads it: its proof is valid
            return rotated
        home.drop_rotated()
        return device
    accepted = set(status.keys) == _key_names(rotated)
    if accepted:
        home.keep(rotated)
    home.drop_rotated()
    return rotated if accepted else device


def _key_names(device: SoftwareDevice) -> set[KeyName]:
    strong_key = device.strong_key
    strong_kid = strong_key.kid if isinstance(strong_key, WrappedKey) else strong_key.public.kid
    return {
        KeyName(role=Role.DEVICE, kid=device.device_key.public.kid),
        KeyName(role=Role.STRONG, kid=strong_kid),
    }
