"""Failures: what a database or its driver raises, and the error that a caller gets for it."""

from __future__ import annotations

import logging
from typing import TypeAlias

from counterseal.errors import Indeterminate, StoreUnavailable

Failures: TypeAlias = tuple[type[Exception], ...]

UNREACHED = (
    "Connection refused",
    "No such file or directory",
    "failed to resolve host",
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "timeout",
)
"""Why libpq could not connect, where it has no code; nothing else of its text is logged."""

log = logging.getLogger("counterseal_sql")


def unavailable(error: Exception) -> StoreUnavailable:
    """Log how the database failed, and return what to raise where nothing has changed."""
    log.warning("the database failed: %s", _kind(error))
    return StoreUnavailable()


def overdue() -> StoreUnavailable:
    """Log that other threads use the database for too long, and return what to raise."""
    log.warning("the database failed: others of this process use it for too long")
    return StoreUnavailable()


def indeterminate(error: Exception) -> Indeterminate:
    """Log how the database failed, and return what to raise where the outcome is unknown."""
    log.warning("the reply to a commit was lost: %s", _kind(error))
    return Indeterminate()


def _kind(error: Exception) -> str:
    """Name the error as the driver does; its text may have an address or values in it."""
    own = getattr(error, "orig", None) or error
    code = getattr(own, "sqlite_errorname", None) or getattr(own, "sqlstate", None)
    if code:
        return f"{type(own).__name__} {code}"
    reason = next((words for words in UNREACHED if words in str(own)), None)
    return f"{type(own).__name__} ({reason})" if reason else type(own).__name__
