"""Origins and the secrets by which they show who they are."""

from __future__ import annotations

import click

from counterseal_server.commands.acting import (
    YES,
    administering,
    confirm,
    guid,
    output_to,
    print_document,
    span,
)
from counterseal_server.commands.options import CONFIG, CX, DATA, OUT, OVERLAP

AUTH = click.option("--auth", type=click.Choice(["basic", "hmac", "signature"]), required=True)


@click.command()
@click.argument("app_space")
@click.argument("name")
@AUTH
@OUT
@CX
@DATA
@CONFIG
def origin(
    app_space: str,
    name: str,
    *,
    auth: str,
    out: str | None,
    cx: bool,
    data: str | None,
    config: str | None,
) -> None:
    """Create the origin NAME in an APP_SPACE, with its secrets."""
    with administering(data, config) as tenants, output_to(out) as write_document:
        from counterseal.models import Clients  # noqa: PLC0415 (a fast start)

        clients = Clients.CX if cx else Clients.CURRENT
        write_document(tenants.origin(guid(app_space), name, auth, clients=clients))


@click.command()
@click.argument("origin")
@click.option("--name", metavar="N", help="What it is called.")
@click.option(
    "--clients",
    type=click.Choice(["current", "cx"]),
    help="For which programs it is set up: those written for a Privakey CX service are cx."
    " Brings their codes, wildcards and callback states, unless those are named too.",
)
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
    help="An ending that sends a callback, like ANSWERED; may be given again; none for no ending.",
)
@click.option(
    "--session-token-form",
    "token_form",
    type=click.Choice(["text", "object"]),
    help="How a bind gives the session token; clients of 2019 read an object.",
)
@click.option(
    "--pending-limit",
    type=int,
    metavar="N",
    help="Open questions that a person may have when it asks; never more than the policy's.",
)
@click.option(
    "--ask-limit",
    type=int,
    metavar="N",
    help="Questions in the policy's window that a person may get from it; never more either.",
)
@click.option(
    "--cooldown/--no-cooldown",
    default=None,
    help="Whether refusals begin a cool-down for it, even if the policy gives CX clients none.",
)
@DATA
@CONFIG
def edit_origin(
    origin: str,
    *,
    name: str | None,
    clients: str | None,
    codes: str | None,
    wildcards: bool | None,
    states: tuple[str, ...],
    token_form: str | None,
    pending_limit: int | None,
    ask_limit: int | None,
    cooldown: bool | None,
    data: str | None,
    config: str | None,
) -> None:
    """Edit an ORIGIN; what is not named stays."""
    with administering(data, config) as tenants:
        edited = tenants.edit_origin(
            guid(origin),
            name=name,
            clients=clients,
            codes=codes,
            wildcards=wildcards,
            states=states,
            token_form=token_form,
            pending_limit=pending_limit,
            ask_limit=ask_limit,
            cooldown=cooldown,
        )
        print_document(tenants.describe(edited.guid))


@click.command()
@click.argument("origin")
@AUTH
@OVERLAP
@OUT
@DATA
@CONFIG
def rotate(
    origin: str, *, auth: str, overlap: str, out: str | None, data: str | None, config: str | None
) -> None:
    """Make a new secret of an ORIGIN; another scheme than before ends the old one at once."""
    with administering(data, config) as tenants, output_to(out) as write_document:
        write_document(tenants.secret(guid(origin), auth, span(overlap, "overlap")))


@click.command()
@click.argument("origin")
@YES
@DATA
@CONFIG
def revoke(origin: str, *, yes: bool, data: str | None, config: str | None) -> None:
    """Revoke all secrets of an ORIGIN: it can ask nobody any more."""
    confirm("Revoke all of its secrets?", yes=yes)
    with administering(data, config) as tenants:
        print_document({"requestOriginGuid": tenants.credentials.revoke(guid(origin)).guid})
