"""
A Web Push endpoint on this machine (RFC 8030), which is push service and device in one.

It accepts messages at one secret path only, from the service that the device is bound to
(RFC 8292), and decrypts them (RFC 8291).
"""

from __future__ import annotations

import hmac
import json
import queue
import re
import threading
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

import attrs

from counterseal import read_json
from counterseal.errors import InvalidField
from counterseal.keys import b64url, generate, unb64url
from counterseal.models import AddressKind, Algorithm, PushAddress
from counterseal.ports import Entropy
from counterseal_webpush import Unauthorized, Unusable, decrypt, verify_authorization

BODY_LIMIT = 4_096
"""RFC 8291, 4: no message is longer."""

CAPACITY = 64
"""Messages that wait to be shown."""

SECRET_BYTES = 16
_LENGTH = re.compile(r"[0-9]{1,9}")

SLICE = 10.0
"""Seconds that one connection may take."""


@attrs.frozen
class ReceivedPush:
    """
    A decrypted message; it proves nothing, and what it tells of has to be fetched.

    Attributes:
        title, body: Its texts.
        data: `type`, and `requestGuid` or `deviceGuid`; other members are not read.
    """

    title: str
    body: str
    data: dict[str, str]


class PushReceiver:
    """
    Listens at a loopback port for the messages of one subscription.

    Args:
        vapid_key: The public key of the service, as `webPushKey` of the device's status.
        entropy: Makes the keys and the secret path.
        now: Returns the time.
        port: Where it listens; 0 for a free port.

    Attributes:
        address: What to register at the service.
        origin: The origin of the endpoint, without its secret path.

    Raises:
        OSError: The port is not free.
    """

    def __init__(
        self, vapid_key: str, entropy: Entropy, now: Callable[[], datetime], *, port: int = 0
    ) -> None:
        self._vapid_key, self._now = vapid_key, now
        key = generate(Algorithm.ES256, kid="push")
        self._scalar, self._auth = key.scalar(), entropy.token(SECRET_BYTES)
        self._path = f"/push/{b64url(entropy.token(SECRET_BYTES))}"
        self._pushes: queue.Queue[ReceivedPush] = queue.Queue(CAPACITY)
        self._server = _Server(self, port)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        members = json.loads(key.public.jwk)
        point = b"\x04" + unb64url(members["x"]) + unb64url(members["y"])
        subscription = {
            "endpoint": self.origin + self._path,
            "keys": {"p256dh": b64url(point), "auth": b64url(self._auth)},
        }
        value = json.dumps(subscription, separators=(",", ":"))
        self.address = PushAddress(kind=AddressKind.WEBPUSH, value=value)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def next(self) -> ReceivedPush:
        """Return the next message, as soon as there is one."""
        return self._pushes.get()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def accept(self, path: str, headers: Any, body: bytes) -> HTTPStatus:
        """
        Accept a message, or return why not, as a push service would.

        Args:
            path: Of the request.
            headers: An `email.message.Message`.
            body: Of the request.
        """
        if not hmac.compare_digest(path.encode(), self._path.encode()):
            return HTTPStatus.NOT_FOUND
        try:
            verify_authorization(
                headers.get("authorization", ""),
                public=self._vapid_key,
                origin=self.origin,
                now=self._now(),
            )
        except Unauthorized:
            return HTTPStatus.FORBIDDEN
        if headers.get("content-encoding") != "aes128gcm":
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        try:
            push = _read_push(decrypt(body, scalar=self._scalar, auth=self._auth))
        except (Unusable, InvalidField):
            return HTTPStatus.BAD_REQUEST
        try:
            self._pushes.put_nowait(push)
        except queue.Full:
            return HTTPStatus.TOO_MANY_REQUESTS
        return HTTPStatus.CREATED


def _read_push(plain: bytes) -> ReceivedPush:
    document = read_json(plain, field="push")
    members = document if isinstance(document, dict) else {}
    data = members.get("data")
    texts = [members.get("title"), members.get("body")]
    if not isinstance(data, dict) or not all(
        isinstance(text, str) for text in [*texts, *data.values()]
    ):
        raise InvalidField("push", "not a title, a body and data")
    return ReceivedPush(title=members["title"], body=members["body"], data=data)


class _Server(ThreadingHTTPServer):
    # No other program may listen at the port at the same time.
    allow_reuse_address = False

    def __init__(self, receiver: PushReceiver, port: int) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a broken connection means nothing to the person."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout: ClassVar[float] = SLICE
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Accept a message."""
        text = self.headers.get("content-length", "")
        length = int(text) if _LENGTH.fullmatch(text) else -1
        if not 0 <= length <= BODY_LIMIT:
            self.close_connection = True
            status = (
                HTTPStatus.LENGTH_REQUIRED if length < 0 else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
        else:
            body = self.rfile.read(length)
            status = self.server.receiver.accept(self.path, self.headers, body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status is HTTPStatus.CREATED:  # RFC 8030, 5
            self.send_header("Location", f"{self.server.receiver.origin}/message")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base's)
        """Log nothing: the path is a secret."""
