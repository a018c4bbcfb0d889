"""FullStore: whether a call of this process has met a full store a short while ago."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import attrs

from counterseal import Ports
from counterseal.errors import StoreFull

SECONDS = 10.0
"""For so long after a call met a full store, the process is not ready."""

STORING = ("store", "replay", "counters", "idempotency", "audit")
"""The ports that may store something on a disk."""

R = TypeVar("R")
T = TypeVar("T")


class FullStore:
    """
    Remembers when a call of a port met a full store.

    Args:
        monotonic: Seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._met_at: float | None = None

    def require_room(self) -> None:
        """
        Require that no call met a full store within the last ten seconds.

        Raises:
            StoreFull: One did.
        """
        if self._met_at is not None and self._monotonic() - self._met_at < SECONDS:
            raise StoreFull

    def watch(self, ports: Ports) -> Ports:
        """Return *ports* whose calls are watched."""
        return attrs.evolve(
            ports, **{name: self._watched(getattr(ports, name)) for name in STORING}
        )

    def _watched(self, port: T) -> T:
        return cast("T", _Watched(port, self))

    def watched(self, method: Callable[..., R]) -> Callable[..., R]:
        """Return *method* so that the time is remembered when it raises StoreFull."""

        @wraps(method)
        def watched(*args: Any, **kwargs: Any) -> R:
            try:
                return method(*args, **kwargs)
            except StoreFull:
                self._met_at = self._monotonic()
                raise

        return watched


class _Watched:
    """A port whose public methods are watched by a `FullStore`."""

    def __init__(self, port: object, full_store: FullStore) -> None:
        self._port = port
        self._full_store = full_store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not callable(method):
            return method
        # From now on the attribute is found without this function.
        watched = self.__dict__[name] = self._full_store.watched(method)
        return watched
