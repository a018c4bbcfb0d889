"""
Printing: the only way, beside `counterseal_server.screen`, in which a command writes its output.

A line may contain text from a service, a database or a file. This text can neither move the
cursor, nor change a colour, nor reorder what is read.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from counterseal.wire.visible import visible


def print_line(text: str, *, err: bool = False) -> None:
    """
    Print one line, with invisible characters written out.

    Args:
        text: The line; a line break in it is written out.
        err: Whether to print it on standard error.
    """
    stream = sys.stderr if err else sys.stdout
    click.echo(visible(text, getattr(stream, "encoding", None) or "ascii"), err=err)


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """
    Print one JSON document, all in ASCII and without control characters.

    Args:
        document: A value that `json` can write.
        indent: Spaces for each depth; None prints one line.
    """
    click.echo(json_text(document, indent=indent))


def json_text(document: Any, *, indent: int | None = 2) -> str:
    """Return *document* as `print_json` prints it."""
    # `json` leaves one control character as it is.
    return json.dumps(document, indent=indent).replace("\x7f", "\\u007f")


def print_lines(text: str) -> None:
    """
    Print a text of this program, or one whose invisible characters are already written out.

    Args:
        text: One or more lines: a table, a QR code, settings.
    """
    click.echo(text)
