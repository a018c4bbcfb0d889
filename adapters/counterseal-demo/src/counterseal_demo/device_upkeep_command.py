"""Commands to maintain a device: its push addresses, its keys, and the events that it reports."""

from __future__ import annotations

import json

import click

from counterseal import models
from counterseal.wire.telemetry import read_report
from counterseal_demo import device_cli
from counterseal_demo.device_command import REQUIREMENT
from counterseal_demo.device_options import (
    HOME,
    ask_pin,
    new_pin,
    open_device,
    read_guid,
)
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_line

KINDS = ("fcm_token", "fcm_fid", "webpush", "apns", "relay")
ROLES = ("device", "strong")


@click.command()
@HOME
def addresses(home: str) -> None:
    """
    List the push addresses that this device has registered.

    The service says only how many it has; it removes those that a push service refuses for good.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        for address in client.home.addresses():
            print_line(f"{address.kind.value} {address.value}")
        print_line(f"addresses at the service: {client.status().addresses}")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("value")
@HOME
def set_address(kind: str, value: str, home: str) -> None:
    """Register the push address VALUE, beside the others; for Web Push it is a subscription."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        status = device_cli.add_address(
            client, models.PushAddress(kind=models.AddressKind(kind), value=value)
        )
        print_line(f"addresses at the service: {status.addresses}")


@click.command()
@click.argument("value", required=False)
@HOME
@click.option("--all", "every", is_flag=True, help="Remove all addresses.")
def remove_address(value: str | None, home: str, *, every: bool) -> None:
    """Remove the push address VALUE, or all with --all."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        if every == (value is not None):
            raise Unusable("value: give an address, or --all")
        status = (
            device_cli.set_addresses(client, ())
            if value is None
            else device_cli.remove_address(client, value)
        )
        print_line(f"addresses at the service: {status.addresses}")


@click.command()
@HOME
@click.option(
    "--key",
    "role",
    type=click.Choice(ROLES),
    help="The key to replace; by default both. The strong key needs the PIN.",
)
@click.option("--change-pin", is_flag=True, help="Ask for a new PIN of the new strong key.")
def rotate(home: str, *, role: str | None, change_pin: bool) -> None:
    """
    Replace the keys of this device.

    If the reply is lost, the next command finds out which keys the service has.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        roles = tuple(models.Role) if role is None else (models.Role(role),)
        if change_pin and models.Role.STRONG not in roles:
            raise Unusable("change-pin: the device key has no PIN")
        pin = ask_pin() if models.Role.STRONG in roles else ""
        next_pin = new_pin("COUNTERSEAL_NEW_PIN") if change_pin else pin
        status = device_cli.rotate(
            client.home, client.calls, client.device, roles=roles, pin=pin, new_pin=next_pin
        )
        for key in status.keys:
            print_line(f"{key.role.value} key: {key.kid}")


@click.command()
@click.argument("event")
@HOME
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME=VALUE",
    help="A word about the event; may be repeated.",
)
@click.option("--request", metavar="GUID", help="The question that it is about.")
def telemetry(event: str, home: str, *, attributes: tuple[str, ...], request: str | None) -> None:
    """Report EVENT, such as REQUEST_VIEWED, for the audit log of the service."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        pairs = [attribute.partition("=") for attribute in attributes]
        if not all(separator for _, separator, _ in pairs):
            raise Unusable("attribute: not of the form NAME=VALUE")
        document: dict[str, object] = {"event": event}
        if pairs:
            document["attributes"] = {name: text for name, _, text in pairs}
        if request is not None:
            document["requestGuid"] = read_guid(request)
        read_report(document)  # names what does not fit before it is sent
        client.calls.record_telemetry(client.device, json.dumps(document).encode())
        print_line(f"reported: {event}")
