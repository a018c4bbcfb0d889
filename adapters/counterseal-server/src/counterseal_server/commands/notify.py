"""`counterseal notify`: send push notifications, and test one device."""

from __future__ import annotations

import click

from counterseal_server.commands.acting import guid, opened
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Failed, plainly
from counterseal_server.printing import print_line


@click.group()
def notify() -> None:
    """Send push notifications to users' devices."""


@notify.command()
@DATA
@CONFIG
def run(data: str | None, config: str | None) -> None:
    """
    Notify devices until SIGTERM or SIGINT; any number of these may run.

    Set `notification_workers = 0` for `serve`. The channels must be set for `serve` too,
    because it queues notifications only for channels that are set.
    """
    with plainly():
        from counterseal_server import serving  # noqa: PLC0415 (a fast start)

        serving.notify(configured(config, data=data))


@notify.command()
@click.argument("device", metavar="GUID")
@DATA
@CONFIG
def test(device: str, data: str | None, config: str | None) -> None:
    """
    Send a test message to each address of a device, and print the results.

    GUID is the device's (`deviceGuid`); `counterseal account show` lists it. An address that
    is gone is removed. Exit code 1 means that the device was not notified.
    """
    with opened(data, config) as runtime:
        from counterseal import OPERATOR, Notifications  # noqa: PLC0415 (a fast start)
        from counterseal.models import PushResult  # noqa: PLC0415

        outcomes = Notifications(runtime.ports, runtime.policy).test(guid(device), by=OPERATOR)
        for address, outcome in outcomes:
            after = "" if outcome.after is None else f", after {outcome.after.total_seconds():.0f}s"
            print_line(f"{address.kind.value}: {outcome.result.value}{after}")
    if not any(outcome.result is PushResult.DELIVERED for _, outcome in outcomes):
        raise Failed("nothing was delivered" if outcomes else "the device has no address")
