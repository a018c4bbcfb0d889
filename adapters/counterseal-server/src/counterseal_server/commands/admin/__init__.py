"""
`counterseal admin`: operators administer tenants and their credentials.

Each noun has a module of its own.
"""

from __future__ import annotations

import click

from counterseal_server.lazy_group import LazyCommand, LazyGroup

COMMANDS = {
    "administrator": LazyCommand(
        "counterseal_server.commands.admin.administrators",
        "administrator",
        "Create an administrator, who signs calls with a key, or is a --person.",
    ),
    "administrators": LazyCommand(
        "counterseal_server.commands.admin.administrators",
        "administrators",
        "Print the administrators of a company, of an App Space, or of all companies.",
    ),
    "allow": LazyCommand(
        "counterseal_server.commands.admin.callbacks",
        "allow",
        "Allow callbacks of an ORIGIN to URL, or passkeys of its users at a domain.",
    ),
    "app-space": LazyCommand(
        "counterseal_server.commands.admin.companies",
        "app_space",
        "Create the App Space NAME of a COMPANY, a `simple` one unless --idp is given.",
    ),
    "callback-secret": LazyCommand(
        "counterseal_server.commands.admin.callbacks",
        "callback_secret",
        "Create a new secret that signs the callbacks of an ORIGIN.",
    ),
    "ciba": LazyCommand(
        "counterseal_server.commands.admin.clients",
        "ciba",
        "Make an ORIGIN a client of OpenID Connect CIBA.",
    ),
    "company": LazyCommand(
        "counterseal_server.commands.admin.companies", "company", "Create the company NAME."
    ),
    "edit-app-space": LazyCommand(
        "counterseal_server.commands.admin.companies",
        "edit_app_space",
        "Edit an APP_SPACE; options that are left out change nothing.",
    ),
    "edit-company": LazyCommand(
        "counterseal_server.commands.admin.companies", "edit_company", "Rename a COMPANY to NAME."
    ),
    "edit-origin": LazyCommand(
        "counterseal_server.commands.admin.origins",
        "edit_origin",
        "Edit an ORIGIN; options that are left out change nothing.",
    ),
    "forbid": LazyCommand(
        "counterseal_server.commands.admin.callbacks",
        "forbid",
        "Remove URL, a domain, or the entry with this GUID from the allow-list of an ORIGIN.",
    ),
    "keycloak": LazyCommand(
        "counterseal_server.commands.admin.clients",
        "keycloak",
        "Make an ORIGIN the authentication channel of a realm of Keycloak.",
    ),
    "link": LazyCommand(
        "counterseal_server.commands.admin.administrators",
        "link",
        "Make a one-time link with which an ADMINISTRATOR registers a passkey.",
    ),
    "list": LazyCommand(
        "counterseal_server.commands.admin.records",
        "list_",
        "Print companies, their App Spaces and the origins of these.",
    ),
    "origin": LazyCommand(
        "counterseal_server.commands.admin.origins",
        "origin",
        "Create the origin NAME in an APP_SPACE, with its secrets.",
    ),
    "policy": LazyCommand(
        "counterseal_server.commands.admin.records",
        "policy",
        "Print the policy of the App Space or origin GUID, and narrow it.",
    ),
    "revoke": LazyCommand(
        "counterseal_server.commands.admin.origins",
        "revoke",
        "Revoke all secrets of an ORIGIN: it can no longer ask questions.",
    ),
    "revoke-administrator": LazyCommand(
        "counterseal_server.commands.admin.administrators",
        "revoke_administrator",
        "Revoke all secrets of an ADMINISTRATOR.",
    ),
    "revoke-credential": LazyCommand(
        "counterseal_server.commands.admin.origins",
        "revoke_credential",
        "Revoke one CREDENTIAL of an ORIGIN, by the keyGuid that admin show prints.",
    ),
    "revoke-session": LazyCommand(
        "counterseal_server.commands.admin.administrators",
        "revoke_session",
        "End a SESSION or a link of an administrator.",
    ),
    "rotate": LazyCommand(
        "counterseal_server.commands.admin.origins",
        "rotate",
        "Create a new secret of an ORIGIN; with another scheme, the old one ends at once.",
    ),
    "rotate-administrator": LazyCommand(
        "counterseal_server.commands.admin.administrators",
        "rotate_administrator",
        "Create a new secret of an ADMINISTRATOR.",
    ),
    "sessions": LazyCommand(
        "counterseal_server.commands.admin.administrators",
        "sessions",
        "Print where an ADMINISTRATOR is logged in, and the open link.",
    ),
    "show": LazyCommand(
        "counterseal_server.commands.admin.records",
        "show",
        "Print the company, App Space, origin or administrator GUID, without secrets.",
    ),
    "test-login": LazyCommand(
        "counterseal_server.commands.admin.login_tests",
        "test_login",
        "Log in at the Identity Provider of the App Space GUID, as a user would.",
    ),
    "verify-company": LazyCommand(
        "counterseal_server.commands.admin.companies",
        "verify_company",
        "Give a COMPANY its VERIFIED_NAME, which devices show beside the name that it has chosen.",
    ),
}


@click.group(cls=LazyGroup, lazy_commands=COMMANDS)
def admin() -> None:
    """
    Administer tenants and their credentials.

    Each command prints one JSON object. A new secret is printed only once; --out FILE
    writes the object to a new file that only its owner can read.
    """
