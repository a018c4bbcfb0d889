"""Administrators: who they are, their one-time links, and their sessions."""

from __future__ import annotations

from typing import Any

import click

from counterseal.models import AdminRole, Scheme
from counterseal_server.commands.acting import (
    YES,
    administering,
    confirm,
    guid,
    maybe_guid,
    opened,
    output_to,
    print_document,
    span,
)
from counterseal_server.commands.options import CONFIG, DATA, OUT, OVERLAP
from counterseal_server.portal_links import create_link_beside_devices

ROLE = click.Choice(["company_admin", "app_space_admin", "user_support"])
SIGNS = click.Choice(["hmac", "signature"])
COMPANY = click.option("--company", metavar="GUID", help="The only one that it reaches.")
APP_SPACE = click.option("--app-space", metavar="GUID", help="The only one that it reaches.")


@click.command()
@click.argument("name")
@click.option("--role", type=ROLE, default="company_admin", show_default=True)
@COMPANY
@APP_SPACE
@click.option("--all-companies", is_flag=True, help="Administer all companies, and create more.")
@click.option(
    "--life", metavar="SPAN", help="How long it is valid, like 30d; by default, without end."
)
@click.option("--auth", type=SIGNS, default="hmac", show_default=True)
@click.option(
    "--person", is_flag=True, help="A person, who has no key, and logs in to the portal by a link."
)
@OUT
@DATA
@CONFIG
def administrator(
    name: str,
    *,
    role: str,
    company: str | None,
    app_space: str | None,
    all_companies: bool,
    life: str | None,
    auth: str,
    person: bool,
    out: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """
    Create an administrator, who signs calls with a key, or is a --person.

    A company_admin administers one --company, or --all-companies; the others one --app-space.
    """
    with administering(data, config) as tenants, output_to(out) as write_document:
        reach: dict[str, Any] = {
            "role": AdminRole(role),
            "company": maybe_guid(company, "company"),
            "app_space": maybe_guid(app_space, "app-space"),
            "all_companies": all_companies,
            "life": None if life is None else span(life, "life"),
        }
        if person:
            write_document({"adminGuid": tenants.credentials.create_person(name, **reach).guid})
            return
        new_secret = tenants.credentials.create_admin(name, scheme=Scheme(auth), **reach)
        write_document({"adminGuid": new_secret.guid, "adminKey": new_secret.secret})


@click.command()
@click.option("--company", metavar="GUID", help="Only those of this company.")
@click.option("--app-space", metavar="GUID", help="Only those of this App Space.")
@DATA
@CONFIG
def administrators(
    *, company: str | None, app_space: str | None, data: str | None, config: str | None
) -> None:
    """Print the administrators of a company, of an App Space, or of all companies."""
    with administering(data, config) as tenants:
        parent = maybe_guid(app_space, "app-space") or maybe_guid(company, "company")
        print_document({"administrators": tenants.administrators(parent)})


@click.command()
@click.argument("administrator")
@click.option(
    "--auth", type=SIGNS, help="With another scheme than before, the old secret ends at once."
)
@OVERLAP
@OUT
@DATA
@CONFIG
def rotate_administrator(
    administrator: str,
    *,
    auth: str | None,
    overlap: str,
    out: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """Create a new secret of an ADMINISTRATOR."""
    with administering(data, config) as tenants, output_to(out) as write_document:
        new_secret = tenants.credentials.rotate_admin(
            guid(administrator, "administrator"),
            scheme=None if auth is None else Scheme(auth),
            overlap=span(overlap, "overlap"),
        )
        write_document({"adminGuid": new_secret.guid, "adminKey": new_secret.secret})


@click.command()
@click.argument("administrator")
@YES
@DATA
@CONFIG
def revoke_administrator(
    administrator: str, *, yes: bool, data: str | None, config: str | None
) -> None:
    """Revoke all secrets of an ADMINISTRATOR."""
    confirm("Revoke all of its secrets?", yes=yes)
    with administering(data, config) as tenants:
        print_document(
            {
                "adminGuid": tenants.credentials.revoke_admin(
                    guid(administrator, "administrator")
                ).guid
            }
        )


@click.command()
@click.argument("administrator")
@OUT
@DATA
@CONFIG
def link(administrator: str, *, out: str | None, data: str | None, config: str | None) -> None:
    """
    Make a one-time link with which an ADMINISTRATOR registers a passkey.

    The person who opens it first logs in as the administrator. Every earlier link ends, opened
    or not. The devices are the passkeys, devices and open invitations that the administrator has
    already: revoke what is a stranger's by `counterseal binding revoke`.
    """
    with opened(data, config) as runtime, output_to(out) as write_document:
        admin = guid(administrator, "administrator")
        write_document(create_link_beside_devices(runtime, admin))


@click.command()
@click.argument("administrator")
@DATA
@CONFIG
def sessions(administrator: str, *, data: str | None, config: str | None) -> None:
    """Print where an ADMINISTRATOR is logged in, and the open link."""
    with administering(data, config) as tenants:
        print_document({"sessions": tenants.sessions(guid(administrator, "administrator"))})


@click.command()
@click.argument("session")
@YES
@DATA
@CONFIG
def revoke_session(session: str, *, yes: bool, data: str | None, config: str | None) -> None:
    """End a SESSION or a link of an administrator."""
    confirm("End the session?", yes=yes)
    with administering(data, config) as tenants:
        print_document({"sessionGuid": tenants.end_session(guid(session, "session"))})
