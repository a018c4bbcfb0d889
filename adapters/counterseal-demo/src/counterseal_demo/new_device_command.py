"""Commands for a new phone: invite it, compare the codes, and decide."""

from __future__ import annotations

import sys

import click

from counterseal.bindings.documents.confirmation import Choice
from counterseal.device import comparison_code_of, own_comparison_code
from counterseal.errors import InvalidField
from counterseal.wire.members import format_time, write_record
from counterseal_demo.device_cli import (
    DeviceClient,
    decide_on_device,
    find_new_device,
    invite_device,
    list_new_devices,
)
from counterseal_demo.device_command import REQUIREMENT
from counterseal_demo.device_options import (
    AS_JSON,
    HOME,
    ask_pin,
    open_device,
    read_guid,
)
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_json, print_line, print_lines
from counterseal_server.screen import Screen, qr

CHOICES = ("add", "move", "refuse")


@click.command()
@HOME
@AS_JSON
def invite(home: str, *, as_json: bool) -> None:
    """
    Invite another device of the account: print a link and a QR code.

    What is bound by the link may answer nothing until this device has added it.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        invited = invite_device(client)
        if as_json:
            print_json(write_record(invited))
            return
        screen = Screen()
        screen.write_line(invited.link)
        if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
            print_lines(qr(invited.link))
        screen.facts([("Device", invited.device), ("Valid until", format_time(invited.expires_at))])


@click.command()
@HOME
@AS_JSON
def new_devices(home: str, *, as_json: bool) -> None:
    """
    List the new devices that wait, with their comparison codes.

    Each code is computed from the keys of the new device; that device has to show the same one.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        waiting = [
            {
                "device": each.device,
                "name": each.name,
                "comparisonCode": comparison_code_of(client.device, each),
                "expiresAt": format_time(each.expires_at),
            }
            for each in list_new_devices(client)
        ]
        if as_json:
            print_json({"newDevices": waiting})
            return
        if not waiting:
            print_line("No new device waits.")
        for document in waiting:
            print_line(
                f"{document['device']} {document['comparisonCode']} {document['name']!r},"
                f" until {document['expiresAt']}"
            )


@click.command()
@click.argument("guid")
@click.argument("choice", type=click.Choice(CHOICES))
@HOME
@click.option(
    "--code", metavar="C", help="The code that the new device shows; not needed to refuse it."
)
def decide(guid: str, choice: str, home: str, *, code: str | None) -> None:
    """
    Decide on the new device GUID, by the PIN: add it, move to it, or refuse it.

    To move revokes this device, and deletes its keys.
    The code is what the new device shows; it is compared with the one of the keys that are added.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        selected = Choice(choice)
        new_device = find_new_device(client, read_guid(guid))
        if selected is not Choice.REFUSE and code is None:
            print_line(f"The new device is {new_device.name!r}.", err=True)
            code = str(click.prompt("Code that it shows", err=True))
        decision = decide_on_device(client, new_device, selected, code=code, ask_pin=ask_pin)
        print_line(f"{decision.state.value}: device {decision.device}")
        if selected is Choice.MOVE:
            print_line("moved: this device is revoked, and its keys are deleted")


@click.command()
@HOME
def comparison_code(home: str) -> None:
    """
    Show the comparison code of this device, while it waits to be confirmed.

    It depends on the PIN: a wrong PIN gives another code.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        show_comparison_code(client, ask_pin())


def show_comparison_code(client: DeviceClient, pin: str) -> None:
    """
    Print the comparison code of a device that waits, and until when it waits.

    Raises:
        InvalidField: The device was bound without a confirmation.
    """
    bond = client.device.bond
    if bond is None or bond.confirm_by is None:
        raise InvalidField("home", "this device needs no confirmation")
    print_line(f"comparison code: {own_comparison_code(client.device, pin=pin)}")
    print_line(f"not confirmed yet: it ends at {format_time(bond.confirm_by)} unless it is")
