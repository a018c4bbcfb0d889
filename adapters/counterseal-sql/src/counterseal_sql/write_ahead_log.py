"""The write-ahead log: the file beside SQLite's database to which commits are written first."""

from __future__ import annotations

import os
from pathlib import Path

from counterseal_sql.dialects.sqlite_driver import SqliteConnection
from counterseal_sql.failures import indeterminate


class WriteAheadLog:
    """
    The write-ahead log of one SQLite file.

    Args:
        file: The database's file.
    """

    def __init__(self, file: str) -> None:
        self._path = Path(f"{file}-wal")
        self._synced_file: tuple[int, int] | None = None
        self._is_used = False

    def is_used(self, connection: SqliteConnection) -> bool:
        """
        Tell whether commits on *connection* go to the log, and `sync` can sync it.

        Raises:
            sqlite3.Error: SQLite did not answer.
        """
        # Without fdatasync only SQLite knows how to sync a file.
        if not self._is_used and hasattr(os, "fdatasync"):
            ((mode,),) = connection.run("PRAGMA journal_mode")
            # The mode cannot change while a connection is open.
            self._is_used = mode == "wal"
        return self._is_used

    def sync(self) -> None:
        """
        Sync to the disk whatever was committed before.

        Raises:
            Indeterminate: The disk failed.
        """
        try:
            # SQLite has no lock on this file; closing a descriptor would release it.
            descriptor = os.open(self._path, os.O_RDONLY)
            try:
                status = os.fstat(descriptor)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            if (status.st_dev, status.st_ino) != self._synced_file:
                _sync_folder(self._path.parent)
                self._synced_file = (status.st_dev, status.st_ino)
        except OSError as error:
            raise indeterminate(error) from error


class Unsynced:
    """A context manager: in it, commits on the connection go to the log and are not synced."""

    __slots__ = ("_connection",)

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.script("PRAGMA synchronous=NORMAL")

    def __exit__(self, *_: object) -> None:
        try:
            self._connection.script("PRAGMA synchronous=FULL")
        except BaseException:
            self._connection.close()
            raise


def _sync_folder(folder: Path) -> None:
    # A new file may not be in its folder yet.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
