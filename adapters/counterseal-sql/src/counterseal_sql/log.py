"""The log: what SQLite writes ahead, beside the database's file."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection

from counterseal_sql.failures import indeterminate
from counterseal_sql.statements import cursor


class Log:
    """
    The write-ahead log of one SQLite file.

    Args:
        file: The database's.
    """

    def __init__(self, file: str) -> None:
        self._path = Path(f"{file}-wal")
        self._known: tuple[int, int] | None = None
        self._there = False

    def holds(self, connection: Connection) -> bool:
        """
        Tell whether what is committed on *connection* goes to the log, and `sync` can sync it.

        Raises:
            sqlite3.Error: SQLite did not say.
        """
        # Elsewhere it is for SQLite to know what brings a file to the disk.
        if not self._there and hasattr(os, "fdatasync"):
            ((mode,),) = cursor(connection).execute("PRAGMA journal_mode").fetchall()
            # Nobody can change that while a connection is open.
            self._there = mode == "wal"
        return self._there

    def sync(self) -> None:
        """
        Bring to the disk whatever was committed before.

        Raises:
            Indeterminate: The disk did not say so.
        """
        try:
            # SQLite has no lock on this file, which closing it would give up.
            opened = os.open(self._path, os.O_RDONLY)
            try:
                about = os.fstat(opened)
                os.fdatasync(opened)
            finally:
                os.close(opened)
            if (about.st_dev, about.st_ino) != self._known:
                _sync_folder(self._path.parent)
                self._known = (about.st_dev, about.st_ino)
        except OSError as error:
            raise indeterminate(error) from error


class Unsynced:
    """Within it, what is committed on a connection is in the log, and not synced."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        _say(self._connection, "PRAGMA synchronous=NORMAL")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            _say(self._connection, "PRAGMA synchronous=FULL")
        except BaseException:
            self._connection.invalidate()
            raise


def _say(connection: Connection, words: str) -> None:
    # As a script: SQLite does some of it while it compiles, and a statement is compiled once.
    cursor(connection).executescript(words)


def _sync_folder(folder: Path) -> None:
    # A file that was made lately may not be in its folder yet.
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
