"""
Logs: one line for each thing that happened, for people or for programs.

A line has an event's own words and the id of the request that it belongs to.
Nothing that a request holds is logged here: no path as it was sent, no query, header or body.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

from counterseal.wire.moment import stamp
from counterseal_server.visible import visible

OURS = (
    "counterseal",
    "counterseal_fcm",
    "counterseal_flask",
    "counterseal_http",
    "counterseal_records",
    "counterseal_redis",
    "counterseal_relay",
    "counterseal_server",
    "counterseal_sql",
    "counterseal_webpush",
)
"""Loggers that follow `log_level`; all others say what is at least a warning."""

NO_REQUEST = "-"

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
                record.name,
                request_id.get(),
                _text(record),
            )
        )
        return visible(line)


class Json(logging.Formatter):
    """Lines for a program: one JSON object each."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        told = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _text(record),
        }
        if request_id.get() != NO_REQUEST:
            told["requestId"] = request_id.get()
        return json.dumps(told, ensure_ascii=True)


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
    return stamp(datetime.fromtimestamp(record.created, UTC))


def _text(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info is not None and record.exc_info[0] is not None:
        # An error's own text may hold what a caller sent: its kind and place are enough.
        place = "".join(traceback.format_tb(record.exc_info[2]))
        text = f"{text}: {record.exc_info[0].__name__}\n{place}"
    return text
