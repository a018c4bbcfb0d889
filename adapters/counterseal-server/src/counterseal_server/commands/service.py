"""`counterseal serve`: the service runs."""

from __future__ import annotations

from typing import Any

import click

from counterseal_server.commands.options import CONFIG, DATA, configured, explained
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_lines


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
            print_lines(explained(config, **flags))
        return
    with plainly():
        from counterseal_server import serving  # noqa: PLC0415 (a fast start)

        serving.serve(configured(config, **flags))
