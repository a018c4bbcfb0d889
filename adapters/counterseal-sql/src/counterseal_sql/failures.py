"""Failures: what a database or its driver raises, and the error that a caller gets for it."""

from __future__ import annotations

import logging
import re
from typing import TypeAlias

from counterseal.errors import Indeterminate, StoreUnavailable

Failures: TypeAlias = tuple[type[Exception], ...]

UNREACHED = re.compile(
    "Connection refused|No such file or directory|failed to resolve host|timeout"
)
"""Why libpq could not connect, where it has no code; nothing else of its text is logged."""

UNADMITTED = re.compile(
    'password authentication failed for user "[^"]*"|no password supplied|no pg_hba.conf entry'
    '|role "[^"]*" is not permitted to log in|permission denied for database "[^"]*"'
    '|(?:role|database) "[^"]*" does not exist'
)
"""Why PostgreSQL accepted no connection; libpq has no code for it either."""

REFUSALS = {
    "42501": "the role has no permission",
    "42P01": "a table is missing, so run `upgrade`",
    "42703": "a column is missing, so run `upgrade`",
}
"""What an operator has to change, by SQLSTATE."""

OWN_NAME = re.compile(r"\bcounterseal_\w+")
"""What is named of PostgreSQL's text, whatever its language: our tables, and nothing of others."""

log = logging.getLogger("counterseal_sql")


def unavailable(error: Exception) -> StoreUnavailable:
    """Log how the database failed, and return what to raise where nothing has changed."""
    own = _driver_error(error)
    refusal = _refusal(own)
    if not refusal:
        log.warning("the database failed: %s", _kind(own))
        return StoreUnavailable()
    log.warning("the database refused: %s", refusal)
    return StoreUnavailable(f"the database refused: {refusal}")


def overdue() -> StoreUnavailable:
    """Log that other threads use the database for too long, and return what to raise."""
    log.warning("the database failed: others of this process use it for too long")
    return StoreUnavailable()


def indeterminate(error: Exception) -> Indeterminate:
    """Log how the database failed, and return what to raise where the outcome is unknown."""
    log.warning("the reply to a commit was lost: %s", _kind(_driver_error(error)))
    return Indeterminate()


def _kind(own: Exception) -> str:
    """Name the error as the driver does; its text may have an address or values in it."""
    code = getattr(own, "sqlite_errorname", None) or getattr(own, "sqlstate", None)
    if code:
        return f"{type(own).__name__} {code}"
    reason = UNREACHED.search(str(own))
    return f"{type(own).__name__} ({reason[0]})" if reason else type(own).__name__


def _refusal(own: Exception) -> str:
    """Say what PostgreSQL refused in plain words; empty if it did not, or there are none."""
    code = getattr(own, "sqlstate", None)
    if code in REFUSALS:
        name = OWN_NAME.search(str(own).partition("\n")[0])
        return f"{REFUSALS[code]} ({code}, {name[0]})" if name else f"{REFUSALS[code]} ({code})"
    reason = None if code else UNADMITTED.search(str(own))
    return reason[0] if reason else ""


def _driver_error(error: Exception) -> Exception:
    return getattr(error, "orig", None) or error
