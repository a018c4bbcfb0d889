"""Checks of the data folder: who may read it, and how much space is free."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import Installation

MEGABYTE = 1_000_000
LEAST_OCTETS, FEW_OCTETS = 100 * MEGABYTE, 1_000 * MEGABYTE
LEAST_FILES = 1_000
OTHERS = 0o077
"""What a mode gives to users who are not the owner."""


def check_data_folder(installation: Installation) -> Iterator[Finding]:
    """Check the folder's owner, mode and free space."""
    folder = installation.settings.data
    try:
        status = folder.stat()
    except OSError as error:
        yield failure(
            "data_missing",
            f"{folder}: {error.strerror}",
            "correct `data`, or run `counterseal init` for a new service",
        )
        return
    if status.st_uid != installation.user:
        owner = name_of(status.st_uid)
        yield failure(
            "data_foreign",
            f"{folder} belongs to {owner}, and this command runs as {name_of(installation.user)}",
            f"run it as {owner}, or correct the owner",
        )
    elif installation.is_read_only(folder) and installation.settings.store is not None:
        yield fine("data_read_only", f"{folder} is mounted read-only; the records are elsewhere")
        return
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield failure("data_closed", f"{folder} cannot be written", f"chmod 700 {folder}")
    if status.st_mode & OTHERS:
        yield failure(
            "data_open",
            f"other users may enter {folder} (mode {status.st_mode & 0o777:04o})",
            f"chmod 700 {folder}",
        )
    yield _check_space(installation, folder)


def _check_space(installation: Installation, folder: Path) -> Finding:
    space = installation.disk_space(folder)
    free = f"{space.octets // MEGABYTE:,} MB are free for {folder}"
    # Both commands write to the store first, and its file does not get smaller.
    advice = (
        "delete or move other files, or enlarge the disk; then `counterseal audit archive` and"
        " `counterseal store purge` let the database use its own space again"
    )
    if space.files is not None and space.files < LEAST_FILES:
        return failure("files_exhausted", f"only {space.files} more files fit there", advice)
    if space.octets < LEAST_OCTETS:
        return failure("disk_full", f"only {free}", advice)
    if space.octets < FEW_OCTETS:
        return warning("disk_filling", f"only {free}", advice)
    return fine("space_free", free)


def name_of(user: int) -> str:
    """Return the name of a user; its number if it has no name."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
