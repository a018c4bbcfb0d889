"""`counterseal callbacks`: the delivery of what has ended."""

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
    """Deliver finished challenges."""


@callbacks.command()
@DATA
@CONFIG
def run(data: str | None, config: str | None) -> None:
    """Deliver callbacks until told to stop; any number of these may run."""
    with plainly():
        from counterseal_server import serving  # noqa: PLC0415 (a fast start)

        serving.deliver(configured(config, data=data))


@callbacks.command()
@click.option("--origin", metavar="GUID", required=True, help="Whose.")
@click.option("--limit", type=int, default=100, show_default=True, help="At most how many.")
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
@click.option("--limit", type=int, default=100, show_default=True, help="At most how many.")
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
@click.option("--origin", metavar="GUID", help="Instead of one: all queued ones of this origin.")
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

    Callbacks that carry an answer are dropped too; the origin can still ask how a request ended.
    """
    if (callback is None) == (origin is None):
        raise Unusable("guid: give one callback's, or --origin")
    confirm("Drop what was not sent yet?", yes=yes)
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
@click.option("--origin", metavar="GUID", help="Instead of one: all dead ones of this origin.")
@DATA
@CONFIG
def requeue(
    callback: str | None, *, origin: str | None, data: str | None, config: str | None
) -> None:
    """
    Send the dead callback GUID again, or all of an --origin.

    `callbacks dead` and the log name callbacks by their GUIDs. Of all, those are left whose
    challenge is no longer kept.
    """
    if (callback is None) == (origin is None):
        raise Unusable("guid: give one callback's, or --origin")
    with opened(data, config) as runtime:
        from counterseal import OPERATOR, Callbacks  # noqa: PLC0415 (a fast start)
        from counterseal_server.outbox import requeue_all  # noqa: PLC0415

        outbox, whose = Callbacks(runtime.ports, runtime.policy), maybe_guid(origin, "origin")
        if whose is not None:
            queued_count, remaining_count = requeue_all(outbox, whose, by=OPERATOR)
            print_document({"queued": queued_count, "left": remaining_count})
        elif callback is not None:
            print_line(outbox.requeue(guid(callback), by=OPERATOR).state.value)
