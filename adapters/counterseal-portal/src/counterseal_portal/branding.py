"""Branding: how devices show an App Space's name, on its colour, with its logo."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import attrs

from counterseal.models import AppSpace, Company
from counterseal_portal.visit import Visit

COLOUR = re.compile("#[0-9A-Fa-f]{6}")
BLACK, WHITE = "#000000", "#ffffff"
CHANNEL_STARTS = (1, 3, 5)
WEIGHTS = (0.2126, 0.7152, 0.0722)
LINEAR_END = 0.04045


@attrs.frozen
class Brand:
    """
    What a device shows beside a question.

    Attributes:
        name: Of the App Space.
        background: `#RRGGBB`; empty where there is no colour.
        text: The colour of the name on it.
        logo: The path of the logo below the service's public URL; empty where there is none.
    """

    name: str
    background: str
    text: str
    logo: str


@attrs.frozen
class AppPreview:
    """
    The app, which shows a brand that is not saved.

    Attributes:
        address: Its path.
        verified_name: Of the company; empty if it is not verified.
    """

    address: str
    verified_name: str


def app_preview_of(visit: Visit, app_space: AppSpace) -> AppPreview | None:
    """
    Return the app; None if it is not at the portal's own address, so that no page can frame it.

    Raises:
        Foreign: The company is out of the person's reach.
    """
    settings = visit.service.settings
    if settings.app_url is None or not settings.app_url.startswith(f"{settings.public_url}/"):
        return None
    company = visit.tenancy.get(app_space.company, Company)
    return AppPreview(
        address=f"{urlsplit(settings.app_url).path}/preview",
        verified_name=company.verified_name or "",
    )


def brand_of(app_space: AppSpace) -> Brand:
    """Return what devices show of *app_space*."""
    colour = app_space.brand_color or ""
    if not COLOUR.fullmatch(colour):
        colour = ""
    digest = app_space.logo_digest
    return Brand(
        name=app_space.name,
        background=colour,
        text=readable_on(colour) if colour else "",
        logo="" if digest is None else f"/device/logo/{app_space.guid}/{digest}",
    )


def readable_on(colour: str) -> str:
    """Return black or white, whichever has the greater contrast to *colour* (WCAG 2.2)."""
    lightness = luminance(colour) + 0.05
    return WHITE if 1.05 / lightness >= lightness / 0.05 else BLACK


def luminance(colour: str) -> float:
    """Return the relative luminance of `#RRGGBB`, from 0 to 1 (WCAG 2.2)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in CHANNEL_STARTS]
    linear = [
        value / 12.92 if value <= LINEAR_END else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    ]
    return sum(weight * value for weight, value in zip(WEIGHTS, linear, strict=True))
