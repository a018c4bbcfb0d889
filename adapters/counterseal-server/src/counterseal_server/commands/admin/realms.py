"""Realms: the origins that are the authentication channel of a realm of Keycloak."""

from __future__ import annotations

from typing import TextIO

import click

from counterseal_server.commands.acting import administering, guid, print_document
from counterseal_server.commands.admin.clients import JWKS_LIMIT
from counterseal_server.commands.options import CONFIG, DATA


@click.command()
@click.argument("origin")
@click.option(
    "--issuer",
    metavar="URL",
    help="The realm's URL, as its tokens name it. Without it, the origin has a realm no longer.",
)
@click.option(
    "--jwks",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="The realm's keys, as its address of certificates returns them; - reads them from"
    " standard input. Needed with --issuer.",
)
@click.option(
    "--registered-only",
    is_flag=True,
    help="Refuse requests that do not name a request which the origin has made.",
)
@DATA
@CONFIG
def keycloak(
    origin: str,
    *,
    issuer: str | None,
    jwks: TextIO | None,
    registered_only: bool,
    data: str | None,
    config: str | None,
) -> None:
    """Make an ORIGIN the authentication channel of a realm of Keycloak."""
    with administering(data, config) as tenants:
        print_document(
            tenants.realm(
                guid(origin, "origin"),
                issuer,
                None if jwks is None else jwks.read(JWKS_LIMIT),
                registered_only=registered_only,
            )
        )
