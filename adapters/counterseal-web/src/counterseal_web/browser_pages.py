"""
Browser pages: the device in the browser, which an application serves beside the HTTP API.

`counterseal_pwa.Pages` responds to the requests; this package only says how it is called.
"""

from __future__ import annotations

from typing import Protocol

from counterseal.errors import PolicyUnsound
from counterseal_web.messages import Request, Response
from counterseal_web.settings import Settings

MOUNT = "/app"
"""Where the device in the browser is, below the service's public URL."""


class BrowserPages(Protocol):
    """What responds to requests for the files of a device in the browser, without waiting."""

    def serves(self, path: str) -> bool:
        """Return whether *path* is `MOUNT` or below it."""

    def respond(self, request: Request, mount: str = MOUNT) -> Response:
        """
        Return the response to *request*.

        Args:
            request: Its path begins with *mount*.
            mount: Where the files are.
        """


def require_linked(pages: BrowserPages | None, settings: Settings) -> BrowserPages | None:
    """
    Return *pages*, if bind links open a device in the browser.

    Raises:
        PolicyUnsound: There are pages, and *settings* have no `app_url`: bind links would be for
            an app that handles `counterseal:` links, and no browser opens them.
    """
    if pages is not None and settings.app_url is None:
        raise PolicyUnsound(f"app_url: not set, so no bind link opens {settings.public_url}{MOUNT}")
    return pages
