"""CIBA: the endpoints for clients that ask by the backchannel, if the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterseal_server.extras import require_extra
from counterseal_server.settings import Settings
from counterseal_web import Service

if TYPE_CHECKING:  # an extra
    from counterseal_ciba import Backchannel


def require_ciba(settings: Settings) -> None:
    """
    Refuse the setting `ciba` where the extra is not installed.

    Raises:
        InvalidField: It is set, and the extra is not installed.
    """
    if not settings.ciba:
        return
    require_extra("ciba", "counterseal_ciba")


def build_ciba(settings: Settings, service: Service) -> Backchannel | None:
    """
    Return the façade, or None if it is not served.

    Raises:
        InvalidField: As `require_ciba`.
    """
    if not settings.ciba:
        return None
    require_ciba(settings)
    from counterseal_ciba import Backchannel  # noqa: PLC0415 (an extra)

    return Backchannel(service)
