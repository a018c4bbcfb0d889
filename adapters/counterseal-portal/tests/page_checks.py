"""The browsers in which pages are looked at."""

import os

PATIENCE = 240_000
"""Milliseconds, for a machine on which nothing is soon."""

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
VIEWS = {"phone-light": {"viewport": PHONE}}
if "BROWSER_FULL" in os.environ:
    VIEWS |= {
        "desk-dark": {"viewport": DESK, "color_scheme": "dark"},
        "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
        "desk-light": {"viewport": DESK},
    }
