"""Files that a person names on the command line: read whole, up to a limit; written plainly."""

from __future__ import annotations

import sys
from pathlib import Path

from counterseal.errors import InvalidField

STANDARD_INPUT = "-"


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
