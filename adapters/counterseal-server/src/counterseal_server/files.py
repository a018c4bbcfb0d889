"""Read and write the files that are named on the command line."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterseal.errors import InvalidField
from counterseal_server.printing import json_text, print_json

STANDARD_INPUT = "-"
OWNER_ONLY = 0o600
BLOCK = 65_536


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


def append(name: str, data: bytes, *, beginning: bytes, field: str) -> None:
    """
    Append *data* to a file that only its owner can read; return when it is on the disk.

    Args:
        name: Its path; the file is created if it does not exist.
        data: Whole lines.
        beginning: What every line begins with. A last line without its line feed is what an
            interrupted call has written; it is cut off first.
        field: The name for it in errors.

    Raises:
        InvalidField: It cannot be written, and a part of *data* may have been; or its last line is
            another one without a line feed.
    """
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                _cut_partial_line(name, beginning, field)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise InvalidField(field, f"cannot write to {name}: {reason}") from None


def _cut_partial_line(name: str, beginning: bytes, field: str) -> None:
    with Path(name).open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        index = -1
        while end > 0 and index < 0:
            begin = max(end - BLOCK, 0)
            file.seek(begin)
            index = file.read(end - begin).rfind(b"\n")
            end = begin if index < 0 else begin + index + 1
        file.seek(end)
        first_bytes = file.read(len(beginning))
        if not beginning.startswith(first_bytes):
            raise InvalidField(
                field, f"{name} ends with a line that is not whole, and not one of these"
            )
        if end < size:
            file.truncate(end)
