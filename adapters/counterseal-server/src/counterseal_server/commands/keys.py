"""`counterseal keys`: create, list, prepare and rotate the service's own keys."""

from __future__ import annotations

import click

import counterseal_server as server
from counterseal.wire.members import format_time
from counterseal_server.commands.acting import YES, confirm
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json


@click.group()
def keys() -> None:
    """Create, list, prepare and rotate the service's own keys."""


@keys.command("list")
@DATA
@CONFIG
def list_keys(data: str | None, config: str | None) -> None:
    """
    List the signing keys in the order of the key set, one JSON object a line.

    One key signs, a prepared one signs after the next rotation, and retired ones prove older
    receipts. Origins that pin keys compare the thumbprints.
    """
    with plainly(), server.Runtime(configured(config, data=data)) as runtime:
        for key in runtime.keys.signer.published_keys():
            document = {
                "kid": key.public.kid,
                "thumbprint": key.public.thumbprint,
                "algorithm": key.public.algorithm.value,
                "state": key.state.value,
                "since": None if key.since is None else format_time(key.since),
            }
            print_json(document, indent=None)


@keys.command()
@DATA
@CONFIG
def create(data: str | None, config: str | None) -> None:
    """
    Create the first keys of a new service, and print the signing key's thumbprint.

    init creates missing keys itself. This is for keys that are stored elsewhere before the
    service is created, such as in a Secret of Kubernetes. Existing keys are not replaced.
    """
    with plainly(), server.Runtime(configured(config, data=data)) as runtime:
        if runtime.keys.signer.path.exists():
            raise server.KeysExist(f"{runtime.keys.signer.path} exists, and is not replaced")
        runtime.keys.create_missing()
        (key,) = runtime.keys.signer.published_keys()
        print_json({"kid": key.public.kid, "thumbprint": key.public.thumbprint})


@keys.command()
@DATA
@CONFIG
@YES
def prepare(data: str | None, config: str | None, *, yes: bool) -> None:
    """
    Create a signing key that is published at once, and signs after the next rotation.

    Rotate when all verifiers that cache the key set have the new key.
    """
    with plainly(), server.Runtime(configured(config, data=data)) as runtime:
        _ask_if_moved(runtime, yes=yes)
        prepared_key = runtime.keys.prepare_signing_key()
        print_json({"kid": prepared_key.kid, "thumbprint": prepared_key.thumbprint})


@keys.command()
@DATA
@CONFIG
@YES
@click.option("--master", is_flag=True, help="Rotate the master key, not the signing key.")
def rotate(data: str | None, config: str | None, *, yes: bool, master: bool) -> None:
    """
    Use the prepared key, or a new one; what the old keys signed or sealed stays valid.

    A running service uses it at once. A master key is always a new one.
    """
    with plainly(), server.Runtime(configured(config, data=data)) as runtime:
        runtime.keys.signer.jwks()
        if not master:
            _ask_if_moved(runtime, yes=yes)
            new_key = runtime.keys.rotate_signing_key()
            print_json({"kid": new_key.kid, "thumbprint": new_key.thumbprint})
            return
        if runtime.keys.master_keys.in_environment:
            raise Unusable(
                "master: it is in COUNTERSEAL_MASTER_KEY: write the new key before it there,"
                " with a comma; then run keys reseal"
            )
        runtime.keys.rotate_master_key()


@keys.command()
@DATA
@CONFIG
@YES
def reseal(data: str | None, config: str | None, *, yes: bool) -> None:
    """
    Seal the signing keys with the present master key.

    It asks for confirmation if that key is from the environment and has sealed none of
    them: if that key is lost, the signing keys are lost.
    """
    with plainly(), server.Runtime(configured(config, data=data)) as runtime:
        _ask_if_moved(runtime, yes=yes)
        runtime.keys.signer.reseal()


@keys.command()
@DATA
@CONFIG
def webpush(data: str | None, config: str | None) -> None:
    """
    Print the key that pages and apps need to subscribe; create it the first time.

    With another key, all devices would have to subscribe again.
    """
    with plainly(), server.Runtime(configured(config, data=data)) as runtime:
        new_key = server.ensure_public_key(runtime.settings, runtime.ports.entropy)
        print_json({"publicKey": new_key})


def _ask_if_moved(runtime: server.Runtime, *, yes: bool) -> None:
    # A key in the environment may be mistyped, or belong to another service.
    if runtime.keys.master_keys.in_environment and not runtime.keys.sealed_by_newest():
        confirm(
            "The first key of COUNTERSEAL_MASTER_KEY has not sealed the signing keys yet, and"
            " they would open with it alone. Is it the right one, and stored safely?",
            yes=yes,
        )
