"""Companies and their App Spaces."""

from __future__ import annotations

from typing import BinaryIO, Literal, TextIO

import click

from counterseal.models import HtmlUse, NewDeviceRule
from counterseal_server.commands.acting import administering, guid, print_document
from counterseal_server.commands.options import CONFIG, DATA

IDP_LIMIT = 65_536
"""The most characters of a provider's settings."""

LOGO_LIMIT = 65_536
"""The bytes of a logo's file that are read: more than fit, so that a longer one is refused."""

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


@click.command()
@click.argument("app_space")
@click.option("--name", metavar="N", help="What it is called.")
@IDP
@click.option(
    "--logo",
    metavar="FILE",
    type=click.File("rb"),
    help="A PNG of 32 KB and 512 x 512 pixels at most, which devices show.",
)
@click.option("--no-logo", is_flag=True, help="Remove the logo.")
@click.option(
    "--brand-color",
    metavar="#RRGGBB",
    help="The colour that devices show; an empty text removes it.",
)
@click.option(
    "--brand-url",
    metavar="URL",
    help="As clients of the Privakey CX service write it; no device gets it.",
)
@click.option(
    "--html",
    type=click.Choice(["refuse", "show"]),
    help="Whether its origins may ask in HTML.",
)
@click.option(
    "--universal-app/--own-app",
    default=None,
    help="As clients of the Privakey CX service write it; it changes nothing.",
)
@click.option(
    "--title", metavar="T", help="The title of its push messages; empty for that of the policy."
)
@click.option(
    "--body", metavar="T", help="Their text for a question; empty for that of the policy."
)
@click.option(
    "--challenge-ended",
    metavar="T",
    help="Their text for a question that needs no answer any more.",
)
@click.option("--device-bound", metavar="T", help="Their text for a device that was added.")
@click.option("--device-revoked", metavar="T", help="Their text for a device that was removed.")
@click.option(
    "--device-unconfirmed",
    metavar="T",
    help="Their text for a new device that waits to be confirmed.",
)
@click.option(
    "--new-devices",
    type=click.Choice(["at_once", "confirmed", "policy"]),
    help="Whether a new device counts at once, once it is confirmed, or as the policy says.",
)
@click.option(
    "--device-invitations/--no-device-invitations",
    default=None,
    help="Whether its users' devices may invite others.",
)
@click.option(
    "--passkey-origin",
    "passkey_origins",
    metavar="URL",
    multiple=True,
    help="A web origin where its passkeys are used; may be given again.",
)
@click.option(
    "--rp-id", metavar="HOST", help="Their relying party id; default: the first origin's."
)
@click.option("--default-passkeys", is_flag=True, help="Use passkeys where the service does.")
@DATA
@CONFIG
def edit_app_space(
    app_space: str,
    *,
    name: str | None,
    idp: TextIO | None,
    logo: BinaryIO | None,
    no_logo: bool,
    brand_color: str | None,
    brand_url: str | None,
    html: str | None,
    universal_app: bool | None,
    title: str | None,
    body: str | None,
    challenge_ended: str | None,
    device_bound: str | None,
    device_revoked: str | None,
    device_unconfirmed: str | None,
    new_devices: str | None,
    device_invitations: bool | None,
    passkey_origins: tuple[str, ...],
    rp_id: str | None,
    default_passkeys: bool,
    data: str | None,
    config: str | None,
) -> None:
    """Edit an APP_SPACE; options that are left out change nothing."""
    if no_logo and logo is not None:
        raise click.UsageError("--logo and --no-logo together")
    texts = {
        "title": title,
        "challenge": body,
        "challenge_ended": challenge_ended,
        "device_bound": device_bound,
        "device_revoked": device_revoked,
        "device_unconfirmed": device_unconfirmed,
    }
    with administering(data, config) as tenants:
        settings, secret = tenants.provider(
            guid(app_space, "app-space"), None if idp is None else idp.read(IDP_LIMIT)
        )
        edited = tenants.administration.edit_app_space(
            guid(app_space, "app-space"),
            name=name,
            idp=settings,
            idp_secret=secret,
            brand_url=brand_url,
            brand_color=brand_color,
            logo=b"" if no_logo else None if logo is None else logo.read(LOGO_LIMIT),
            html=None if html is None else HtmlUse(html),
            universal_app=universal_app,
            texts={name: text for name, text in texts.items() if text is not None},
            rp_id=rp_id,
            passkey_origins=passkey_origins if passkey_origins or default_passkeys else None,
            new_devices=_new_device_rule(new_devices),
            device_invitations=device_invitations,
        )
        print_document(tenants.describe(edited.guid))


def _new_device_rule(option: str | None) -> NewDeviceRule | Literal[""] | None:
    if option is None:
        return None
    return "" if option == "policy" else NewDeviceRule(option)
