"""Files for secrets: only their owner can read them, and a write replaces all or nothing."""

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

FileVersion: TypeAlias = tuple[int, int, int]


def make_folder(path: Path) -> Path:
    """
    Make a folder that only its owner may enter; if it exists, deny all others access.

    Raises:
        OSError: It cannot be made, or its mode cannot be changed.
    """
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    path.chmod(FOLDER_MODE)
    return path


def make_parent(path: Path) -> Path:
    """
    Return the folder of a file, made as by `make_folder` if it is missing.

    One that exists is left as it is: others may need it, such as /etc.

    Raises:
        OSError: It cannot be made.
    """
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    return path.parent


def write(path: Path, data: bytes) -> None:
    """
    Replace the file at *path* by *data*, which is on the disk when this returns.

    Raises:
        OSError: It cannot be written; the old file is unchanged.
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
def lock(folder: Path) -> Iterator[None]:
    """
    Let one process at a time change the files of a folder.

    Raises:
        OSError: The lock file cannot be made.
    """
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class CachedFile(Generic[T]):
    """
    A parsed file, which is read again when another file has replaced it.

    Args:
        path: The file.
        parse: Parses its bytes.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], T]) -> None:
        self._path = path
        self._parse = parse
        self._cached: tuple[FileVersion, T] | None = None

    def load(self) -> T:
        """
        Return the parsed content of the file as it is now.

        Raises:
            OSError: It cannot be read.
        """
        # Two threads may read the file at once; both get the same content.
        version = _version_of(self._path)
        cached = self._cached
        if cached is None or cached[0] != version:
            # The version is older than the content: a write in between is noticed next time.
            cached = self._cached = (version, self._parse(self._path.read_bytes()))
        return cached[1]


def _version_of(path: Path) -> FileVersion:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
