"""`counterseal notify`: send push notifications, test one device, and list what failed."""

from __future__ import annotations

from datetime import timedelta

import click

import counterseal as cs
import counterseal_server as server
from counterseal import models
from counterseal.audit.documents import entry_document
from counterseal_server.commands.acting import guid, maybe_guid, opened, parse_moment
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Failed, plainly
from counterseal_server.printing import print_json, print_line

DAYS = timedelta(days=7)
"""How far `undelivered` looks back: it reads every notification of this time."""


@click.group()
def notify() -> None:
    """Send push notifications to users' devices, and list what no device got."""


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
        server.notify(configured(config, data=data))


@notify.command()
@click.argument("device", metavar="GUID")
@DATA
@CONFIG
def test(device: str, data: str | None, config: str | None) -> None:
    """
    Send a test message to each address of a device, and print the results.

    GUID is the device's: `guid` among the `devices` that `counterseal account show` prints. An
    address that is gone is removed. Exit code 1 means that the device was not notified.
    """
    with opened(data, config) as runtime:
        outcomes = cs.Notifications(runtime.ports, runtime.policy).test(
            guid(device, "guid"), by=cs.OPERATOR
        )
        for address, outcome in outcomes:
            after = "" if outcome.after is None else f", after {outcome.after.total_seconds():.0f}s"
            print_line(f"{address.kind.value}: {outcome.result.value}{after}")
    if not any(outcome.result is models.PushResult.DELIVERED for _, outcome in outcomes):
        raise Failed("nothing was delivered" if outcomes else "the device has no address")


@notify.command()
@click.option("--app-space", metavar="GUID", help="Only those of this App Space.")
@click.option(
    "--since",
    metavar="TIME",
    help="The earliest time of the end, like 2030-01-31T09:00:00Z. [default: 7 days ago]",
)
@click.option(
    "--limit", type=int, default=100, show_default=True, help="The most that are printed."
)
@DATA
@CONFIG
def undelivered(
    app_space: str | None,
    *,
    since: str | None,
    limit: int,
    data: str | None,
    config: str | None,
) -> None:
    """
    Print of which questions and new devices no device was notified, newest first.

    They are events of the audit log, one JSON object a line: `reason` is `undelivered` if no push
    service took the message, and `late` if no time was left for another attempt. A notification
    ends with its question, so it cannot be sent again.
    """
    with opened(data, config) as runtime:
        events = server.list_undelivered(
            cs.AuditLog(runtime.ports, runtime.policy),
            limit,
            app_space=maybe_guid(app_space, "app-space"),
            since=parse_moment(since, "since") or runtime.ports.clock.now() - DAYS,
            by=cs.OPERATOR,
        )
        for each in events:
            print_json(entry_document(each), indent=None)
