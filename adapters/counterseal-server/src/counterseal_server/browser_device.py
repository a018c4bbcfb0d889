"""The browser device: the files of the web app at `/app`, if the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterseal.errors import InvalidField
from counterseal_server.extras import require_extra
from counterseal_server.settings import Settings

if TYPE_CHECKING:  # an extra
    from counterseal_pwa import Pages

PAGES = "app"
"""The operation of requests for these files, in metrics and logs."""


def browser_pages(settings: Settings) -> Pages | None:
    """
    Return the pages of the browser device, or None if it is not served.

    Raises:
        InvalidField: `browser_device` is set, and the extra is not installed; or
            `browser_device_documents` lists what is not a web origin by HTTPS.
    """
    if not settings.browser_device:
        return None
    require_extra("browser_device", "counterseal_pwa")
    from counterseal_pwa import Pages  # noqa: PLC0415 (an extra)

    try:
        return Pages(documents=settings.browser_device_documents)
    except InvalidField as error:
        raise InvalidField("browser_device_documents", error.problem) from None
