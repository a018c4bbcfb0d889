"""Read and write the files that are named on the command line."""

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
        field: The name for it in errors.
        limit: The largest size in bytes.

    Raises:
        InvalidField: It cannot be read, or is larger.
    """
    try:
        if name == STANDARD_INPUT:
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(limit + 1)
    except (OSError, ValueError, AttributeError) as error:
        # sys.stdin is None in a process without standard input.
        reason = getattr(error, "strerror", None) or "no such input"
        raise InvalidField(field, f"cannot read {name}: {reason}") from None
    if len(data) > limit:
        raise InvalidField(field, f"longer than {limit} bytes")
    return data


def write(folder: str, texts: dict[str, str], *, field: str) -> None:
    """
    Write each of *texts* into a file in *folder*.

    Args:
        folder: Its path; created if it does not exist.
        texts: ASCII, by file name.
        field: The name for the folder in errors.

    Raises:
        InvalidField: A file cannot be written.
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
    Create a file that only its owner can read; yield a function that writes JSON to it.

    The file is created before the document, so that no secret is created in vain.
    It is removed if the block fails.
    If the document cannot be written, it is printed, because nothing else has its secrets.

    Args:
        name: Its path, where no file may exist.
        field: The name for it in errors.

    Raises:
        InvalidField: It cannot be created or written, or exists already.
    """
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        raise InvalidField(field, f"{name} exists, and is not overwritten") from None
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
    Append *data* to a file that only its owner can read; return when it is on the disk.

    Args:
        name: Its path; the file is created if it does not exist.
        field: The name for it in errors.

    Raises:
        InvalidField: It cannot be written; a part of *data* may have been.
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
