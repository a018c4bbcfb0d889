"""
What `callbacks run` and `notify run` reply to monitoring, at a port of their own.

`/metrics` is for Prometheus, `/healthz` says that the process runs, and `/readyz` that its workers
do their work. `serve` replies to them itself, at the port of the service.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from counterseal.errors import InvalidField
from counterseal_server.metrics import CONTENT_TYPE, Metrics

ALIVE = json.dumps({"status": "alive"}).encode("ascii")
READY = {"status": "ready"}
CONNECTIONS = 8
"""How many connections are served at once; another one is closed."""

SECONDS = 5
"""How long a caller may take to send a line, and to receive a reply."""

log = logging.getLogger("counterseal_server")


class WorkerSite(ThreadingHTTPServer):
    """
    A server for monitoring; it replies from `__enter__` on.

    Args:
        host: The address to listen at.
        port: The port.
        metrics: What `/metrics` prints, and `/readyz` asks.
        with_metrics: Whether there is the path `/metrics`.

    Raises:
        InvalidField: It cannot listen there.
    """

    daemon_threads = True

    def __init__(
        self, host: str, port: int, metrics: Metrics, *, with_metrics: bool = True
    ) -> None:
        self.metrics, self.with_metrics = metrics, with_metrics
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        try:
            super().__init__((host, port), Handler)
        except OSError as error:
            problem = f"cannot listen at {host}:{port}: {error.strerror}"
            raise InvalidField("worker_port", problem) from None

    def __enter__(self) -> Self:
        """Begin to reply."""
        threading.Thread(target=self.serve_forever, name="worker site", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and close the port."""
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Reply in a thread, if one is free."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Reply, and free the thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (the base's)
        """Log an error; that a caller closed its connection is none."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("worker site", exc_info=error)


class Handler(BaseHTTPRequestHandler):
    """Replies to one request."""

    server: WorkerSite
    timeout = SECONDS
    server_version, sys_version = "counterseal", ""

    def do_GET(self) -> None:
        """Reply with metrics, that the process runs, or that its workers work."""
        metrics = self.server.metrics
        match self.path:
            case "/metrics" if self.server.with_metrics:
                self._reply(HTTPStatus.OK, CONTENT_TYPE, metrics.text())
            case "/healthz":
                self._reply(HTTPStatus.OK, "application/json", ALIVE)
            case "/readyz":
                failing = metrics.unready_workers()
                status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
                document = {"status": "unready", "failing": failing} if failing else READY
                self._reply(status, "application/json", json.dumps(document).encode("ascii"))
            case _:
                self._reply(HTTPStatus.NOT_FOUND, "application/json", b"{}")

    do_HEAD = do_GET  # noqa: N815 (the base's)

    def log_message(self, *_: object) -> None:
        """Log nothing: monitoring calls every few seconds."""

    def _reply(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
