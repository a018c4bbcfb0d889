"""Failures: what the database, or the way to it, raises, and how that is told."""

from __future__ import annotations

import logging
import sqlite3

from sqlalchemy.exc import SQLAlchemyError

from counterseal.errors import Indeterminate, StoreUnavailable

FAILURES = (SQLAlchemyError, sqlite3.Error)

UNREACHED = (
    "Connection refused",
    "No such file or directory",
    "failed to resolve host",
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "timeout",
)
"""What libpq says, without a code, of a server that lets nobody in; nothing else of it is told."""

log = logging.getLogger("counterseal_sql")


def unavailable(error: Exception) -> StoreUnavailable:
    """Log how the database failed, and return what to raise where nothing has changed."""
    log.warning("the database failed: %s", _kind(error))
    return StoreUnavailable()


def overdue() -> StoreUnavailable:
    """Log that others had the database for too long, and return what to raise."""
    log.warning("the database failed: others of this process use it for too long")
    return StoreUnavailable()


def indeterminate(error: Exception) -> Indeterminate:
    """Log how the database failed, and return what to raise where nobody knows."""
    log.warning("the reply to a commit was lost: %s", _kind(error))
    return Indeterminate()


def _kind(error: Exception) -> str:
    """Name what happened as the driver does; its text may hold an address or what was sent."""
    own = getattr(error, "orig", None) or error
    code = getattr(own, "sqlite_errorname", None) or getattr(own, "sqlstate", None)
    if code:
        return f"{type(own).__name__} {code}"
    said = next((words for words in UNREACHED if words in str(own)), None)
    return f"{type(own).__name__} ({said})" if said else type(own).__name__
