"""What may leave an adapter: of exceptions only `Unavailable`, and into logs no secret."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from counterseal.errors import Unavailable
from counterseal.testing.contracts.clauses import clauses

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


def without_broken(number: str = "ALL-1") -> None:
    """Skip a test of failures: the author gave no adapter with a broken connection."""
    pytest.skip(f"{number} is not shown, without a broken adapter: {clauses()[number]}")


@contextmanager
def no_secret_is_logged() -> Iterator[None]:
    """
    Listen to every logger, at every level.

    Raises:
        AssertionError: `SECRET` was logged.
    """
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(self.format(record))

    root, ear = logging.getLogger(), Ear()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(ear)
        root.setLevel(level)
    told = [line for line in heard if SECRET in line or repr(SECRET.encode()) in line]
    assert not told, "a secret was logged"
