"""Origins and the secrets with which they authenticate."""

from __future__ import annotations

from typing import Any

import click

from counterseal import models
from counterseal_server.commands.acting import (
    YES,
    administering,
    confirm,
    guid,
    output_to,
    print_document,
    span,
)
from counterseal_server.commands.admin.edits import EditCommand, changes_of
from counterseal_server.commands.options import CONFIG, CX, DATA, OUT, OVERLAP

AUTH = click.option("--auth", type=click.Choice(["basic", "hmac", "signature"]), required=True)


@click.command(cls=EditCommand, kind="NewOrigin", names=("role",))
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
    **values: Any,
) -> None:
    """Create the origin NAME in an APP_SPACE, with its secrets."""
    with administering(data, config) as tenants, output_to(out) as write_document:
        clients = models.Clients.CX if cx else models.Clients.CURRENT
        settings = changes_of(values)
        write_document(
            tenants.origin(guid(app_space, "app-space"), name, auth, clients=clients, **settings)
        )


@click.command(cls=EditCommand, kind="OriginChanges")
@click.argument("origin")
@DATA
@CONFIG
def edit_origin(origin: str, *, data: str | None, config: str | None, **values: Any) -> None:
    """Edit an ORIGIN; options that are left out change nothing."""
    with administering(data, config) as tenants:
        edited = tenants.administration.edit_origin(guid(origin, "origin"), **changes_of(values))
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
