"""The WSGI application: Django, and Counterseal's API of devices under /auth."""

import os

from django.core.wsgi import get_wsgi_application

from counterseal_web.wsgi import WsgiApplication
from shop.approvals import PREFIX, approvals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

django = get_wsgi_application()
counterseal = WsgiApplication(approvals().service)


def application(environ, start_response):
    """Send what is under /auth to Counterseal, and everything else to Django."""
    path = environ.get("PATH_INFO", "")
    if not path.startswith(f"{PREFIX}/"):
        return django(environ, start_response)
    # The prefix moves to SCRIPT_NAME (PEP 3333), so Counterseal sees /device/...
    script = environ.get("SCRIPT_NAME", "") + PREFIX
    mounted = environ | {"SCRIPT_NAME": script, "PATH_INFO": path.removeprefix(PREFIX)}
    return counterseal(mounted, start_response)
