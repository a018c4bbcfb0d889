"""Files that a person names on the command line: read whole, up to a limit; written plainly."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from counterseal.errors import InvalidField

STANDARD_INPUT = "-"
OWNER_ONLY = 0o600


def read(name: str, *, field: str, limit: int) -> bytes:
    """
    Return the bytes of a file.

    Args:
        name: Its path; `-` is the standard input.
        field: What to call it in an error.
        limit: The most bytes it may have.

    Raises:
        InvalidField: It cannot be read, or is longer.
    """
    try:
        if name == STANDARD_INPUT:
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(limit + 1)
    except (OSError, ValueError, AttributeError) as error:
        # A process without a standard input has None in its place.
        reason = getattr(error, "strerror", None) or "no such input"
        raise InvalidField(field, f"cannot read {name}: {reason}") from None
    if len(data) > limit:
        raise InvalidField(field, f"longer than {limit} bytes")
    return data


def write(folder: str, texts: dict[str, str], *, field: str) -> None:
    """
    Write *texts* into *folder*, each under its name.

    Args:
        folder: Its path; it is made if it is not there.
        texts: ASCII, by file name.
        field: What to call the folder in an error.

    Raises:
        InvalidField: Something cannot be written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (Path(folder) / name).write_bytes(text.encode("ascii"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such folder"
        raise InvalidField(field, f"cannot write to {folder}: {reason}") from None


def append(name: str, data: bytes, *, field: str) -> None:
    """
    Append *data* to a file, which is for its owner only; it is on the disk when this returns.

    Args:
        name: Its path; the file is made if it is not there.
        field: What to call it in an error.

    Raises:
        InvalidField: It cannot be written; some of *data* may be there.
    """
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise InvalidField(field, f"cannot write to {name}: {reason}") from None
