"""Invite a device from the command line, with a link."""

from __future__ import annotations

import sys
from typing import Any

from counterseal import OPERATOR, Administration, Invitation, Invitations
from counterseal.errors import InvalidField
from counterseal.models import AppSpace, Company, Guid, Origin
from counterseal.models.guid import parse
from counterseal.wire.members import format_time
from counterseal_server.printing import print_lines
from counterseal_server.runtime import Runtime
from counterseal_server.screen import Screen, qr
from counterseal_server.settings import Settings


def invite(runtime: Runtime, account: str, origin: str | None) -> Invitation:
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


def link(invited: Invitation, settings: Settings) -> str:
    """Return the link that completes the bind; anybody who has it can use it."""
    return invited.link(
        public_url=settings.public_url,
        app_url=settings.app_url,
        display_name=invited.account.account_id,
    )


def invitation_document(invitation: Invitation, settings: Settings) -> dict[str, Any]:
    """Return what the commands print of an invitation for programs; the token is a secret."""
    return {
        "link": link(invitation, settings),
        "sessionToken": invitation.token,
        "expiresAt": format_time(invitation.deadline),
    }


def print_invitation(invitation: Invitation, settings: Settings) -> None:
    """Print an invitation for people: the link, its QR code and its deadline."""
    screen, text = Screen(), link(invitation, settings)
    screen.write_line(text)
    if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
        print_lines(qr(text))
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
