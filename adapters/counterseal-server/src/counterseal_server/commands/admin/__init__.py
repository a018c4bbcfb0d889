"""
`counterseal admin`: operators administer tenants and their credentials.

Each noun has a module of its own.
"""

from __future__ import annotations

import click

from counterseal_server.commands.acting import administering, guid, print_document
from counterseal_server.commands.admin.administrators import (
    administrator,
    administrators,
    revoke_administrator,
    rotate_administrator,
)
from counterseal_server.commands.admin.callbacks import allow, callback_secret, forbid
from counterseal_server.commands.admin.clients import ciba
from counterseal_server.commands.admin.companies import (
    app_space,
    company,
    edit_app_space,
    edit_company,
    verify_company,
)
from counterseal_server.commands.admin.login_tests import test_login
from counterseal_server.commands.admin.origins import (
    edit_origin,
    origin,
    revoke,
    revoke_credential,
    rotate,
)
from counterseal_server.commands.admin.policies import policy
from counterseal_server.commands.admin.realms import keycloak
from counterseal_server.commands.admin.sessions import link, revoke_session, sessions
from counterseal_server.commands.options import CONFIG, DATA


@click.group()
def admin() -> None:
    """
    Administer tenants and their credentials.

    Each command prints one JSON object. A new secret is printed only once; --out FILE
    writes the object to a new file that only its owner can read.
    """


@admin.command("list")
@DATA
@CONFIG
def list_(data: str | None, config: str | None) -> None:
    """Print companies, their App Spaces and the origins of these."""
    with administering(data, config) as tenants:
        print_document({"companies": tenants.tree()})


@admin.command()
@click.argument("record", metavar="GUID")
@DATA
@CONFIG
def show(record: str, data: str | None, config: str | None) -> None:
    """Print the company, App Space, origin or administrator GUID, without secrets."""
    with administering(data, config) as tenants:
        print_document(tenants.describe(guid(record, "guid")))


for command in (
    *(company, edit_company, verify_company, app_space, edit_app_space, test_login),
    *(origin, edit_origin, rotate, revoke, revoke_credential),
    *(callback_secret, allow, forbid, policy, ciba, keycloak),
    *(administrator, administrators, rotate_administrator, revoke_administrator),
    *(link, sessions, revoke_session),
):
    admin.add_command(command)
