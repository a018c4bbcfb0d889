"""Links to the portal, with which an administrator logs in for the first time."""

from __future__ import annotations

from typing import Any

from counterseal import OPERATOR, Sessions
from counterseal.errors import InvalidField
from counterseal.models import Guid
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
    if not settings.portal:
        raise InvalidField("portal", "not set, so that the link would lead nowhere")
    PORTAL.require(settings)
    issued = Sessions(runtime.ports, runtime.policy).create_link(admin, by=OPERATOR)
    return {
        "adminGuid": admin,
        "link": link_address(settings, issued.token),
        "validUntil": format_time(issued.session.deadline),
    }


def link_address(settings: Settings, token: str) -> str:
    """Return the address of a link; its secret is behind #, which no server is sent."""
    return f"{settings.public_url}{PATH}#{token}"
