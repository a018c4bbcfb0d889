"""`counterseal keys`: the service's own keys are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from counterseal_server.commands.acting import YES, asked
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json

if TYPE_CHECKING:  # a fast start
    from counterseal_server.house import House


@click.group()
def keys() -> None:
    """Renew the service's own keys."""


@keys.command()
@DATA
@CONFIG
@YES
@click.option("--master", is_flag=True, help="Renew the master key, not the signing key.")
def rotate(data: str | None, config: str | None, *, yes: bool, master: bool) -> None:
    """
    Make a new key; what the old ones signed or sealed stays good.

    A running service takes the new key at once.
    """
    with plainly():
        from counterseal_server.house import House  # noqa: PLC0415 (a fast start)

        with House(configured(config, data=data)) as house:
            house.keys.signer.jwks()
            if not master:
                _ask_if_moved(house, yes=yes)
                made = house.keys.rotate_signing_key()
                print_json({"kid": made.kid, "thumbprint": made.thumbprint})
                return
            if house.keys.master_keys.in_environment:
                raise Unusable(
                    "master: it is in COUNTERSEAL_MASTER_KEY: put the new one before it there,"
                    " with a comma; then run keys reseal"
                )
            house.keys.rotate_master_key()


@keys.command()
@DATA
@CONFIG
@YES
def reseal(data: str | None, config: str | None, *, yes: bool) -> None:
    """
    Seal the signing keys anew, under the master key of now.

    It asks before they go under a key of the environment that has sealed none of them:
    whoever loses that key loses them.
    """
    with plainly():
        from counterseal_server.house import House  # noqa: PLC0415 (a fast start)

        with House(configured(config, data=data)) as house:
            _ask_if_moved(house, yes=yes)
            house.keys.signer.reseal()


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
            print_json({"publicKey": made})


def _ask_if_moved(house: House, *, yes: bool) -> None:
    # The file's keys are ours; the environment's may be a slip, or of another service.
    if house.keys.master_keys.in_environment and not house.keys.sealed_by_newest():
        asked(
            "The first key of COUNTERSEAL_MASTER_KEY has not sealed the signing keys yet, and"
            " they would open with it alone. Is it the right one, and kept where it stays?",
            yes=yes,
        )
