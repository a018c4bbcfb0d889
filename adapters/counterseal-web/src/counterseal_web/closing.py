"""Closing: a signal ends the waits of this process's services, for servers of threads."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeAlias
from weakref import WeakSet

from counterseal_web.service import Service

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_Handler: TypeAlias = Callable[[int, FrameType | None], object]

_services: WeakSet[Service] = WeakSet()


class _ClosingHandler:
    """
    Closes all services, and runs the handler before.

    It has that handler itself: another library may install one between two calls of
    `close_on_signal`, so that there are two of these in one chain.
    """

    def __init__(self, previous: _Handler) -> None:
        self._previous = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        # A handler interrupts other code, which may have a lock that `close` needs.
        threading.Thread(target=_close_all).start()
        self._previous(number, frame)


def close_on_signal(service: Service) -> None:
    """
    Close *service* when the process gets SIGINT or SIGTERM; the handlers before run as well.

    A server such as gunicorn waits at these signals for every call that waits, up to its own
    limit. Call this in each process after its server has installed its handlers, as when gunicorn
    loads the application without `--preload`. Where the process has no handler, the signal ends it
    anyway. Outside the main thread, where Python accepts no handler, it does nothing.

    Args:
        service: Whose waits end.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    _services.add(service)
    for number in SIGNALS:
        previous = signal.getsignal(number)
        if callable(previous) and not isinstance(previous, _ClosingHandler):
            signal.signal(number, _ClosingHandler(previous))


def _close_all() -> None:
    for service in list(_services):
        service.close()
