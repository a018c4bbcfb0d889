"""
The portal: pages for administrators and support staff, and the response to each request for one.

    portal = Portal(service, visitors)
    response = portal.respond(request)

`Portal` is a WSGI application too, to be mounted at `/portal` below the service's public URL.
"""

from __future__ import annotations

from counterseal_portal.answers import MOUNT
from counterseal_portal.portal import Portal
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visitor, Visitors
from counterseal_portal.visitors import SessionVisitors

__all__ = ["MOUNT", "Portal", "Route", "SessionVisitors", "Visitor", "Visitors"]
