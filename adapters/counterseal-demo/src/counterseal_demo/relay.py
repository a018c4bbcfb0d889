"""
A reference relay: it verifies the push messages of a service, and prints or forwards them.

To write a real relay, use `counterseal_relay.read_push`; this one delivers nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, TypeAlias

import httpx2

from counterseal.ports import Clock
from counterseal_http import Guard, guarded_client
from counterseal_relay import PushRefused, ReceivedPush, read_push
from counterseal_relay.received_push import BODY_LIMIT

SLOTS = 32
"""Requests that are served at once; further ones get 503."""

PATIENCE_SECONDS = 10.0
"""Seconds for each wait for more bytes of a request."""

FORWARD_TIMEOUT = timedelta(seconds=8)
"""Seconds for forwarding, fewer than a service waits for its relay."""

REMEMBERED = 4_096
"""How many ids of accepted messages are remembered, so that none is delivered twice."""

_ACCEPTED, _REFUSED, _TOO_LARGE, _BUSY, _BAD_GATEWAY = 204, 401, 413, 503, 502
_SUCCESS = range(200, 300)
_PASSED_ON = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")

Deliver: TypeAlias = Callable[[ReceivedPush, Mapping[str, str], bytes], bool]
"""Delivers a verified message; returns False if the service should send it again later."""

log = logging.getLogger("counterseal_demo")


class Relay(ThreadingHTTPServer):
    """
    Serves until `shutdown`.

    Args:
        host: The address to listen at.
        port: The port to listen at; 0 is any free port.
        secrets: The secrets, one of which must have signed a message.
        clock: The clock.
        deliver: Called with each verified message.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, host: str, port: int, secrets: Iterable[bytes], clock: Clock, deliver: Deliver
    ) -> None:
        self._secrets = tuple(secrets)
        self._clock = clock
        self._deliver = deliver
        self._slots = threading.Semaphore(SLOTS)
        self._accepted: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status that answers a request with *headers* and *body*."""
        try:
            push = read_push(headers, body, self._secrets, now=self._clock.now())
        except PushRefused as refusal:
            log.warning("refused: %s", refusal)
            return _REFUSED
        with self._lock:
            if push.guid in self._accepted:
                return _ACCEPTED
        if not self._deliver(push, headers, body):
            return _BAD_GATEWAY
        with self._lock:
            self._accepted[push.guid] = None
            while len(self._accepted) > REMEMBERED:
                self._accepted.popitem(last=False)
        return _ACCEPTED

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, if fewer than the limit are open."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket | tuple[bytes, socket], address: Any) -> None:
        """Serve one connection, and free its place."""
        try:
            super().process_request_thread(request, address)
        finally:
            self._slots.release()

    def handle_error(self, *_: object) -> None:
        """Log nothing about a client that disconnected."""


class _Handler(BaseHTTPRequestHandler):
    server: Relay
    timeout = PATIENCE_SECONDS

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 10 else -1  # noqa: PLR2004 (digits)
        if not 0 <= size <= BODY_LIMIT:
            self._answer(_TOO_LARGE)
            return
        body = self.rfile.read(size)
        self._answer(self.server.take(dict(self.headers.items()), body))

    def _answer(self, status: int) -> None:
        self.send_response_only(status)
        self.send_header("content-length", "0")
        self.send_header("connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing: paths and addresses are private."""


def printing(echo: Callable[[dict[str, object]], None]) -> Deliver:
    """Return a function that prints each message as one line of JSON, with *echo*."""

    def deliver(push: ReceivedPush, _: Mapping[str, str], __: bytes) -> bool:
        document: dict[str, object] = {
            "id": push.guid,
            "targets": [{"framework": name, "id": value} for name, value in push.targets],
            "title": push.title,
            "body": push.body,
            "data": push.data,
            "priority": 1 if push.urgent else 0,
            "ttl": int(push.life.total_seconds()),
        }
        echo(document)
        return True

    return deliver


def forwarding(url: str) -> Deliver:
    """Return a function that POSTs each message to *url*, unchanged and with its signature."""
    client = guarded_client(
        Guard(allow_http=True, allow_private=True, ports=None), timeout=FORWARD_TIMEOUT
    )

    def deliver(push: ReceivedPush, headers: Mapping[str, str], body: bytes) -> bool:
        passed = {
            name.lower(): value for name, value in headers.items() if name.lower() in _PASSED_ON
        }
        try:
            status = client.post(url, content=body, headers=passed).status_code
        except httpx2.TransportError as error:
            log.warning("push %s was not forwarded: %s", push.guid, type(error).__name__)
            return False
        log.info("push %s was forwarded: %d", push.guid, status)
        return status in _SUCCESS

    return deliver
