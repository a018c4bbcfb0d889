"""The ASGI application: the same as wsgi.py, for an ASGI server."""

import os

from django.core.asgi import get_asgi_application

from counterseal_asgi import AsgiApplication
from shop.approvals import PREFIX, approvals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

django = get_asgi_application()
counterseal = AsgiApplication(approvals().service)


async def application(scope, receive, send):
    """Send what is under /auth to Counterseal, and everything else to Django."""
    if scope["type"] != "http" or not scope["path"].startswith(f"{PREFIX}/"):
        await django(scope, receive, send)
    else:
        # `path` stays whole in ASGI; `root_path` says which part of it is the prefix.
        root_path = scope.get("root_path", "") + PREFIX
        await counterseal(scope | {"root_path": root_path}, receive, send)
