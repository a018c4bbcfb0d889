"""Companies, App Spaces, origins and administrators, as they are stored."""

from __future__ import annotations

import click

from counterseal_server.commands.acting import administering, guid, print_document
from counterseal_server.commands.options import CONFIG, DATA


@click.command("list")
@DATA
@CONFIG
def list_(data: str | None, config: str | None) -> None:
    """Print companies, their App Spaces and the origins of these."""
    with administering(data, config) as tenants:
        print_document({"companies": tenants.tree()})


@click.command()
@click.argument("record", metavar="GUID")
@DATA
@CONFIG
def show(record: str, data: str | None, config: str | None) -> None:
    """Print the company, App Space, origin or administrator GUID, without secrets."""
    with administering(data, config) as tenants:
        print_document(tenants.describe(guid(record, "guid")))
