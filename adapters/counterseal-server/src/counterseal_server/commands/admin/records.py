"""Companies, App Spaces, origins and administrators as they are stored, and their policies."""

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


@click.command()
@click.argument("record", metavar="GUID")
@click.option(
    "--set",
    "changes",
    metavar="NAME=VALUE",
    multiple=True,
    help="Narrow a setting, as code_limit=2, challenge_life=90s or algorithms=ES256,EdDSA;"
    " may be given again.",
)
@click.option(
    "--unset",
    "removals",
    metavar="NAME",
    multiple=True,
    help="Take a setting back, so that the level above decides it; may be given again.",
)
@DATA
@CONFIG
def policy(
    record: str,
    *,
    changes: tuple[str, ...],
    removals: tuple[str, ...],
    data: str | None,
    config: str | None,
) -> None:
    """
    Print the policy of the App Space or origin GUID, and narrow it.

    Each setting that can be narrowed has its value, who decided it, and what each level says.
    """
    with administering(data, config) as tenants:
        whose = guid(record, "guid")
        if changes or removals:
            tenants.narrow(whose, changes, removals)
        print_document(tenants.policy(whose))
