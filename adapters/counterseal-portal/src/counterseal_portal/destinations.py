"""Destinations: where a person goes on to after a log-in or a step-up."""

from __future__ import annotations

import re

from counterseal_portal.answers import MOUNT

LIMIT = 1_000
_PATH = re.compile(rf"{MOUNT}((?:/[A-Za-z0-9._-]+)*)((?:\?[A-Za-z0-9=&%+._~-]*)?)")


def destination(text: str) -> str:
    """
    Return the page of the portal that *text* names, after `MOUNT`; the overview for any other text.

    Nothing in an address leads to another site, or to a page outside of the portal.
    """
    match = _PATH.fullmatch(text) if len(text) <= LIMIT else None
    if match is None or ".." in match[1].split("/"):
        return ""
    return f"{match[1]}{match[2]}"
