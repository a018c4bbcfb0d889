"""Keycloak: the authentication channel of realms, if the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterseal_server.extras import require_extra
from counterseal_server.settings import Settings
from counterseal_web import Service

if TYPE_CHECKING:  # an extra
    from counterseal_keycloak import Channel


def require_keycloak(settings: Settings) -> None:
    """
    Refuse the setting `keycloak` where the extra is not installed.

    Raises:
        InvalidField: It is set, and the extra is not installed.
    """
    if settings.keycloak:
        require_extra("keycloak", "counterseal_keycloak")


def build_keycloak(settings: Settings, service: Service) -> Channel | None:
    """
    Return the channel, or None if it is not served.

    Raises:
        InvalidField: As `require_keycloak`.
    """
    if not settings.keycloak:
        return None
    require_keycloak(settings)
    from counterseal_keycloak import Channel  # noqa: PLC0415 (an extra)

    return Channel(service)
