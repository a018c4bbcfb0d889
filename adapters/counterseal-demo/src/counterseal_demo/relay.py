"""
`counterseal relay`: a reference relay, which verifies push messages, and prints or forwards them.

To write a real relay, use `counterseal_relay.read_push`; this one delivers nothing.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, TypeAlias

import click
import httpx2

from counterseal.memory import SystemClock
from counterseal.ports import Clock
from counterseal_http import Guard, guarded_client
from counterseal_relay import PushRefused, ReceivedPush, read_push, read_secrets
from counterseal_relay.received_push import BODY_LIMIT
from counterseal_server import files, logs
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json

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

SECRET_LIMIT = 4_096


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


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=8790, show_default=True)
@click.option(
    "--secret-file", metavar="FILE", help="The file with the secret; - is standard input."
)
@click.option("--secret", envvar="COUNTERSEAL_RELAY_SECRET", hidden=True)
@click.option(
    "--forward", metavar="URL", help="POST verified messages to this URL, and print nothing."
)
def relay(
    host: str, port: int, secret_file: str | None, secret: str | None, forward: str | None
) -> None:
    """
    Receive the push messages of a service, until SIGTERM or SIGINT.

    Messages that are signed with the secret are printed, one JSON object a line, or
    forwarded; all others are refused. The secret, `whsec_…`, is in --secret-file or in
    COUNTERSEAL_RELAY_SECRET, and must be the `relay_secret` of the service.
    It is for tests and as an example: it notifies nobody.
    """
    with plainly(requirement="counterseal-demo[relay]"):
        if secret_file is not None:
            data = files.read(secret_file, field="secret-file", limit=SECRET_LIMIT)
            secret = data.decode("utf-8", "replace").strip()
        if secret is None:
            raise Unusable("secret: missing: give --secret-file, or COUNTERSEAL_RELAY_SECRET")
        secrets = read_secrets(secret)
        logs.configure("human", "info")
        deliver = printing(partial(print_json, indent=None))
        if forward is not None:
            deliver = forwarding(forward)
        with Relay(host, port, secrets, SystemClock(), deliver) as serving:
            for number in (signal.SIGTERM, signal.SIGINT):
                # From another thread: this one waits for the signal.
                signal.signal(number, lambda *_: threading.Thread(target=serving.shutdown).start())
            log.info("listening at http://%s:%d", host, serving.server_address[1])
            serving.serve_forever()
