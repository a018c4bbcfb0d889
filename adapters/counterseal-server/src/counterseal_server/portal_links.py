"""Links to the portal, with which an administrator logs in for the first time."""

from __future__ import annotations

from typing import Any

from counterseal import OPERATOR, AdminLogins, Sessions
from counterseal.accounts.documents import device_document
from counterseal.errors import InvalidField
from counterseal.models import LIVING, Guid
from counterseal.models.passkeys import origin_of
from counterseal.wire.members import format_time
from counterseal_server.faces import PORTAL
from counterseal_server.runtime import Runtime
from counterseal_server.settings import Settings

PATH = "/portal/link"


def create_link(runtime: Runtime, admin: Guid) -> dict[str, Any]:
    """
    Return the document of a new one-time link of an administrator.

    Raises:
        InvalidField: The portal is not served, or the administrator was revoked.
        NotFound: There is no such administrator.
        Unavailable: A port failed.
    """
    settings = runtime.settings
    _require_portal(settings)
    issued = Sessions(runtime.ports, runtime.policy).create_link(admin, by=OPERATOR)
    return {
        "adminGuid": admin,
        "link": link_address(settings, issued.token),
        "validUntil": format_time(issued.session.deadline),
    }


def create_link_beside_devices(runtime: Runtime, admin: Guid) -> dict[str, Any]:
    """
    Return the document of `create_link`, with what the administrator can log in with already.

    These are the passkeys, devices and open invitations of devices, oldest first: one may be that
    of a stranger who has opened an earlier link.

    Raises:
        InvalidField: As `create_link`.
        NotFound: There is no such administrator.
        Unavailable: A port failed.
    """
    _require_portal(runtime.settings)
    # The link first, since it ends earlier ones: with these, nobody can be faster than the list.
    link = create_link(runtime, admin)
    domain = origin_of(runtime.settings.public_url).partition("://")[2]
    keys = AdminLogins(runtime.ports, runtime.policy, domain=domain).list_keys(admin)
    return link | {"devices": [device_document(key) for key in keys if key.state in LIVING]}


def _require_portal(settings: Settings) -> None:
    if not settings.portal:
        raise InvalidField("portal", "not set, so that the link would lead nowhere")
    PORTAL.require(settings)


def link_address(settings: Settings, token: str) -> str:
    """Return the address of a link; its secret is behind #, which no server is sent."""
    return f"{settings.public_url}{PATH}#{token}"
