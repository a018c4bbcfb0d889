"""
Deeds: what an administrator may want to do, and where.

`counterseal.rules.administering` judges them.
"""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from counterseal.models import Admin, Guid


class Deed(enum.Enum):
    """What an administrator may want to do."""

    COMPANIES = "companies"
    """Make a company, or an administrator of all companies."""
    COMPANY = "company"
    """Look at a company, edit it, and make App Spaces in it."""
    SEE_APP_SPACE = "see_app_space"
    """Look at an App Space."""
    APP_SPACE = "app_space"
    """Edit an App Space, with its branding and Identity Provider."""
    ORIGINS = "origins"
    """Look at, make and edit origins, their credentials and their callbacks."""
    USERS = "users"
    """Look at, lock and unlock accounts; suspend, resume and revoke devices."""
    REMOVE_USERS = "remove_users"
    """Revoke or erase accounts."""
    COMPANY_ADMINS = "company_admins"
    """Look at, make, rotate and revoke Company Admins."""
    APP_SPACE_ADMINS = "app_space_admins"
    """The same for App Space Admins."""
    USER_SUPPORT = "user_support"
    """The same for User Support."""
    ITSELF = "itself"
    """Look at, rotate and revoke itself."""


@attrs.frozen(kw_only=True)
class Place:
    """
    Where a record lies: in no company, in one, or in one App Space of it.

    Attributes:
        simple: Whether the App Space's origins say who its users are.
    """

    company: Guid | None
    app_space: Guid | None = None
    simple: bool = True


@attrs.frozen(kw_only=True)
class Administering:
    """
    Facts of what an administrator wants to do.

    Attributes:
        admin: As stored.
        place: Where; None if it names nothing that is there.
    """

    now: datetime
    admin: Admin
    deed: Deed
    place: Place | None
