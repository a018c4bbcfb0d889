"""Invite a device from the command line, with a link."""

from __future__ import annotations

import sys
from typing import Any

import counterseal_server as server
from counterseal import OPERATOR, Administration, Invitation, Invitations
from counterseal.errors import InvalidField
from counterseal.models import AppSpace, Company, Guid, Origin
from counterseal.models.guid import parse
from counterseal.wire.link import is_base
from counterseal.wire.members import format_time
from counterseal_server.printing import print_lines


def invite(runtime: server.Runtime, account: str, origin: str | None) -> Invitation:
    """
    Invite a device of *account*, on an origin's behalf.

    Args:
        runtime: The service.
        account: The origin's own id of the user.
        origin: Its GUID; None if there is only one origin besides the portal.

    Raises:
        InvalidField: There are several such origins, or none, or the account's id does not fit.
        Refused: No device of this account can be invited.
        Unavailable: A port failed.
    """
    administration = Administration(runtime.ports, runtime.policy, by=OPERATOR)
    guid = _only(administration) if origin is None else parse(origin, field="origin")
    return Invitations(runtime.ports, runtime.policy).invite(
        administration.relying_party(guid), account
    )


def demand_app(app_url: str | None) -> None:
    """
    Refuse an address that no link opens, before anybody is invited.

    Raises:
        InvalidField: *app_url* is not a base address.
    """
    if app_url is not None and not is_base(app_url):
        raise InvalidField("app", "not an address like https://app.example.com")


def link(invited: Invitation, settings: server.Settings, app_url: str | None) -> str:
    """
    Return the link that completes the bind; anybody who has it can use it.

    Args:
        invited: The invitation.
        settings: The service's.
        app_url: The address of the app in the browser that it opens, as `demand_app` allows; None
            for the settings' own.
    """
    return invited.link(
        public_url=settings.public_url,
        app_url=settings.app_url if app_url is None else app_url,
        display_name=invited.account.account_id,
    )


def invitation_document(
    invitation: Invitation, settings: server.Settings, app_url: str | None
) -> dict[str, Any]:
    """Return what the commands print of an invitation for programs; the token is a secret."""
    return {
        "link": link(invitation, settings, app_url),
        "sessionToken": invitation.token,
        "expiresAt": format_time(invitation.deadline),
    }


def print_invitation(
    invitation: Invitation, settings: server.Settings, app_url: str | None
) -> None:
    """Print an invitation for people: the link, its QR code and its deadline."""
    screen, text = server.Screen(), link(invitation, settings, app_url)
    screen.write_line(text)
    if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
        print_lines(server.qr(text))
    screen.facts([("Valid until", format_time(invitation.deadline))])


def _only(administration: Administration) -> Guid:
    origins = [
        origin.guid
        for company in administration.list(None, Company)
        if not company.reserved
        for app_space in administration.list(company.guid, AppSpace)
        for origin in administration.list(app_space.guid, Origin)
    ]
    if not origins:
        raise InvalidField("origin", "there is none: is it the right database?")
    if len(origins) != 1:
        raise InvalidField(
            "origin", f"there are {len(origins)}: give --origin GUID, as admin list says"
        )
    return origins[0]
