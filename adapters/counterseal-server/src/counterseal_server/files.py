"""Files that a person names on the command line: read whole, up to a limit; written plainly."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterseal.errors import InvalidField
from counterseal_server.printing import json_text, print_json

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


@contextmanager
def new_json(name: str, *, field: str) -> Iterator[Callable[[Any], None]]:
    """
    Make a file for its owner only, and lend what writes one JSON document to it.

    The file is there before its document is made, so that no secret is made in vain.
    It is removed again if the block fails.
    A document that cannot be written is printed: its secrets are nowhere else.

    Args:
        name: Its path; nothing may be there.
        field: What to call it in an error.

    Raises:
        InvalidField: It cannot be made or written, or something is there already.
    """
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        raise InvalidField(field, f"{name} is there already, and is not overwritten") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise InvalidField(field, f"cannot write to {name}: {reason}") from None

    def write_document(document: Any) -> None:
        rest = f"{json_text(document)}\n".encode("ascii")
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError as error:
            print_json(document)
            raise InvalidField(
                field,
                f"cannot write to {name}: {error.strerror};"
                " the document is on standard output instead",
            ) from None

    try:
        with os.fdopen(descriptor, "wb"):
            yield write_document
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


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
