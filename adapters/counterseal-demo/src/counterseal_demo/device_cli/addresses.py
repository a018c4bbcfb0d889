"""
The push addresses of a device.

The service replaces the whole list, and says only how many it has: a device stores its own list.
"""

from __future__ import annotations

from counterseal import ijson
from counterseal.bindings.documents.device import DeviceStatus
from counterseal.bindings.documents.enrolment import Update, update_document
from counterseal.models import PushAddress
from counterseal_demo.device_cli.device import DeviceClient


def add_address(client: DeviceClient, address: PushAddress) -> DeviceStatus:
    """
    Register *address* beside the others; one that is registered already stays.

    Raises:
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
        OSError: The folder cannot be written.
    """
    others = tuple(each for each in client.home.addresses() if each != address)
    return set_addresses(client, (*others, address))


def remove_address(client: DeviceClient, value: str) -> DeviceStatus:
    """
    Remove each address with *value*; one that is not registered is no error.

    Raises:
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
        OSError: The folder cannot be written.
    """
    return set_addresses(
        client, tuple(each for each in client.home.addresses() if each.value != value)
    )


def set_addresses(client: DeviceClient, addresses: tuple[PushAddress, ...]) -> DeviceStatus:
    """
    Replace all addresses of the device.

    Raises:
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
        OSError: The folder cannot be written.
    """
    body = ijson.compact(update_document(Update(addresses=addresses)))
    status = client.calls.json_request(client.device, "PATCH", "/device", body, DeviceStatus)
    client.home.keep_addresses(addresses)
    return status
