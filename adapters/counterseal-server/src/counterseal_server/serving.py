"""
Serving: run the application in a production server until a signal stops it.

The server's main process watches a second process, which serves.
Threads and connections are created in the second process only.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Any

import attrs
from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server

import counterseal_server as server
from counterseal.errors import InvalidField
from counterseal_server import logs
from counterseal_server.after_restore import Restored, RestoreWait, note_restore
from counterseal_server.authorities import warn_of_ended
from counterseal_server.metrics import Metrics
from counterseal_server.providers import log_missing_package
from counterseal_server.records import store_kind
from counterseal_server.requirements import require_parts
from counterseal_server.restored_actions import end_open_actions
from counterseal_server.runtime import Runtime
from counterseal_server.settings import Settings
from counterseal_server.timed_store import TimedStore
from counterseal_server.tracing import open_tracing
from counterseal_server.worker_site import WorkerSite
from counterseal_server.workers import Duty, Workers

WATCH_SECONDS = 0.5
LISTENING_SECONDS = 0.02
"""Seconds between two checks whether the port accepts connections."""

EVERY_READING = timedelta(seconds=1)
"""How often the clock is read during the wait after a restore."""

FILES = 128
"""Open files besides the connections of clients: of the database, callbacks, and the program."""

STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})

log = logging.getLogger("counterseal_server")


SHARED_FILE = "if serve shares this file, give this command a number of its own, such as"


def serve(settings: Settings, *, after_restore: bool = False) -> None:
    """
    Serve until SIGTERM or SIGINT; running requests have *settings.grace* to finish.

    Args:
        settings: The settings.
        after_restore: Whether the store was restored by other means than `counterseal restore`:
            then requests are refused until all has expired that was answered before.

    Raises:
        InvalidField: The address is in use, or is not one of this machine's; there are keys,
            but no company in the store; the browser device or OpenTelemetry is not installed;
            or the note of a restore cannot be read.
        Misuse: This release cannot use the database or a key.
        Unavailable: The database or the signing keys are not available.
    """
    logs.configure_logs(settings.log_format, settings.log_level)
    with Runtime(settings) as runtime:
        runtime.prepare()
        runtime.demand_company()
        is_sealed, opens = runtime.keys.sealed_by_newest(), runtime.opens()
        log_missing_package(runtime.ports.store)
        warn_of_ended(runtime.authorities)
        restored = None
        if after_restore:
            restored = note_restore(settings.data, runtime.policy, runtime.ports.clock)
        # A note that cannot be read is refused here, and not in the process that serves.
        _end_restored_actions(
            runtime, RestoreWait(settings.data, runtime.policy, runtime.ports.clock, restored)
        )
    require_parts(settings)
    _demand_free(settings)
    if not is_sealed:
        log.warning(
            "the signing keys are sealed by another master key than the first one of now: if the"
            " first one is right, run counterseal keys reseal"
        )
    if not opens:
        log.warning(
            "no master key that is here has sealed secrets in the store: is it another service's"
            " store or data folder, or is an older key missing?"
        )
    warn(settings)
    server = Server(
        "counterseal",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        # With HTTP/2, it does not report that the connection was closed while a body is read.
        http=HTTPModes.http1,
        loop=Loops.asyncio,
        workers=1,
        backpressure=_connections(settings),
        log_enabled=False,
        websockets=False,
        workers_kill_timeout=max(1, round(settings.grace.total_seconds())),
    )
    try:
        server.serve(target_loader=partial(_load, settings, restored), wrap_loader=False)
    except SystemExit:
        log.critical("stopped: the process that serves ended by itself, or was killed")
        raise
    log.info("stopped")


def warn(settings: Settings) -> None:
    """Log a warning for each setting that is not for production."""
    if settings.allow_private_callbacks:
        log.warning(
            "callbacks may go to plain http and to private addresses:"
            " COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS is for development"
        )
    if settings.allow_private_providers:
        log.warning(
            "Identity Providers may be at plain http and at private addresses, which"
            " administrators write: COUNTERSEAL_ALLOW_PRIVATE_PROVIDERS is for development,"
            " or for a provider in your own network"
        )
    if settings.allow_private_pushes:
        log.warning(
            "pushes may go to plain http and to private addresses, which devices write:"
            " COUNTERSEAL_ALLOW_PRIVATE_PUSHES is for development"
        )


def deliver(settings: Settings) -> None:
    """
    Deliver callbacks until SIGTERM or SIGINT.

    Raises:
        InvalidField: `senders` is 0; `worker_port` is in use; or there are keys, but no company in
            the store.
        Misuse: This release cannot use the database or a key.
        Unavailable: The database or the signing keys are not available.
    """
    if not settings.senders:
        problem = f"0, so nothing would be delivered; {SHARED_FILE} COUNTERSEAL_SENDERS=64"
        raise InvalidField("senders", problem)
    _work(settings, Duty.DELIVER, "delivering callbacks")


def notify(settings: Settings) -> None:
    """
    Notify devices until SIGTERM or SIGINT.

    Raises:
        InvalidField: `notification_workers` is 0; no channel is set; a setting of a channel is
            invalid; `worker_port` is in use; or there are keys, but no company in the store.
        Misuse: This release cannot use the database or a key.
        Unavailable: The database or the signing keys are not available.
    """
    if not settings.notification_workers:
        problem = (
            f"0, so nobody would be notified; {SHARED_FILE} COUNTERSEAL_NOTIFICATION_WORKERS=16"
        )
        raise InvalidField("notification_workers", problem)
    if not (settings.fcm_account_file or settings.webpush_contact or settings.relay_url):
        raise InvalidField(
            "relay_url",
            "not set, nor fcm_account_file or webpush_contact: nobody would be notified",
        )
    _work(settings, Duty.NOTIFY, "notifying devices")


def _work(settings: Settings, duty: Duty, title: str) -> None:
    """Run the workers for one duty until a signal arrives."""
    logs.configure_logs(settings.log_format, settings.log_level)
    stopped = threading.Event()
    for number in STOPPING:
        signal.signal(number, lambda *_: stopped.set())
    warn(settings)
    metrics = Metrics(sweeps=False)
    with Runtime(settings) as runtime, _monitored(settings, metrics):
        runtime.prepare()
        runtime.demand_company()
        warn_of_ended(runtime.authorities)
        if settings.metrics:
            _measure(runtime, metrics)
        wait = RestoreWait(settings.data, runtime.policy, runtime.ports.clock)
        _end_restored_actions(runtime, wait)
        if not wait.wait(stopped, EVERY_READING):
            return
        tracing = open_tracing(settings)
        if tracing is not None:
            tracing.trace_ports(runtime)
        workers = Workers(runtime, metrics, duties={duty})
        workers.start()
        log.info(title)
        while not stopped.wait(WATCH_SECONDS):
            pass
        # An attempt that hangs has a lease, and is due again when the lease ends.
        last = threading.Timer(settings.grace.total_seconds(), os._exit, (0,))
        last.daemon = True
        last.start()
        workers.stop()
        if tracing is not None:
            tracing.close()
    log.info("stopped")


def _end_restored_actions(runtime: Runtime, wait: RestoreWait) -> None:
    """End the open actions of a restored store before anything is served, or the note is gone."""
    if wait.restored_at is not None:
        end_open_actions(runtime.ports, runtime.policy, wait.restored_at)


def _monitored(settings: Settings, metrics: Metrics) -> AbstractContextManager[object]:
    """Return the context in which a process of workers replies to monitoring, if it is to."""
    if settings.worker_port is None:
        return contextlib.nullcontext()
    metrics.describe(store_kind(settings.store))
    return WorkerSite(
        *(settings.host, settings.worker_port, metrics), with_metrics=settings.metrics
    )


def _measure(runtime: Runtime, metrics: Metrics) -> None:
    """Measure the calls of the store, of every use case made afterwards."""
    store = TimedStore(runtime.ports.store, metrics)
    runtime.ports = attrs.evolve(runtime.ports, store=store)


def _connections(settings: Settings) -> int:
    """Raise the open-file limit of this process and its children; return the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.connections + FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return settings.connections
    # A process without free files cannot even answer a health check.
    fewer = max(1, soft - FILES)
    log.warning(
        "only %d of %d connections: this process may open %d files",
        fewer,
        settings.connections,
        soft,
    )
    return fewer


