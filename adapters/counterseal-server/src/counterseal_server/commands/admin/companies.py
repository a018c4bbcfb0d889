"""Companies and their App Spaces."""

from __future__ import annotations

from typing import Any, TextIO

import click

from counterseal_server.commands.acting import administering, guid, print_document
from counterseal_server.commands.admin.edits import EditCommand, changes_of
from counterseal_server.commands.options import CONFIG, DATA

IDP_LIMIT = 65_536
"""The most characters of a provider's settings."""

IDP = click.option(
    "--idp",
    metavar="FILE",
    type=click.File("r", encoding="utf-8"),
    help="The Identity Provider's settings, as JSON like `idp` in the admin API;"
    " - reads them from standard input.",
)


@click.command()
@click.argument("name")
@DATA
@CONFIG
def company(name: str, data: str | None, config: str | None) -> None:
    """Create the company NAME."""
    with administering(data, config) as tenants:
        print_document({"companyGuid": tenants.administration.create_company(name).guid})


@click.command()
@click.argument("company")
@click.argument("name")
@DATA
@CONFIG
def edit_company(company: str, name: str, data: str | None, config: str | None) -> None:
    """Rename a COMPANY to NAME."""
    with administering(data, config) as tenants:
        print_document(
            tenants.describe(
                tenants.administration.edit_company(guid(company, "company"), name).guid
            )
        )


@click.command()
@click.argument("company")
@click.argument("verified_name", required=False)
@click.option("--not-verified", is_flag=True, help="Take the verified name away.")
@DATA
@CONFIG
def verify_company(
    company: str,
    verified_name: str | None,
    data: str | None,
    config: str | None,
    *,
    not_verified: bool,
) -> None:
    """
    Give a COMPANY its VERIFIED_NAME, which devices show beside the name that it has chosen.

    Find out first who it is: people tell tenants that look alike apart by this name, and no
    administrator of a tenant can change it.
    """
    if not_verified is (verified_name is not None):
        raise click.UsageError("either VERIFIED_NAME or --not-verified")
    with administering(data, config) as tenants:
        verified = tenants.administration.verify_company(guid(company, "company"), verified_name)
        print_document(tenants.describe(verified.guid))


@click.command()
@click.argument("company")
@click.argument("name")
@IDP
@DATA
@CONFIG
def app_space(
    company: str, name: str, idp: TextIO | None, data: str | None, config: str | None
) -> None:
    """Create the App Space NAME of a COMPANY, a `simple` one unless --idp is given."""
    with administering(data, config) as tenants:
        new_app_space = tenants.app_space(
            guid(company, "company"), name, None if idp is None else idp.read(IDP_LIMIT)
        )
        print_document({"appSpaceGuid": new_app_space.guid})


@click.command(cls=EditCommand, kind="AppSpaceChanges")
@click.argument("app_space")
@IDP
@DATA
@CONFIG
def edit_app_space(
    app_space: str, *, idp: TextIO | None, data: str | None, config: str | None, **values: Any
) -> None:
    """Edit an APP_SPACE; options that are left out change nothing."""
    with administering(data, config) as tenants:
        settings, secret = tenants.provider(
            guid(app_space, "app-space"), None if idp is None else idp.read(IDP_LIMIT)
        )
        edited = tenants.administration.edit_app_space(
            guid(app_space, "app-space"),
            idp=settings,
            idp_secret=secret,
            **changes_of(values),
        )
        print_document(tenants.describe(edited.guid))
