"""The portal: pages for administrators and support staff at `/portal`, if the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from counterseal.errors import InvalidField
from counterseal.models.passkeys import origin_of
from counterseal_server.extras import require_extra
from counterseal_server.settings import Settings
from counterseal_web import Service

if TYPE_CHECKING:  # an extra
    from counterseal_portal import Portal

PORTAL = "portal"
"""The operation of requests for these pages, in metrics and logs."""


def require_portal(settings: Settings) -> None:
    """
    Refuse the setting `portal` where the portal cannot work.

    Raises:
        InvalidField: It is set, and the extra is not installed, browsers have no passkeys at
            `public_url`, or that has a path.
    """
    if not settings.portal:
        return
    require_extra("portal", "counterseal_portal", "counterseal_webauthn")
    if not origin_of(settings.public_url):
        problem = "browsers have no passkeys there: the portal needs https, or http://localhost"
        raise InvalidField("public_url", problem)
    if urlsplit(settings.public_url).path:
        # Its pages, and its cookies in development, name /portal of the whole host.
        raise InvalidField("public_url", "the portal needs a host of its own, without a path")


def build_portal(settings: Settings, service: Service) -> Portal | None:
    """
    Return the portal, or None if it is not served.

    Raises:
        InvalidField: As `require_portal`.
    """
    if not settings.portal:
        return None
    require_portal(settings)
    from counterseal_portal import Portal, SessionVisitors  # noqa: PLC0415 (an extra)

    return Portal(service, SessionVisitors(service))
