"""`counterseal callbacks`: deliver callbacks, and correct their queue."""

from __future__ import annotations

import click

from counterseal_server.commands.acting import (
    YES,
    confirm,
    guid,
    maybe_guid,
    opened,
    print_document,
)
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json, print_line


@click.group()
def callbacks() -> None:
    """Deliver callbacks, and list, drop or requeue them."""


@callbacks.command()
@DATA
@CONFIG
def run(data: str | None, config: str | None) -> None:
    """Deliver callbacks until SIGTERM or SIGINT; any number of these may run."""
    with plainly():
        from counterseal_server import serving  # noqa: PLC0415 (a fast start)

        serving.deliver(configured(config, data=data))


@callbacks.command()
@click.option("--origin", metavar="GUID", required=True, help="Whose.")
@click.option(
    "--limit", type=int, default=100, show_default=True, help="The most that are printed."
)
@DATA
@CONFIG
def dead(origin: str, *, limit: int, data: str | None, config: str | None) -> None:
    """Print the dead callbacks of an origin, oldest first, one JSON object a line."""
    with opened(data, config) as runtime:
        from counterseal import OPERATOR, Callbacks  # noqa: PLC0415 (a fast start)
        from counterseal_web.admin.documents import delivery_document  # noqa: PLC0415

        for each in Callbacks(runtime.ports, runtime.policy).list_dead(
            guid(origin, "origin"), limit, by=OPERATOR
        ):
            print_json(delivery_document(each), indent=None)


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
        from counterseal import OPERATOR, Callbacks  # noqa: PLC0415 (a fast start)
        from counterseal_web.admin.documents import delivery_document  # noqa: PLC0415

        outbox, whose = Callbacks(runtime.ports, runtime.policy), guid(origin, "origin")
        for each in outbox.list_queued(whose, limit, by=OPERATOR):
            print_json(delivery_document(each), indent=None)


@callbacks.command()
@click.argument("callback", metavar="GUID", required=False)
@click.option("--origin", metavar="GUID", help="Drop all queued callbacks of this origin instead.")
@YES
@DATA
@CONFIG
def drop(
    callback: str | None,
    *,
    origin: str | None,
    yes: bool,
    data: str | None,
    config: str | None,
) -> None:
    """
    Drop the queued callback GUID, or all of an --origin: they are never sent.

    This includes callbacks that carry an answer; the origin can still fetch the request.
    """
    if (callback is None) == (origin is None):
        raise Unusable("guid: give the GUID of a callback, or --origin")
    confirm("Drop callbacks that were not sent yet?", yes=yes)
    with opened(data, config) as runtime:
        from counterseal import OPERATOR, Callbacks  # noqa: PLC0415 (a fast start)
        from counterseal_server.outbox import drop_all  # noqa: PLC0415

        outbox, whose = Callbacks(runtime.ports, runtime.policy), maybe_guid(origin, "origin")
        if whose is not None:
            print_document({"dropped": drop_all(outbox, whose, by=OPERATOR)})
        elif callback is not None:
            print_line(outbox.drop(guid(callback), by=OPERATOR).state.value)


@callbacks.command()
@click.argument("callback", metavar="GUID", required=False)
@click.option("--origin", metavar="GUID", help="Queue all dead callbacks of this origin instead.")
@DATA
@CONFIG
def requeue(
    callback: str | None, *, origin: str | None, data: str | None, config: str | None
) -> None:
    """
    Queue the dead callback GUID again, or all of an --origin.

    `callbacks dead` and the log show the GUIDs. Callbacks whose challenge was deleted
    cannot be queued, nor those of a realm's requests, which are sent at most once, if they may
    have arrived; with --origin, they are left.
    """
    if (callback is None) == (origin is None):
        raise Unusable("guid: give the GUID of a callback, or --origin")
    with opened(data, config) as runtime:
        from counterseal import OPERATOR, Callbacks  # noqa: PLC0415 (a fast start)
        from counterseal_server.outbox import requeue_all  # noqa: PLC0415

        outbox, whose = Callbacks(runtime.ports, runtime.policy), maybe_guid(origin, "origin")
        if whose is not None:
            queued_count, remaining_count = requeue_all(outbox, whose, by=OPERATOR)
            print_document({"queued": queued_count, "left": remaining_count})
        elif callback is not None:
            print_line(outbox.requeue(guid(callback), by=OPERATOR).state.value)
