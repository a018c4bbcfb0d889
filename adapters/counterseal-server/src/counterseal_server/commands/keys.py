"""`counterseal keys`: the service's own keys are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from counterseal_server.commands.acting import YES, confirm
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json

if TYPE_CHECKING:  # a fast start
    from counterseal_server.runtime import Runtime


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
        from counterseal_server.runtime import Runtime  # noqa: PLC0415 (a fast start)

        with Runtime(configured(config, data=data)) as runtime:
            runtime.keys.signer.jwks()
            if not master:
                _ask_if_moved(runtime, yes=yes)
                new_key = runtime.keys.rotate_signing_key()
                print_json({"kid": new_key.kid, "thumbprint": new_key.thumbprint})
                return
            if runtime.keys.master_keys.in_environment:
                raise Unusable(
                    "master: it is in COUNTERSEAL_MASTER_KEY: put the new one before it there,"
                    " with a comma; then run keys reseal"
                )
            runtime.keys.rotate_master_key()


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
        from counterseal_server.runtime import Runtime  # noqa: PLC0415 (a fast start)

        with Runtime(configured(config, data=data)) as runtime:
            _ask_if_moved(runtime, yes=yes)
            runtime.keys.signer.reseal()


@keys.command()
@DATA
@CONFIG
def webpush(data: str | None, config: str | None) -> None:
    """
    Print the key that pages and apps subscribe with; the first time, make it.

    Another key would be another sender: whoever subscribed with this one would have to anew.
    """
    with plainly():
        from counterseal_server.runtime import Runtime  # noqa: PLC0415 (a fast start)
        from counterseal_server.webpush_key import ensure_public_key  # noqa: PLC0415

        with Runtime(configured(config, data=data)) as runtime:
            new_key = ensure_public_key(runtime.settings, runtime.ports.entropy)
            print_json({"publicKey": new_key})


def _ask_if_moved(runtime: Runtime, *, yes: bool) -> None:
    # The file's keys are ours; the environment's may be a slip, or of another service.
    if runtime.keys.master_keys.in_environment and not runtime.keys.sealed_by_newest():
        confirm(
            "The first key of COUNTERSEAL_MASTER_KEY has not sealed the signing keys yet, and"
            " they would open with it alone. Is it the right one, and kept where it stays?",
            yes=yes,
        )
