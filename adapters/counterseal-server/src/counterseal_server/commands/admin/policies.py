"""Policies: what counts in an App Space or for an origin, and what each narrows."""

from __future__ import annotations

import click

from counterseal_server.commands.acting import administering, guid, print_document
from counterseal_server.commands.options import CONFIG, DATA


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
