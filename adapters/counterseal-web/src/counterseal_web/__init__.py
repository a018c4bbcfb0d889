"""
Counterseal over HTTP, without a framework: from a `Request` to a `Response`.

Each face (Flask, WSGI, ASGI) makes the one and sends the other.
"""

from __future__ import annotations

from counterseal_web.admin import ADMIN_API
from counterseal_web.application import Application
from counterseal_web.messages import REQUEST_ID, Request, Response
from counterseal_web.openapi import OPERATIONS, openapi
from counterseal_web.problems import STATUS
from counterseal_web.service import Service
from counterseal_web.settings import Settings

__all__ = [
    "ADMIN_API",
    "OPERATIONS",
    "REQUEST_ID",
    "STATUS",
    "Application",
    "Request",
    "Response",
    "Service",
    "Settings",
    "openapi",
]
