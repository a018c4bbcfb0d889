"""`counterseal serve` and `counterseal callbacks`: the service runs."""

from __future__ import annotations

from typing import Any

import click

from counterseal_server.commands.options import CONFIG, DATA, configured, explained
from counterseal_server.plainly import plainly


@click.command()
@DATA
@CONFIG
@click.option("--host", metavar="ADDRESS", help="Where to listen; 127.0.0.1 by default.")
@click.option("--port", type=int, metavar="N", help="Where to listen; 8787 by default.")
@click.option("--public-url", metavar="URL", help="What clients write before a path.")
@click.option("--print-config", is_flag=True, help="Print the settings, and do not run.")
def serve(config: str | None, *, print_config: bool, **flags: Any) -> None:
    """
    Run the Auth Service until it is told to stop.

    Every setting may also stand in --config, or in the environment as COUNTERSEAL_NAME.
    --print-config says what they are and where each comes from, as TOML; secrets are not shown.
    """
    if print_config:
        with plainly():
            click.echo(explained(config, **flags))
        return
    with plainly():
        from counterseal_server import serving  # noqa: PLC0415 (a fast start)

        serving.serve(configured(config, **flags))


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
@click.argument("guid")
@DATA
@CONFIG
def requeue(guid: str, data: str | None, config: str | None) -> None:
    """Send the dead callback GUID again; the log names callbacks by theirs."""
    with plainly():
        from counterseal import Callbacks  # noqa: PLC0415 (a fast start)
        from counterseal.models.guid import parse  # noqa: PLC0415
        from counterseal_server.house import House  # noqa: PLC0415

        with House(configured(config, data=data)) as house:
            house.prepare()
            queued = Callbacks(house.ports, house.policy).requeue(parse(guid, field="guid"))
        click.echo(queued.state.value)
