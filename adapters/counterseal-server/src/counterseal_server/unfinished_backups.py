"""
The folders of unfinished backups: each is locked by its process, and deleted once nobody locks it.

A backup is written to a hidden folder beside its target, and renamed when it is complete. A process
that is killed leaves that folder behind, with keys in it. The kernel releases the lock of a process
that ends, however it ends, so the next backup recognises such a folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterseal.errors import InvalidField

PREFIX = ".counterseal-backup."
"""Before the random part of a name; no other program's folder has such a name."""

_NAME = re.compile(rf"{re.escape(PREFIX)}[a-z0-9_]{{8}}")


@contextmanager
def unfinished_folder(target: Path) -> Iterator[Path]:
    """
    Create a folder beside *target*, and lock it as long as the context lasts.

    If the context ends by an error, the folder is deleted.

    Raises:
        InvalidField: It cannot be created.
    """
    folder, descriptor = _create(target)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(descriptor)


def delete_unfinished(parent: Path) -> tuple[str, ...]:
    """
    Delete the folders of backups whose process has ended; return their names.

    Folders that cannot be opened, locked or deleted stay, such as those of another user.
    """
    try:
        names = sorted(path.name for path in parent.iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return ()
    return tuple(name for name in names if _delete(parent / name))


def _create(target: Path) -> tuple[Path, int]:
    while True:
        try:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent))
        except OSError as error:
            raise InvalidField("target", f"cannot write to {target}: {error.strerror}") from None
        # Between these two calls, another backup may have found the folder without a lock.
        descriptor = _open(folder)
        if descriptor is None:
            continue
        with contextlib.suppress(OSError):  # on a file system without locks, nothing is deleted
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(folder, descriptor):
            return folder, descriptor
        os.close(descriptor)


def _delete(folder: Path) -> bool:
    descriptor = _open(folder)
    if descriptor is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its backup may have become complete meanwhile, and the folder may have another name.
        if not _is_at(folder, descriptor) or os.fstat(descriptor).st_uid != os.geteuid():
            return False
        shutil.rmtree(folder)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int | None:
    """Return a descriptor of the folder; None if there is none, or a link in its place."""
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None


def _is_at(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(folder), os.fstat(descriptor))
    except OSError:
        return False
