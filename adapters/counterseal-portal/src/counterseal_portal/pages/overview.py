"""Overview: the first page after the log-in."""

from __future__ import annotations

from counterseal_portal.answers import Answer, page
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visit


def show_overview(visit: Visit) -> Answer:
    """Show what the person administers."""
    return page("overview.html", name=visit.admin.name)


OVERVIEW_ROUTES = (Route(id="overview.show", method="GET", path="", handler=show_overview),)
