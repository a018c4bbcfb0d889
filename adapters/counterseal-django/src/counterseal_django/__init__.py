"""
Counterseal as a Django app.

    INSTALLED_APPS += ["counterseal_django"]
    COUNTERSEAL = {"URL": "https://shop.example/auth", ...}

    urlpatterns = [path("auth/", include("counterseal_django.urls")), ...]

    approvals().service.challenges.issue(approvals().party, question)
"""

from __future__ import annotations

from counterseal_django.configuration import Configuration, configuration
from counterseal_django.errors import (
    RequestInTransaction,
    StoreInTransaction,
    StoreOutsideTest,
    UnfitDatabase,
    UnfitSettings,
)
from counterseal_django.wiring import Approvals, approvals

__all__ = [
    "Approvals",
    "Configuration",
    "RequestInTransaction",
    "StoreInTransaction",
    "StoreOutsideTest",
    "UnfitDatabase",
    "UnfitSettings",
    "approvals",
    "configuration",
]
