"""Files that hold secrets: for their owner only, durable, and replaced whole or not at all."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

FOLDER_MODE = 0o700

Stamp: TypeAlias = tuple[int, int, int]


def folder(path: Path) -> Path:
    """
    Make a folder that only its owner may enter; one that is there is closed to others.

    Raises:
        OSError: It cannot be made or closed.
    """
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    path.chmod(FOLDER_MODE)
    return path


def write(path: Path, data: bytes) -> None:
    """
    Put *data* into *path*; it is on the disk when this returns.

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    # `mkstemp` makes files with mode 0600.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync(path.parent)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """
    Let one process at a time change the files of a folder.

    Raises:
        OSError: The lock's file cannot be made.
    """
    lock = os.open(path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class Kept(Generic[T]):
    """
    What a file says, read again when another file has taken its place.

    Args:
        path: The file.
        read: Makes something of its bytes.
    """

    def __init__(self, path: Path, read: Callable[[bytes], T]) -> None:
        self._path = path
        self._read = read
        self._held: tuple[Stamp, T] | None = None

    def get(self) -> T:
        """
        Return what the file says now.

        Raises:
            OSError: It cannot be read.
        """
        # Two threads may read it at once; both then hold the same.
        stamp = _stamp(self._path)
        if self._held is None or self._held[0] != stamp:
            # Stamped before it is read: what is written in between is read next time.
            self._held = (stamp, self._read(self._path.read_bytes()))
        return self._held[1]


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
