"""`counterseal keys`: the service's own keys are renewed."""

from __future__ import annotations

import json

import click

from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Unusable, plainly


@click.group()
def keys() -> None:
    """Renew the service's own keys."""


@keys.command()
@DATA
@CONFIG
@click.option("--master", is_flag=True, help="Renew the master key, not the signing key.")
def rotate(data: str | None, config: str | None, *, master: bool) -> None:
    """
    Make a new key; what the old ones signed or sealed stays good.

    A running service takes the new key at once.
    """
    with plainly():
        from counterseal_server.house import House  # noqa: PLC0415 (a fast start)

        with House(configured(config, data=data)) as house:
            house.signer.jwks()
            if not master:
                made = house.signer.rotate()
                click.echo(json.dumps({"kid": made.kid, "thumbprint": made.thumbprint}, indent=2))
                return
            if house.master.from_environment:
                raise Unusable(
                    "master: it is in COUNTERSEAL_MASTER_KEY: put the new one before it there,"
                    " with a comma; then run keys reseal"
                )
            house.master.make(house.ports.entropy)
            house.signer.reseal()


@keys.command()
@DATA
@CONFIG
def reseal(data: str | None, config: str | None) -> None:
    """Seal the signing keys anew, under the master key of now."""
    with plainly():
        from counterseal_server.house import House  # noqa: PLC0415 (a fast start)

        with House(configured(config, data=data)) as house:
            house.signer.reseal()


@keys.command()
@DATA
@CONFIG
def webpush(data: str | None, config: str | None) -> None:
    """
    Print the key that pages and apps subscribe with; the first time, make it.

    Another key would be another sender: whoever subscribed with this one would have to anew.
    """
    with plainly():
        from counterseal_server.house import House  # noqa: PLC0415 (a fast start)
        from counterseal_server.webpush_key import held_or_made  # noqa: PLC0415

        with House(configured(config, data=data)) as house:
            made = held_or_made(house.settings, house.ports.entropy)
            click.echo(json.dumps({"publicKey": made}, indent=2))
