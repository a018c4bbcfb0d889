"""
Copies of a SQLite file, made while programs write to it.

SQLite's backup interface reads the file in one transaction: the copy is of one moment, and writers
are not stopped meanwhile.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from counterseal.errors import Misuse, StoreUnavailable
from counterseal_sql.migrations import NEWEST, VERSION_TABLE, schema_too_new

OWNER_ONLY = 0o600
PATIENCE = 5.0
"""Seconds to wait for a lock: the first connection after a crash recovers the file."""

NO_TABLE = "no such table"


class UnfitCopy(Misuse, code="unfit_copy"):
    """The file is no database of this package, or is damaged."""


def copy_sqlite(source: Path, target: Path) -> str:
    """
    Copy the database in *source* into the new file *target*; return its schema's number.

    The copy is one file that only its owner can read, has been checked, and is on the disk.

    Args:
        source: A SQLite file; programs may write to it.
        target: Where no file is yet. It is removed if an error is raised.

    Raises:
        UnfitCopy: *source* is no database of this package, or is damaged.
        SchemaTooNew: A newer release has migrated it.
        StoreUnavailable: SQLite failed; the disk may be full.
        OSError: *target* cannot be created, or exists.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
    try:
        with closing(_open(source)) as original, closing(_open(target)) as copy:
            # In one step: in several, each write to the original would begin it anew.
            original.backup(copy)
            # The copy has the original's mode, which needs two more files beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
        schema = require_sound(target)
        _sync(target)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error):
            raise _counterseal_error(error, source) from error
        raise
    return schema


def require_sound(file: Path) -> str:
    """
    Check a file that `copy_sqlite` made; return its schema's number.

    Raises:
        UnfitCopy: It is no database of this package, or is damaged.
        SchemaTooNew: A newer release has migrated it.
        StoreUnavailable: SQLite failed.
    """
    try:
        with closing(_open(file)) as connection:
            ((verdict,), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
            if verdict != "ok":
                raise UnfitCopy(f"{file} is damaged: {verdict}")
            ((schema,),) = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 (a constant)
    except (ValueError, sqlite3.Error) as error:
        raise _counterseal_error(error, file) from error
    require_schema(str(file), schema)
    return str(schema)


def require_schema(what: str, schema: str) -> None:
    """
    Require a schema that this release reads.

    Args:
        what: The name of what has it, for the error.
        schema: Its number, such as `0004`.

    Raises:
        SchemaTooNew: It is one of a newer release.
    """
    if schema > NEWEST:
        raise schema_too_new(what, schema)


def _counterseal_error(error: Exception, file: Path) -> UnfitCopy | StoreUnavailable:
    if isinstance(error, sqlite3.OperationalError) and NO_TABLE not in str(error):
        return StoreUnavailable(f"SQLite: {error}")
    return UnfitCopy(f"{file} is no database of this service, or is damaged")


def _open(file: Path) -> sqlite3.Connection:
    # `rw`: it creates no file.
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
