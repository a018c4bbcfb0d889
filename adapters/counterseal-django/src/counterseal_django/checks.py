"""Checks: what is missing in the settings, each with what to do."""

from __future__ import annotations


def register() -> None:
    """Register the checks."""
