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
_previous_handlers: dict[int, _Handler] = {}


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
        if callable(previous) and previous is not _close_and_go_on:
            _previous_handlers[number] = previous
            signal.signal(number, _close_and_go_on)


def _close_and_go_on(number: int, frame: FrameType | None) -> None:
    # A handler interrupts other code, which may have a lock that `close` needs.
    threading.Thread(target=_close_all).start()
    _previous_handlers[number](number, frame)


def _close_all() -> None:
    for service in list(_services):
        service.close()
