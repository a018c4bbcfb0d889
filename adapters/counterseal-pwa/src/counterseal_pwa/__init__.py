"""
A device in the browser: a small web app, and the response to each request for its files.

    pages = Pages()
    response = pages.respond(request)

The applications of counterseal-web, counterseal-asgi and counterseal-flask serve `Pages` beside
the HTTP API. `Pages` is a WSGI application too, to be mounted below the service's public URL, or
at an address of its own. `write_site` writes the files for a web server that only serves files.
"""

from __future__ import annotations

from counterseal_pwa.assets import Asset, load_assets
from counterseal_pwa.pages import Pages
from counterseal_pwa.static_site import nginx_headers, write_site
from counterseal_web import MOUNT

__all__ = ["MOUNT", "Asset", "Pages", "load_assets", "nginx_headers", "write_site"]
