"""
Logs: one line for each event, as text or as JSON.

A line has the event's text and the id of its request.
No content of a request is logged: no path as it was sent, no query, header or body.
The fields of a line are cut to a limit, whatever a library logs.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from counterseal.models import TRACE
from counterseal.wire.members import format_time
from counterseal.wire.visible import visible
from counterseal_web import REQUEST_ID

OURS = (
    "counterseal",
    "counterseal_aap",
    "counterseal_ciba",
    "counterseal_demo",
    "counterseal_fcm",
    "counterseal_http",
    "counterseal_keys",
    "counterseal_oidc",
    "counterseal_otel",
    "counterseal_portal",
    "counterseal_records",
    "counterseal_redis",
    "counterseal_relay",
    "counterseal_server",
    "counterseal_sql",
    "counterseal_web",
    "counterseal_webpush",
)
"""Loggers that follow `log_level`; all others log warnings and errors only."""

NO_REQUEST = "-"

FIELD_LIMIT: Final = 8_192
"""The most characters in one value of a line; the location of an error is the longest."""

LINE_LIMIT: Final = 16_384
"""The most bytes in a line: a third of what journald reads as one (`LineMax`)."""

_MARK_LIMIT: Final = 32
"""More than the note about what was cut off takes, in characters and in bytes."""


class Human(logging.Formatter):
    """Lines for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, with invisible characters written out."""
        line = " ".join(
            (
                _time(record),
                record.levelname.lower().ljust(7),
                _short(record.name),
                REQUEST_ID.get() or NO_REQUEST,
                _text(record),
            )
        )
        # An invisible character becomes longer when it is written out.
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
        identifier = REQUEST_ID.get()
        if identifier is not None:
            fields["requestId"] = identifier
        trace = TRACE.get()
        if trace is not None:
            fields["traceId"], fields["spanId"] = trace.parent.split("-")[1:3]
        line, limit = json.dumps(fields), LINE_LIMIT
        while len(line) > LINE_LIMIT:
            limit //= 2  # a character is up to twelve bytes
            fields = {name: _short(value, limit) for name, value in fields.items()}
            line = json.dumps(fields)
        return line


def configure_logs(form: str, level: str) -> None:
    """
    Write logs to standard error from now on.

    Args:
        form: `human` or `json`.
        level: The lowest level of our own loggers.
    """
    # No line names the thread, process and source that wrote it, and to find out takes long
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
        # An error's text may contain what a caller sent: its type and location are enough.
        traceback_text = "".join(traceback.format_tb(record.exc_info[2]))
        text = f"{_short(text)}: {record.exc_info[0].__name__}\n{traceback_text}"
    return text


def _field(value: object) -> object:
    """Return *value* for a message, cut to the length of a field."""
    return value if isinstance(value, int | float) else _Field(value)


class _Field:
    """A value whose text forms are cut to the length of a field."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return _short(str(self._value))

    def __repr__(self) -> str:
        return _short(repr(self._value))


def _short(text: str, limit: int = FIELD_LIMIT) -> str:
    """Return *text* cut to *limit* characters, with a note of its length."""
    return text if len(text) <= limit else _marked(text[: limit - _MARK_LIMIT], len(text))


def _marked(beginning: str, size: int) -> str:
    return f"{beginning}... (cut off, of {size})"
