"""`counterseal binding`: support staff change single devices of users."""

from __future__ import annotations

from collections.abc import Callable

import click

import counterseal as cs
import counterseal_server as server
from counterseal import models
from counterseal_server.commands.acting import YES, confirm, guid, opened, print_document
from counterseal_server.commands.options import CONFIG, DATA

DEVICE = click.argument("device", metavar="GUID")


@click.group()
def binding() -> None:
    """
    Suspend, resume and revoke a device of a user.

    GUID is the device's (`deviceGuid`); `counterseal account show` lists it.
    """


@binding.command()
@DEVICE
@DATA
@CONFIG
def suspend(device: str, data: str | None, config: str | None) -> None:
    """Suspend a device until it is resumed."""
    _change(data, config, lambda devices, by: devices.suspend(guid(device, "guid"), by=by))


@binding.command()
@DEVICE
@DATA
@CONFIG
def resume(device: str, data: str | None, config: str | None) -> None:
    """Resume a device that was suspended by support staff."""
    _change(data, config, lambda devices, by: devices.resume(guid(device, "guid"), by=by))


@binding.command()
@DEVICE
@YES
@DATA
@CONFIG
def revoke(device: str, *, yes: bool, data: str | None, config: str | None) -> None:
    """Revoke a device, or an open invitation, permanently."""
    confirm("Revoke it permanently?", yes=yes)
    _change(data, config, lambda devices, by: devices.revoke(guid(device, "guid"), by=by))


def _change(
    data: str | None,
    config: str | None,
    change: Callable[[cs.Devices, models.Operator], models.Binding],
) -> None:
    with opened(data, config) as runtime:
        print_document(
            server.device_document(change(cs.Devices(runtime.ports, runtime.policy), cs.OPERATOR))
        )
