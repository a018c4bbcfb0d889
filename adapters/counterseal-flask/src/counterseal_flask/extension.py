"""
Extension: the HTTP API and the device in the browser, registered in a Flask app at once.

    Counterseal(app, service=service, pages=counterseal_pwa.Pages(), url_prefix="/auth")
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask

from counterseal.errors import PolicyUnsound
from counterseal_flask.blueprints import blueprints_of, pages_blueprint
from counterseal_web import BrowserPages, Service, close_on_signal
from counterseal_web.browser_pages import require_linked

NAME = "counterseal"
"""In `Flask.extensions`, the extension."""


class Counterseal:
    """
    The calls of devices and origins in a Flask app, and the device in the browser.

    Administrators are served too, where the settings say `administration`. At SIGTERM and SIGINT
    the calls that wait end, as `counterseal_web.close_on_signal` says.

    Args:
        app: Where all of it is registered; None if `init_app` is called later.
        service: The use cases, and the settings.
        pages: The device in the browser, `counterseal_pwa.Pages`; None if it is not served.
        url_prefix: Where it is registered, the end of `public_url`; empty for no prefix.

    Raises:
        PolicyUnsound: `public_url` does not end with *url_prefix*; or there are pages, and the
            settings have no `app_url`.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        service: Service,
        pages: BrowserPages | None = None,
        url_prefix: str = "",
    ) -> None:
        if not urlsplit(service.settings.public_url).path.endswith(url_prefix):
            raise PolicyUnsound(f"public_url: does not end with {url_prefix}, as url_prefix says")
        self.service = service
        self._pages = require_linked(pages, service.settings)
        self._url_prefix = url_prefix or None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Register everything in *app*; `app.extensions["counterseal"]` is the extension."""
        blueprints = blueprints_of(self.service)
        if self._pages is not None:
            blueprints.append(pages_blueprint(self._pages))
        for blueprint in blueprints:
            app.register_blueprint(blueprint, url_prefix=self._url_prefix)
        app.extensions[NAME] = self
        close_on_signal(self.service)
