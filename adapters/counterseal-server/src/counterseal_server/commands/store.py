"""`counterseal store`: what is kept is looked after."""

from __future__ import annotations

import click

from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import plainly


@click.group()
def store() -> None:
    """Look after what is kept."""


@store.command()
@DATA
@CONFIG
def purge(data: str | None, config: str | None) -> None:
    """
    Drop what need not be kept any more: the policy's `retention` says how long.

    A running service does so every ten minutes.
    """
    with plainly():
        from counterseal_server.house import House  # noqa: PLC0415 (a fast start)

        with House(configured(config, data=data)) as house:
            house.prepare()
            gone = house.forget()
        click.echo(f"dropped: {gone}")
