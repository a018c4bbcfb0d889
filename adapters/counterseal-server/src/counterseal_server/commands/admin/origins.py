"""Origins and the secrets by which they show who they are."""

from __future__ import annotations

import click

from counterseal_server.commands.acting import YES, administering, asked, guid, span, told
from counterseal_server.commands.options import CONFIG, DATA, OVERLAP

AUTH = click.option("--auth", type=click.Choice(["basic", "hmac", "signature"]), required=True)


@click.command()
@click.argument("app_space")
@click.argument("name")
@AUTH
@DATA
@CONFIG
def origin(app_space: str, name: str, *, auth: str, data: str | None, config: str | None) -> None:
    """Create the origin NAME in an APP_SPACE, with its secrets."""
    with administering(data, config) as act:
        told(act.origin(guid(app_space), name, auth))


@click.command()
@click.argument("origin")
@click.option("--name", metavar="N", help="What it is called.")
@click.option(
    "--codes",
    type=click.Choice(["typed", "echoed"]),
    help="Whether a code that it shows is typed into the device.",
)
@click.option("--wildcards/--exact", default=None, help="Whether {*} in its allow-list counts.")
@click.option(
    "--callback-state",
    "states",
    metavar="STATE",
    multiple=True,
    help="An ending that rings a callback, like ANSWERED; may be given again; none for no ending.",
)
@DATA
@CONFIG
def edit_origin(
    origin: str,
    *,
    name: str | None,
    codes: str | None,
    wildcards: bool | None,
    states: tuple[str, ...],
    data: str | None,
    config: str | None,
) -> None:
    """Edit an ORIGIN; what is not named stays."""
    with administering(data, config) as act:
        edited = act.edit_origin(
            guid(origin), name=name, codes=codes, wildcards=wildcards, states=states
        )
        told(act.shown(edited.guid))


@click.command()
@click.argument("origin")
@AUTH
@OVERLAP
@DATA
@CONFIG
def rotate(origin: str, *, auth: str, overlap: str, data: str | None, config: str | None) -> None:
    """Make a new secret of an ORIGIN; another scheme than before ends the old one at once."""
    with administering(data, config) as act:
        told(act.secret(guid(origin), auth, span(overlap, "overlap")))


@click.command()
@click.argument("origin")
@YES
@DATA
@CONFIG
def revoke(origin: str, *, yes: bool, data: str | None, config: str | None) -> None:
    """Revoke all secrets of an ORIGIN: it can ask nobody any more."""
    asked("Revoke all of its secrets?", yes=yes)
    with administering(data, config) as act:
        told({"requestOriginGuid": act.credentials.revoke(guid(origin)).guid})