def _load(settings: Settings, restored: Restored | None) -> Any:
    """Create the application, in the process that serves it; *restored* is as of `RestoreWait`."""
    # A terminal sends Ctrl-C to this process and to the main one, which then sends SIGTERM. Of two
    # signals at once, the server may miss both, and be killed only when `grace` is over.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signals = Signals()
    logs.configure_logs(settings.log_format, settings.log_level)
    runtime, metrics = Runtime(settings), Metrics()
    runtime.authorities.read()
    if settings.metrics:
        _measure(runtime, metrics)
    tracing = open_tracing(settings)
    if tracing is not None:
        tracing.trace_ports(runtime)
        tracing.close_after_main_thread()
    workers = Workers(runtime, metrics)
    service = server.use_cases(runtime)
    wait = RestoreWait(settings.data, runtime.policy, runtime.ports.clock, restored)
    later = StartLater(wait, workers)
    later.start()
    signals.on_stop(service.waiters.close, later.stop)
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()
    app = server.build_gateway(
        runtime, service, metrics, signals.take_over, wait=wait, tracing=tracing
    )
    threading.Thread(target=_announce, args=(settings,), daemon=True).start()
    return app


class StartLater:
    """
    Starts the workers when the wait after a restore is over: at once if there was none.

    Args:
        wait: The wait.
        workers: The workers, which would expire what was answered before.
    """

    def __init__(self, wait: RestoreWait, workers: Workers) -> None:
        self._wait = wait
        self._workers = workers
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._has_started = False

    def start(self) -> None:
        """Start the workers now, or from a thread that waits."""
        if self._wait.remaining() > timedelta(0):
            threading.Thread(target=self._start, name="after restore", daemon=True).start()
        else:
            self._start()

    def stop(self) -> None:
        """Stop the workers, or start none."""
        self._stopped.set()
        with self._lock:
            if self._has_started:
                self._workers.stop()

    def _start(self) -> None:
        if not self._wait.wait(self._stopped, EVERY_READING):
            return
        with self._lock:
            if not self._stopped.is_set():
                self._workers.start()
                self._has_started = True


