"""Origins and the secrets with which they authenticate."""

from __future__ import annotations

import click

from counterseal.models import Clients
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

ROLE = click.option(
    "--role",
    type=click.Choice(["full", "asking"]),
    help="What it may do: asking if only to ask people whose devices others bind, as an agent.",
)


@click.command()
@click.argument("app_space")
@click.argument("name")
@AUTH
@ROLE
@OUT
@CX
@DATA
@CONFIG
def origin(
    app_space: str,
    name: str,
    *,
    auth: str,
    role: str | None,
    out: str | None,
    cx: bool,
    data: str | None,
    config: str | None,
) -> None:
    """Create the origin NAME in an APP_SPACE, with its secrets."""
    with administering(data, config) as tenants, output_to(out) as write_document:
        clients = Clients.CX if cx else Clients.CURRENT
        write_document(
            tenants.origin(guid(app_space, "app-space"), name, auth, clients=clients, role=role)
        )


@click.command()
@click.argument("origin")
@click.option("--name", metavar="N", help="What it is called.")
@ROLE
@click.option(
    "--clients",
    type=click.Choice(["current", "cx"]),
    help="The kind of its programs: cx if they are written for a Privakey CX service."
    " Sets codes, wildcards and callback states too, unless they are given.",
)
@click.option(
    "--codes",
    type=click.Choice(["typed", "echoed"]),
    help="Whether the user has to type a code that the origin shows.",
)
@click.option("--wildcards/--exact", default=None, help="Whether {*} in its allow-list counts.")
@click.option(
    "--callback-state",
    "states",
    metavar="STATE",
    multiple=True,
    help="A final state that sends a callback, like ANSWERED; may be repeated; none for no state.",
)
@click.option(
    "--session-token-form",
    "token_form",
    type=click.Choice(["text", "object"]),
    help="The form of the session token in the reply to a bind; clients of 2019 need an object.",
)
@click.option(
    "--pending-limit",
    type=int,
    metavar="N",
    help="How many open questions a person may have; at most the limit of the policy.",
)
@click.option(
    "--ask-limit",
    type=int,
    metavar="N",
    help="How many questions it may ask a person in the policy's window; at most its limit.",
)
@click.option(
    "--cooldown/--no-cooldown",
    default=None,
    help="Whether refusals begin a cool-down, even if the policy has none for CX clients.",
)
@click.option(
    "--event",
    "events",
    metavar="EVENT",
    multiple=True,
    help="What it hears of accounts, like locked; may be repeated; none for nothing; profile for "
    "what the profile of its clients says.",
)
@click.option(
    "--events-url",
    metavar="URL",
    help="Where events are sent, by an address of its allow-list; '' for nowhere.",
)
@DATA
@CONFIG
def edit_origin(
    origin: str,
    *,
    name: str | None,
    role: str | None,
    clients: str | None,
    codes: str | None,
    wildcards: bool | None,
    states: tuple[str, ...],
    token_form: str | None,
    pending_limit: int | None,
    ask_limit: int | None,
    cooldown: bool | None,
    events: tuple[str, ...],
    events_url: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """Edit an ORIGIN; options that are left out change nothing."""
    with administering(data, config) as tenants:
        edited = tenants.edit_origin(
            guid(origin, "origin"),
            name=name,
            role=role,
            clients=clients,
            codes=codes,
            wildcards=wildcards,
            states=states,
            token_form=token_form,
            pending_limit=pending_limit,
            ask_limit=ask_limit,
            cooldown=cooldown,
            events=events,
            events_url=events_url,
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
    """Create a new secret of an ORIGIN; with another scheme, the old one ends at once."""
    with administering(data, config) as tenants, output_to(out) as write_document:
        write_document(tenants.secret(guid(origin, "origin"), auth, span(overlap, "overlap")))


@click.command()
@click.argument("origin")
@YES
@DATA
@CONFIG
def revoke(origin: str, *, yes: bool, data: str | None, config: str | None) -> None:
    """Revoke all secrets of an ORIGIN: it can no longer ask questions."""
    confirm("Revoke all of its secrets?", yes=yes)
    with administering(data, config) as tenants:
        print_document(
            {"requestOriginGuid": tenants.credentials.revoke(guid(origin, "origin")).guid}
        )


@click.command("revoke-credential")
@click.argument("origin")
@click.argument("credential")
@YES
@DATA
@CONFIG
def revoke_credential(
    origin: str, credential: str, *, yes: bool, data: str | None, config: str | None
) -> None:
    """Revoke one CREDENTIAL of an ORIGIN, by the keyGuid that admin show prints."""
    confirm("Revoke this secret?", yes=yes)
    with administering(data, config) as tenants:
        updated = tenants.credentials.revoke_credential(
            guid(origin, "origin"), guid(credential, "credential")
        )
        print_document({"requestOriginGuid": updated.guid, "keyGuid": credential})
