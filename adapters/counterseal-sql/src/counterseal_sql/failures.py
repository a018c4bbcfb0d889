"""Failures: what a database or its driver raises, and the error that a caller gets for it."""

from __future__ import annotations

import logging
import re
from typing import TypeAlias

from counterseal.errors import Indeterminate, Misuse, StoreFull, StoreUnavailable

Failures: TypeAlias = tuple[type[Exception], ...]

UNREACHED = re.compile(
    "Connection refused|No such file or directory|failed to resolve host|timeout"
)
"""Reasons of libpq that have no code; nothing else of its text is logged."""

UNADMITTED = re.compile(
    'password authentication failed for user "[^"]*"|no password supplied|no pg_hba.conf entry'
    '|role "[^"]*" is not permitted to log in|permission denied for database "[^"]*"'
    '|(?:role|database) "[^"]*" does not exist'
)
"""Reasons of PostgreSQL for refusing a connection; libpq has no code for them either."""

REFUSALS = {
    "42501": "the role has no permission",
    "42P01": "a table is missing, so run `upgrade`",
    "42703": "a column is missing, so run `upgrade`",
}
"""What an operator has to change, by SQLSTATE."""

FULL = frozenset({"SQLITE_FULL", "53100", "53400"})
"""
No space on the disk: SQLite's name, and PostgreSQL's disk_full and configuration_limit_exceeded,
which is what a quota raises.
"""

OWN_NAME = re.compile(r"\bcounterseal_\w+")
"""Our tables: the only names of PostgreSQL's text that are logged, whatever its language."""

log = logging.getLogger("counterseal_sql")


def unavailable(error: Exception) -> StoreUnavailable:
    """Log how the database failed, and return what to raise where nothing has changed."""
    driver_error = _driver_error(error)
    refusal = _refusal(driver_error)
    if _code(driver_error) in FULL:
        log.warning("the disk of the database is full: %s", _kind(driver_error))
        return StoreFull()
    if not refusal:
        log.warning("the database failed: %s", _kind(driver_error))
        return StoreUnavailable()
    log.warning("the database refused: %s", refusal)
    return StoreUnavailable(f"the database refused: {refusal}")


def overdue() -> StoreUnavailable:
    """Log that other threads used the database for too long, and return what to raise."""
    log.warning("the database failed: others of this process use it for too long")
    return StoreUnavailable()


def indeterminate(error: Exception) -> Indeterminate:
    """Log how the database failed, and return what to raise where the outcome is unknown."""
    log.warning("the reply to a commit was lost: %s", _kind(_driver_error(error)))
    return Indeterminate()


def _kind(driver_error: Exception) -> str:
    """Return the driver's name of the error; its text may contain an address or values."""
    name, code = type(driver_error).__name__, _code(driver_error)
    if code:
        return f"{name} {code}"
    reason = UNREACHED.search(str(driver_error))
    return f"{name} ({reason[0]})" if reason else name


def _code(driver_error: Exception) -> str:
    """Return the database's own name of the error; empty if it has none."""
    codes = (getattr(driver_error, name, None) for name in ("sqlite_errorname", "sqlstate"))
    return next(filter(None, codes), "")


def _refusal(driver_error: Exception) -> str:
    """Return in plain words what PostgreSQL refused; an empty text if it is something else."""
    code = getattr(driver_error, "sqlstate", None)
    if code in REFUSALS:
        name = OWN_NAME.search(str(driver_error).partition("\n")[0])
        return f"{REFUSALS[code]} ({code}, {name[0]})" if name else f"{REFUSALS[code]} ({code})"
    reason = None if code else UNADMITTED.search(str(driver_error))
    return reason[0] if reason else ""


def _driver_error(error: Exception) -> Exception:
    return getattr(error, "orig", None) or error


class UnfitUrl(Misuse, code="unfit_url"):
    """The address is neither of a SQLite file nor of a PostgreSQL database."""


class FullTextMissing(Misuse, code="full_text_missing"):
    """SQLite was built without FTS5, or is too old to have its tokenizer of three characters."""


class SchemaTooNew(Misuse, code="schema_too_new"):
    """A newer release of this package has changed the database; this one must not touch it."""
