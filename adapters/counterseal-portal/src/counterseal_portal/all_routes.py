"""All routes of this package."""

from __future__ import annotations

from counterseal_portal.pages.overview import OVERVIEW_ROUTES
from counterseal_portal.routes import Route

ROUTES: tuple[Route, ...] = (*OVERVIEW_ROUTES,)
"""Each page and each act."""
