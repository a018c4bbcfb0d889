"""`counterseal overview`: whether the store answers, and what is in it."""

from __future__ import annotations

import time

import click

import counterseal as cs
import counterseal_server as server
from counterseal import models
from counterseal_server.commands.acting import maybe_guid, opened, print_document
from counterseal_server.commands.options import CONFIG, DATA


@click.command()
@click.option("--app-space", metavar="GUID", help="Only the numbers of this App Space.")
@DATA
@CONFIG
def overview(app_space: str | None, data: str | None, config: str | None) -> None:
    """
    Print how many users and origins are active, and how much is pending, queued or dead.

    One JSON object. The store has these numbers ready, however much is in it.
    `storeMilliseconds` is how long it took to read them.
    """
    with opened(data, config) as runtime:
        space = maybe_guid(app_space, "app-space")
        begin = time.monotonic()
        gauges = cs.Gauges(runtime.ports, runtime.policy).read(app_space=space, by=cs.OPERATOR)
        milliseconds = round((time.monotonic() - begin) * 1_000)
        sums = {gauge.value: count for gauge, count in models.sum_gauges(gauges).items()}
        print_document(
            {"sums": sums, **server.gauges_document(gauges), "storeMilliseconds": milliseconds}
        )
