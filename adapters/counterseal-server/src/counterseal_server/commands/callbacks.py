"""`counterseal callbacks`: deliver callbacks, and correct their queue."""

from __future__ import annotations

import click

import counterseal as cs
import counterseal_server as server
from counterseal import models
from counterseal_server.commands.acting import (
    YES,
    confirm,
    guid,
    opened,
    parse_moment,
    print_document,
)
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json, print_line

SINCE = click.option(
    "--since",
    metavar="TIME",
    help="Only dead callbacks that were created at or after TIME, like 2030-01-31T09:00:00Z. When"
    " a callback died is not stored: give the time at which the outage began, or an earlier one.",
)

UNREAD = (
    "An origin has more dead callbacks than a command looks at, and the oldest of them cannot be"
    " sent. Drop these (counterseal callbacks drop GUID) to reach newer ones."
)


@click.group()
def callbacks() -> None:
    """Deliver callbacks, and list, drop or requeue them."""


@callbacks.command()
@DATA
@CONFIG
def run(data: str | None, config: str | None) -> None:
    """Deliver callbacks until SIGTERM or SIGINT; any number of these may run."""
    with plainly():
        server.deliver(configured(config, data=data))


@callbacks.command()
@click.option("--origin", metavar="GUID", help="Only those of this origin.")
@SINCE
@click.option(
    "--limit", type=int, default=100, show_default=True, help="The most that are printed."
)
@DATA
@CONFIG
def dead(
    origin: str | None, *, since: str | None, limit: int, data: str | None, config: str | None
) -> None:
    """
    Print the dead callbacks of all origins, oldest first, one JSON object a line.

    `cause` says why each of them is dead, and `lastStatus` what its receiver replied last.
    """
    with opened(data, config) as runtime:
        outbox, earliest = cs.Callbacks(runtime.ports, runtime.policy), parse_moment(since, "since")
        if origin is None:
            dead_callbacks = outbox.list_all_dead(limit, since=earliest, by=cs.OPERATOR)
        else:
            whose = guid(origin, "origin")
            dead_callbacks = outbox.list_dead(whose, limit, since=earliest, by=cs.OPERATOR)
        for each in dead_callbacks:
            print_json(server.delivery_document(each), indent=None)


@callbacks.command("queued")
@click.option("--origin", metavar="GUID", required=True, help="Whose.")
@click.option(
    "--limit", type=int, default=100, show_default=True, help="The most that are printed."
)
@DATA
@CONFIG
def list_queued(origin: str, *, limit: int, data: str | None, config: str | None) -> None:
    """Print the queued callbacks of an origin, in the order of their next attempts."""
    with opened(data, config) as runtime:
        outbox, whose = cs.Callbacks(runtime.ports, runtime.policy), guid(origin, "origin")
        for each in outbox.list_queued(whose, limit, by=cs.OPERATOR):
            print_json(server.delivery_document(each), indent=None)


@callbacks.command()
@click.argument("callback", metavar="GUID", required=False)
@click.option("--origin", metavar="GUID", help="Drop all queued callbacks of this origin instead.")
@click.option(
    "--dead",
    "of_the_dead",
    is_flag=True,
    help="Drop all dead callbacks instead, of the --origin or of all origins.",
)
@SINCE
@YES
@DATA
@CONFIG
def drop(
    callback: str | None,
    *,
    origin: str | None,
    of_the_dead: bool,
    since: str | None,
    yes: bool,
    data: str | None,
    config: str | None,
) -> None:
    """
    Drop the queued or dead callback GUID, all queued of an --origin, or all --dead.

    They are never sent, nor queued again. This includes callbacks that carry an answer; the
    origin can still fetch the request.
    """
    if (callback is None) == (origin is None and not of_the_dead):
        raise Unusable("guid: give the GUID of a callback, --origin or --dead")
    if since is not None and not of_the_dead:
        raise Unusable("since: only with --dead")
    what = "dead callbacks" if of_the_dead else "callbacks that were not sent yet"
    confirm("Drop the callback?" if callback is not None else f"Drop {what}?", yes=yes)
    with opened(data, config) as runtime:
        outbox, earliest = cs.Callbacks(runtime.ports, runtime.policy), parse_moment(since, "since")
        if callback is not None:
            print_line(outbox.drop(guid(callback, "guid"), by=cs.OPERATOR).state.value)
            return
        origins = _origins(outbox, origin)
        if of_the_dead:
            counts = [
                server.drop_dead(outbox, each, since=earliest, by=cs.OPERATOR) for each in origins
            ]
        else:
            counts = [server.drop_all(outbox, each, by=cs.OPERATOR) for each in origins]
        print_document({"dropped": sum(counts)})


@callbacks.command()
@click.argument("callback", metavar="GUID", required=False)
@click.option("--origin", metavar="GUID", help="Queue all dead callbacks of this origin instead.")
@click.option(
    "--all",
    "of_all",
    is_flag=True,
    help="Queue all dead callbacks of all origins instead.",
)
@SINCE
@DATA
@CONFIG
def requeue(
    callback: str | None,
    *,
    origin: str | None,
    of_all: bool,
    since: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """
    Queue the dead callback GUID again, or all of an --origin or of --all origins.

    `callbacks dead` and the log show the GUIDs. Of many, ten leave each second.
    Callbacks whose challenge was deleted cannot be queued, nor those of a realm's requests, which
    are sent at most once, if they may have arrived; with --origin or --all, they are left.
    """
    if [callback is not None, origin is not None, of_all].count(True) != 1:
        raise Unusable("guid: give the GUID of a callback, --origin or --all")
    if since is not None and callback is not None:
        raise Unusable("since: only with --origin or --all")
    with opened(data, config) as runtime:
        outbox, earliest = cs.Callbacks(runtime.ports, runtime.policy), parse_moment(since, "since")
        if callback is not None:
            print_line(outbox.requeue(guid(callback, "guid"), by=cs.OPERATOR).state.value)
            return
        requeued = server.requeue_all(
            outbox, _origins(outbox, origin), since=earliest, by=cs.OPERATOR
        )
        print_document({"queued": requeued.queued_count, "left": requeued.remaining_count})
        if not requeued.complete:
            print_line(UNREAD, err=True)


def _origins(outbox: cs.Callbacks, origin: str | None) -> tuple[models.Guid, ...]:
    """Return the origin that an option names; without it, all that have dead callbacks."""
    if origin is not None:
        return (guid(origin, "origin"),)
    return outbox.origins_with_dead(by=cs.OPERATOR)
