"""A bound device and a new one: invite it, list what waits, and decide."""

from __future__ import annotations

from collections.abc import Callable

from counterseal.bindings.documents.confirmation import (
    Choice,
    DeviceDecision,
    NewDevice,
    NewDevices,
    typed_code,
)
from counterseal.bindings.documents.device import InvitedDevice
from counterseal.device import comparison_code_of, sign_confirmation
from counterseal.errors import InvalidField
from counterseal.models import Guid
from counterseal_demo.device_cli.device import DeviceClient
from counterseal_http.devices import ServiceUnreachable

PATH = "/device/confirmations"


def invite_device(client: DeviceClient) -> InvitedDevice:
    """
    Return an invitation for another device of the account; its link is a secret.

    Raises:
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
    """
    return client.calls.signed_request(client.device, "POST", "/device/invitations", InvitedDevice)


def list_new_devices(client: DeviceClient) -> tuple[NewDevice, ...]:
    """
    Return the new devices of the account that wait, oldest first.

    Raises:
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
    """
    return client.calls.signed_request(client.device, "GET", PATH, NewDevices).confirmations


def find_new_device(client: DeviceClient, guid: Guid) -> NewDevice:
    """
    Return the new device *guid*, which waits.

    Raises:
        InvalidField: No new device with this GUID waits.
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
    """
    for new_device in list_new_devices(client):
        if new_device.device == guid:
            return new_device
    raise InvalidField("guid", "no new device with it waits")


def decide_on_device(
    client: DeviceClient,
    new_device: NewDevice,
    choice: Choice,
    *,
    code: str | None,
    ask_pin: Callable[[], str],
) -> DeviceDecision:
    """
    Sign the person's choice by the strong key, and send it.

    After a move, the device is revoked, and its folder's content is deleted.

    Args:
        client: The device that decides.
        new_device: As the service lists it; its keys are what is signed.
        choice: What to do with it.
        code: The code that the new device shows, as the person typed it; None to refuse it.
        ask_pin: Asks for the PIN when it is needed.

    Raises:
        InvalidField: The code is not that of *new_device*: somebody may have changed its keys.
        ServiceRefused: The service refused the call, for example because of a wrong PIN.
        ServiceUnreachable: It did not reply, or its reply is invalid.
        OSError: The folder cannot be written.
    """
    if choice is not Choice.REFUSE and (
        code is None or typed_code(code) != comparison_code_of(client.device, new_device)
    ):
        raise InvalidField("code", "not the code of this new device; do not add it")
    signed = sign_confirmation(client.device, new_device, choice, pin=ask_pin())
    decision = client.calls.signed_request(client.device, "POST", PATH, DeviceDecision, signed)
    if decision.device != new_device.device:
        raise ServiceUnreachable("a reply about another device")
    if choice is Choice.MOVE:
        client.device.complete_unbinding()
        client.home.clear()
    return decision