def _announce(settings: Settings) -> None:
    """Log the address as soon as the service accepts connections."""
    while True:
        try:
            socket.create_connection((settings.host, settings.port), WATCH_SECONDS).close()
        except OSError:
            time.sleep(LISTENING_SECONDS)
        else:
            break
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log.info("serving at http://%s:%d as %s", host, settings.port, settings.public_url)


class Signals:
    """
    The signals of this process, which Python writes to a pipe, one byte each.

    The server's event loop replaces this pipe with its own.
    So `take_over` installs this pipe again once the loop runs, and each byte is passed on to the
    loop.
    """

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._next = -1
        self.take_over()

    def take_over(self) -> None:
        """Receive every signal and pass it on to the previous receiver; in the main thread."""
        before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        if before != self._writing:
            self._next = before

    def on_stop(self, *callbacks: Callable[[], None]) -> None:
        """Run *callbacks* at the first signal to stop, in addition to what the server does."""

        def stop() -> None:
            for callback in callbacks:
                callback()

        def read() -> None:
            pending = [_insist, stop]
            while True:
                number = os.read(self._reading, 1)
                if self._next != -1:
                    with contextlib.suppress(OSError):  # the loop has ended
                        os.write(self._next, number)
                while number[0] in STOPPING and pending:
                    threading.Thread(target=pending.pop(), name="stopping", daemon=True).start()

        threading.Thread(target=read, name="signals", daemon=True).start()


def _insist() -> None:
    """Send SIGTERM to the main thread until it ends: before it served, it missed the first."""
    main = threading.main_thread()
    while main.is_alive() and main.ident is not None:
        time.sleep(WATCH_SECONDS)
        signal.pthread_kill(main.ident, signal.SIGTERM)


def _follow(parent: int) -> None:
    """Stop this process when the main process is gone, which nothing else would notice."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _demand_free(settings: Settings) -> None:
    # The server would share its port with another listener, without an error.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            elsewhere = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
            raise InvalidField(
                "host" if elsewhere else "port",
                f"cannot listen at {settings.host}:{settings.port}: {error.strerror}",
            ) from None
