"""`counterseal serve`: run the service."""

from __future__ import annotations

from typing import Any

import click

import counterseal_server as server
from counterseal_server.commands.options import CONFIG, DATA, configured, sourced
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_lines


@click.command()
@DATA
@CONFIG
@click.option("--host", metavar="ADDRESS", help="The address to listen at; 127.0.0.1 by default.")
@click.option("--port", type=int, metavar="N", help="The port to listen at; 8787 by default.")
@click.option("--public-url", metavar="URL", help="The URL that clients use, before the path.")
@click.option(
    "--after-restore",
    is_flag=True,
    help="Wait first until all has expired that was answered before the store was restored.",
)
@click.option("--print-config", is_flag=True, help="Print the settings and exit.")
def serve(config: str | None, *, after_restore: bool, print_config: bool, **flags: Any) -> None:
    """
    Run the service until SIGTERM or SIGINT.

    Every setting can also be in --config, or in the environment as COUNTERSEAL_NAME.
    `counterseal restore` lets it wait by itself; give --after-restore once if you have restored
    PostgreSQL or Redis.
    --print-config prints the settings and their sources as TOML, without secrets, and fails if the
    service would refuse them.
    """
    if print_config:
        with plainly():
            settings, sourced_values = sourced(config, **flags)
            print_lines(server.effective_text(settings, sourced_values))
            server.require_servable(settings)
        return
    with plainly():
        server.serve(configured(config, **flags), after_restore=after_restore)
