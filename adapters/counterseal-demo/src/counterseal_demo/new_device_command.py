"""Commands for a new phone: invite it, compare the codes, and decide."""

from __future__ import annotations

import sys

import click

import counterseal_server as server
from counterseal import device as devices
from counterseal.errors import InvalidField
from counterseal.wire.members import format_time, write_record
from counterseal_demo import device_cli
from counterseal_demo.device_command import REQUIREMENT
from counterseal_demo.device_options import (
    AS_JSON,
    HOME,
    ask_pin,
    open_device,
    read_guid,
)
from counterseal_demo.device_words import say
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_json, print_line, print_lines

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
        invited = device_cli.invite_device(client)
        if as_json:
            print_json(write_record(invited))
            return
        screen = server.Screen()
        screen.write_line(invited.link)
        if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
            print_lines(server.qr(invited.link))
        rows = [("device", invited.device), ("valid_until", format_time(invited.expires_at))]
        screen.facts((say(label), value) for label, value in rows)


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
                "comparisonCode": devices.comparison_code_of(client.device, each),
                "expiresAt": format_time(each.expires_at),
            }
            for each in device_cli.list_new_devices(client)
        ]
        if as_json:
            print_json({"newDevices": waiting})
            return
        if not waiting:
            print_line(say("no_new_device"))
        for document in waiting:
            row = say(
                "waiting_device",
                device=document["device"],
                code=document["comparisonCode"],
                name=repr(document["name"]),
                moment=document["expiresAt"],
            )
            print_line(row)


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
        selected = device_cli.Choice(choice)
        new_device = device_cli.find_new_device(client, read_guid(guid))
        if selected is not device_cli.Choice.REFUSE and code is None:
            print_line(say("new_device", name=repr(new_device.name)), err=True)
            code = str(click.prompt(say("ask_shown_code"), err=True))
        decision = device_cli.decide_on_device(
            client, new_device, selected, code=code, ask_pin=ask_pin
        )
        print_line(say("decided", state=decision.state.value, device=decision.device))
        if selected is device_cli.Choice.MOVE:
            print_line(say("moved"))


@click.command()
@HOME
def comparison_code(home: str) -> None:
    """
    Show the comparison code of this device, while it waits to be confirmed.

    It depends on the PIN: a wrong PIN gives another code.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        show_comparison_code(client, ask_pin())


def show_comparison_code(client: device_cli.DeviceClient, pin: str) -> None:
    """
    Print the comparison code of a device that waits, and until when it waits.

    Raises:
        InvalidField: The device was bound without a confirmation.
    """
    bond = client.device.bond
    if bond is None or bond.confirm_by is None:
        raise InvalidField("home", "this device needs no confirmation")
    code = devices.own_comparison_code(client.device, pin=pin)
    print_line(say("comparison_code", code=code))
    print_line(say("unconfirmed", moment=format_time(bond.confirm_by)))
