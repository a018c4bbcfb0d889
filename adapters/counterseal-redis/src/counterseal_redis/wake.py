"""
A bell for those who wait, in every process: a hint, and no more.

Rings are published; one thread of each process listens, for all that wait in it.
Whoever loses the connection hears nothing for a while, and those who wait look again when their
time is over, or when the connection is back.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from counterseal.models import Guid
from counterseal_redis.keyspace import Keyspace

log = logging.getLogger(__name__)

RINGS_AHEAD = 1_000
"""Rings that wait to be published; those beyond are lost, which a hint may be."""

LOOK_UP = 0.2
"""Seconds after which the threads look whether they are to end."""

PAUSE = 1.0
"""Seconds between two attempts to reach the server."""


class RedisWake:
    """Wakes the threads of all processes that wait; `close` ends its own two threads."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._channel = f"{keyspace.prefix}:w"
        self._waiting: dict[str, set[threading.Event]] = defaultdict(set)
        self._lock = threading.Lock()
        self._rings: queue.Queue[str] = queue.Queue(RINGS_AHEAD)
        self._threads: dict[str, threading.Thread] = {}
        self._closed = threading.Event()

    def notify(self, guid: Guid) -> None:
        """Wake those who wait for *guid*, here at once and elsewhere soon."""
        self._wake(guid)
        self._run(self._publish)
        try:
            self._rings.put_nowait(guid)
        except queue.Full:
            log.debug("a wake-up is lost")

    def wait(self, guid: Guid, timeout: timedelta) -> None:
        """Return when *guid* is rung, or after *timeout*, or when the connection came back."""
        event = threading.Event()
        with self._lock:
            self._waiting[guid].add(event)
        self._run(self._listen)
        try:
            event.wait(timeout.total_seconds())
        finally:
            with self._lock:
                waiting = self._waiting.get(guid)
                if waiting is not None:
                    waiting.discard(event)
                    if not waiting:
                        del self._waiting[guid]

    def close(self) -> None:
        """Send what was rung, and end the threads; who still waits hears nothing more."""
        self._closed.set()
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            # One that redis-py keeps busy with a server that is gone ends with the process.
            thread.join(PAUSE)

    def _run(self, act: Callable[[], None]) -> None:
        # Begun by the first who needs it: a process that forks does so before.
        name = act.__name__
        with self._lock:
            if name not in self._threads and not self._closed.is_set():
                self._threads[name] = threading.Thread(target=act, name=name, daemon=True)
                self._threads[name].start()

    def _publish(self) -> None:
        while not self._closed.is_set() or not self._rings.empty():
            try:
                guid = self._rings.get(timeout=LOOK_UP)
                self._keyspace.client.publish(self._channel, guid)
            except queue.Empty:
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, it was a hint
                log.debug("a wake-up is lost: %s", type(error).__name__)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with self._keyspace.client.pubsub() as heard:  # type: ignore[no-untyped-call]
                    heard.subscribe(self._channel)
                    while not self._closed.is_set():
                        self._hear(heard.get_message(timeout=LOOK_UP))
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait look again
                log.debug("nothing is heard: %s", type(error).__name__)
                self._closed.wait(PAUSE)

    def _hear(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":
            # Also when redis-py has connected again: what was rung meanwhile was not heard.
            with self._lock:
                waiting = list(self._waiting)
            self._wake(*waiting)
        elif message["type"] == "message":
            self._wake(message["data"].decode())

    def _wake(self, *guids: str) -> None:
        with self._lock:
            for guid in guids:
                for event in self._waiting.pop(guid, ()):
                    event.set()
