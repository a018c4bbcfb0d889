"""
The `Wake` port over publish and subscribe: a notification reaches the callers in every process.

One thread publishes the notifications of this process. Another one subscribes for all its waiting
callers. While its connection is lost, nothing is received. When it is back, all callers are woken,
and read the store again.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from counterseal.memory import MemoryWake
from counterseal.models import Guid
from counterseal_redis.keyspace import Keyspace

log = logging.getLogger(__name__)

QUEUE_SIZE = 1_000
"""Notifications that wait to be published. More are lost, which the port allows."""

CLOSE_CHECK = 0.2
"""Seconds after which the threads check whether `close` was called."""

RETRY_PAUSE = 1.0
"""Seconds between two attempts to reach the server."""


class RedisWake:
    """Wakes the threads and coroutines of all processes; `close` ends its own two threads."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._channel = f"{keyspace.prefix}:w"
        self._local = MemoryWake()
        self._lock = threading.Lock()
        self._unpublished: queue.Queue[Guid] = queue.Queue(QUEUE_SIZE)
        self._threads: dict[str, threading.Thread] = {}
        self._closed = threading.Event()

    def notify(self, guid: Guid) -> None:
        """Wake those who wait for *guid*, in this process at once and in others soon."""
        self._local.notify(guid)
        self._ensure_running(self._publish)
        try:
            self._unpublished.put_nowait(guid)
        except queue.Full:
            log.debug("a wake-up is lost")

    def wait(self, guid: Guid, timeout: timedelta) -> None:
        """Return when *guid* is notified, or after *timeout*, or when the connection is back."""
        self._ensure_running(self._listen)
        self._local.wait(guid, timeout)

    async def wait_async(self, guid: Guid, timeout: timedelta) -> None:
        """Return as `wait` does; all who wait in this process share its one subscription."""
        self._ensure_running(self._listen)
        await self._local.wait_async(guid, timeout)

    def close(self) -> None:
        """Publish what is queued, and end the threads; other processes wake nobody here again."""
        self._closed.set()
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            # A thread that redis-py keeps busy with a lost server ends with the process.
            thread.join(RETRY_PAUSE)

    def _ensure_running(self, target: Callable[[], None]) -> None:
        # The threads start with the first call, so a process can fork before.
        name = target.__name__
        if name in self._threads:
            return
        with self._lock:
            if name not in self._threads and not self._closed.is_set():
                self._threads[name] = threading.Thread(target=target, name=name, daemon=True)
                self._threads[name].start()

    def _publish(self) -> None:
        while not self._closed.is_set() or not self._unpublished.empty():
            try:
                guid = self._unpublished.get(timeout=CLOSE_CHECK)
                self._keyspace.client.publish(self._channel, guid)
            except queue.Empty:
                continue
            except Exception as error:  # noqa: BLE001 - a notification may be lost
                log.debug("a wake-up is lost: %s", type(error).__name__)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with self._keyspace.client.pubsub() as pubsub:  # type: ignore[no-untyped-call]
                    pubsub.subscribe(self._channel)
                    while not self._closed.is_set():
                        self._receive(pubsub.get_message(timeout=CLOSE_CHECK))
            except Exception as error:  # noqa: BLE001 - callers read the store after their timeout
                log.debug("no wake-ups are received: %s", type(error).__name__)
                self._closed.wait(RETRY_PAUSE)

    def _receive(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":
            # Also when redis-py has connected again; notifications sent before were missed.
            self._local.notify_all()
        elif message["type"] == "message":
            self._local.notify(Guid(message["data"].decode()))
