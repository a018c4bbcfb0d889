"""Browsers: what a browser says that it is, in the words of people."""

from __future__ import annotations

import re

PROGRAMS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"(?:Firefox|FxiOS)/"),
    ("Chrome", r"(?:HeadlessChrome|Chrome|CriOS)/"),
    ("Safari", r"Version/.* Safari/"),
)
SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)
"""The name, and what a `User-Agent` has that means it; the first that fits."""


def describe_browser(user_agent: str) -> str:
    """
    Return a text such as `Firefox on Linux`; empty if nothing is known.

    It is what the browser says, and helps a person to recognise it; it decides nothing.
    """
    program, system = (
        next((name for name, pattern in names if re.search(pattern, user_agent[:512])), "")
        for names in (PROGRAMS, SYSTEMS)
    )
    return " on ".join(part for part in (program, system) if part)
