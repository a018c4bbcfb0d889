"""Findings: what a check says, and what an operator should do."""

from __future__ import annotations

import enum

import attrs


class State(enum.Enum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """The service works, and something should be changed."""
    ERROR = "error"
    """Calls fail, or a secret is exposed."""


@attrs.frozen(kw_only=True)
class Finding:
    """
    What a check says of one thing.

    Attributes:
        code: Names what was found; it stays the same in later releases.
        message: What is so, without secrets.
        advice: What to do; None if nothing.
    """

    state: State
    code: str
    message: str
    advice: str | None = None


class NotChecked(Exception):
    """Something that the check needs is missing, which another check reports."""


def fine(code: str, message: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(state=State.OK, code=code, message=message)


def warning(code: str, message: str, advice: str) -> Finding:
    """Return a finding that the service works, and *advice* should be followed."""
    return Finding(state=State.WARNING, code=code, message=message, advice=advice)


def failure(code: str, message: str, advice: str) -> Finding:
    """Return a finding that something fails until *advice* is followed."""
    return Finding(state=State.ERROR, code=code, message=message, advice=advice)
