"""
Logs: one line for each thing that happened, for people or for programs.

A line has an event's own words and the id of the request that it belongs to.
Nothing that a request holds is logged here: no path as it was sent, no query, header or body.
Whatever else a library logs, each field of a line is short, and so is the line.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

from counterseal.wire.claims import format_time
from counterseal_server.visible import visible

OURS = (
    "counterseal",
    "counterseal_demo",
    "counterseal_fcm",
    "counterseal_http",
    "counterseal_keys",
    "counterseal_records",
    "counterseal_redis",
    "counterseal_relay",
    "counterseal_server",
    "counterseal_sql",
    "counterseal_web",
    "counterseal_webpush",
)
"""Loggers that follow `log_level`; all others say what is at least a warning."""

NO_REQUEST = "-"

FIELD_LIMIT: Final = 8_192
"""The most characters that one value of a line has; the place of an error is the longest."""

LINE_LIMIT: Final = 16_384
"""The most bytes that a line has: a third of what journald reads as one (`LineMax`)."""

_MARK_LIMIT: Final = 32
"""More than what says how much was cut off takes, in characters and in bytes."""

request_id: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)
"""Of the request that this thread serves."""


class Human(logging.Formatter):
    """Lines for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, in which nothing is hidden."""
        line = " ".join(
            (
                _time(record),
                record.levelname.lower().ljust(7),
                _short(record.name),
                request_id.get(),
                _text(record),
            )
        )
        # What is hidden becomes longer when it is spelled out.
        data = visible(line).encode()
        if len(data) <= LINE_LIMIT:
            return data.decode()
        return _marked(data[: LINE_LIMIT - _MARK_LIMIT].decode(errors="ignore"), len(data))


class Json(logging.Formatter):
    """Lines for a program: one JSON object each."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": _short(record.name),
            "message": _text(record),
        }
        if request_id.get() != NO_REQUEST:
            fields["requestId"] = request_id.get()
        line, limit = json.dumps(fields), LINE_LIMIT
        while len(line) > LINE_LIMIT:
            limit //= 2  # a character is up to twelve bytes
            fields = {name: _short(value, limit) for name, value in fields.items()}
            line = json.dumps(fields)
        return line


def configure(form: str, level: str) -> None:
    """
    Write to standard error what is logged from now on.

    Args:
        form: `human` or `json`.
        level: The lowest level that our own loggers write.
    """
    # No line says which thread of which process wrote it where, and to find out takes long
    # (the logging HOWTO of Python, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 (as documented there)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Human())
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


def _time(record: logging.LogRecord) -> str:
    return format_time(datetime.fromtimestamp(record.created, UTC))


def _text(record: logging.LogRecord) -> str:
    args = record.args
    if isinstance(args, Mapping):
        text = str(record.msg) % {name: _field(value) for name, value in args.items()}
    else:
        text = str(record.msg) % tuple(map(_field, args)) if args else str(record.msg)
    if record.exc_info is not None and record.exc_info[0] is not None:
        # An error's own text may hold what a caller sent: its kind and place are enough.
        traceback_text = "".join(traceback.format_tb(record.exc_info[2]))
        text = f"{_short(text)}: {record.exc_info[0].__name__}\n{traceback_text}"
    return text


def _field(value: object) -> object:
    """Return *value* as an argument of a message that is no longer than a field."""
    return value if isinstance(value, int | float) else _Field(value)


class _Field:
    """A value whose texts are short."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return _short(str(self._value))

    def __repr__(self) -> str:
        return _short(repr(self._value))


def _short(text: str, limit: int = FIELD_LIMIT) -> str:
    """Return *text* with at most *limit* characters, the last of which say how many are left."""
    return text if len(text) <= limit else _marked(text[: limit - _MARK_LIMIT], len(text))


def _marked(beginning: str, size: int) -> str:
    return f"{beginning}... (cut off, of {size})"
