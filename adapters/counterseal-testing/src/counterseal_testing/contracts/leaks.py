"""What leaves an adapter: no exception but `Unavailable`, no secret, and where needed no I/O."""

from __future__ import annotations

import functools
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

import pytest

from counterseal.errors import Unavailable
from counterseal_testing.contracts.clauses import clauses

SECRET = "a-secret-that-no-log-may-hold"  # noqa: S105 - it is none
"""Stands in every field that records keep out of their `repr`."""


def only_unavailable_leaves(calls: Mapping[str, Callable[[], object]]) -> None:
    """
    Make each call on a broken connection.

    Raises:
        AssertionError: One of them succeeded, or raised anything but `Unavailable`.
    """
    for verb, call in calls.items():
        try:
            call()
        except Unavailable:
            continue
        except Exception as error:
            raise AssertionError(f"{verb} let out {error!r}") from error
        raise AssertionError(f"{verb} did not raise Unavailable")


_IO_EVENTS = (
    *("_thread.", "open", "os.", "select.", "socket.", "sqlite3."),
    *("subprocess.", "time.sleep", "urllib."),
)
"""How the names of those audit events begin that tell of I/O, of a thread, or of a wait."""


class _Watch(threading.local):
    # None while nobody watches this thread.
    events: list[str] | None = None


_watch = _Watch()


def _notice(event: str, _: object) -> None:
    if _watch.events is not None and event.startswith(_IO_EVENTS):
        _watch.events.append(event)
        raise RuntimeError(f"{event} where nothing may wait")


@functools.cache
def _watch_events() -> None:
    # There is no way to take an audit hook away, so one serves all tests.
    sys.addaudithook(_notice)


def _start(thread: threading.Thread) -> None:
    # Python 3.11 has no audit event for it.
    _notice("_thread.start", None)
    _start_thread(thread)


_start_thread = threading.Thread.start


@contextmanager
def no_io() -> Iterator[None]:
    """
    Refuse sockets, files, processes, threads and sleep to this thread.

    Raises:
        AssertionError: One of them was tried, also if the adapter went on without it.
    """
    _watch_events()
    events: list[str] = []
    _watch.events = events
    try:
        with mock.patch.object(threading.Thread, "start", _start):
            yield
    finally:
        _watch.events = None
        assert not events, f"it waits: {', '.join(events)}"


def skip_without_broken(number: str = "ALL-1") -> None:
    """Skip a test of failures: the author gave no adapter with a broken connection."""
    pytest.skip(f"{number} is not shown, without a broken adapter: {clauses()[number]}")


@contextmanager
def no_secret_is_logged() -> Iterator[None]:
    """
    Listen to every logger, at every level.

    Raises:
        AssertionError: `SECRET` was logged.
    """
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, listener = logging.getLogger(), Listener()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
    leaked = [line for line in lines if SECRET in line or repr(SECRET.encode()) in line]
    assert not leaked, "a secret was logged"
