"""Origins that ask by another protocol: clients of CIBA, and channels of realms of Keycloak."""

from __future__ import annotations

from typing import TextIO

import click

from counterseal_server.commands.acting import administering, guid, print_document
from counterseal_server.commands.options import CONFIG, DATA

JWKS_LIMIT = 65_536
"""Characters; eight RSA keys of 4096 bits have 8,000."""


@click.command()
@click.argument("origin")
@click.option(
    "--mode",
    type=click.Choice(["poll", "ping", "none"]),
    required=True,
    help="How it learns that a request has ended; none makes it a client no longer.",
)
@click.option(
    "--notification-endpoint",
    "notification_endpoint",
    metavar="URL",
    help="Where pings are sent, by an address of its allow-list; with --mode ping only.",
)
@click.option(
    "--jwks",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Its public keys, a JWK Set whose keys have kid and alg; - reads them from standard"
    " input. Without it, its keys stay as they are.",
)
@click.option(
    "--endpoint-audiences/--no-endpoint-audiences",
    default=None,
    help="Whether what it signs may name the service's token or authentication endpoint as its"
    " audience; at first, it has to name the issuer alone.",
)
@DATA
@CONFIG
def ciba(
    origin: str,
    *,
    mode: str,
    notification_endpoint: str | None,
    jwks: TextIO | None,
    endpoint_audiences: bool | None,
    data: str | None,
    config: str | None,
) -> None:
    """Make an ORIGIN a client of OpenID Connect CIBA."""
    with administering(data, config) as tenants:
        print_document(
            tenants.ciba(
                guid(origin, "origin"),
                None if mode == "none" else mode,
                notification_endpoint,
                None if jwks is None else jwks.read(JWKS_LIMIT),
                endpoint_audiences=endpoint_audiences,
            )
        )


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
