"""The allow-list and the signing secret of an origin's callbacks."""

from __future__ import annotations

import click

import counterseal_server as server
from counterseal_server.commands.acting import (
    administering,
    guid,
    opened,
    output_to,
    print_document,
    span,
)
from counterseal_server.commands.options import CONFIG, DATA, OUT, OVERLAP


@click.command()
@click.argument("origin")
@OVERLAP
@OUT
@DATA
@CONFIG
def callback_secret(
    origin: str, *, overlap: str, out: str | None, data: str | None, config: str | None
) -> None:
    """Create a new secret that signs the callbacks of an ORIGIN."""
    with administering(data, config) as tenants, output_to(out) as write_document:
        new_key = tenants.credentials.issue_webhook_key(
            guid(origin, "origin"), overlap=span(overlap, "overlap")
        )
        write_document({"callbackSecret": new_key})


@click.command()
@click.argument("origin")
@click.argument("url")
@click.option(
    "--webauthn",
    is_flag=True,
    help="URL is a domain where passkeys of the origin's users are used, like shop.example.com, or"
    " localhost:3000 for development, or its web origin, like https://shop.example.com; no"
    " callback goes there.",
)
@DATA
@CONFIG
def allow(origin: str, url: str, *, webauthn: bool, data: str | None, config: str | None) -> None:
    """Allow callbacks of an ORIGIN to URL, or passkeys of its users at a domain."""
    with opened(data, config) as runtime:
        tenants = server.Tenants(runtime.ports, runtime.policy)
        print_document(
            tenants.allowed(tenants.allow(guid(origin, "origin"), url, webauthn=webauthn))
        )
        if webauthn:
            server.warn_of_missing_extra()
        else:
            server.warn_of_obstacle(runtime.settings, url)


@click.command()
@click.argument("origin")
@click.argument("url")
@DATA
@CONFIG
def forbid(origin: str, url: str, data: str | None, config: str | None) -> None:
    """Remove URL, a domain, or the entry with this GUID from the allow-list of an ORIGIN."""
    with administering(data, config) as tenants:
        print_document(tenants.allowed(tenants.forbid(guid(origin, "origin"), url)))
