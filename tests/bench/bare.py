"""
The floors of goal 7: bare endpoints for each call, on WSGI, on ASGI and in Flask, under granian.

    python bare.py asgi|flask FILE PORT THREADS

The ASGI one receives the body with a deadline, and then changes once into a thread, as
`counterseal serve` does.
An endpoint authenticates as ours does, makes the store calls that ours made, of the same bytes,
verifies and signs as often, and replies with the same document.
It decides nothing, and knows beforehand what it is going to be asked.

Only bare Flask, granian, sqlite3, cryptography, json and the standard library may enter this
file: a floor that used our own code would fall with it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import pickle
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from flask import Flask, Response
from flask import request as flask_request
from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server

ES256 = ec.ECDSA(hashes.SHA256())
HALF = 32
PROOF_TYP, ANSWER_TYP = "counterseal-proof+jwt", "counterseal-answer+jwt"
AHEAD_SECONDS, BEHIND_SECONDS = 60, 3600
"""The latter is more than a service allows: a slow machine sends again what it was told once."""

BUSY_SECONDS = 5
BODY_SECONDS = 10
"""How long a whole body may take to come."""

STATUSES = {200: "200 OK", 201: "201 Created"}
CALLS = {
    "add": ("POST", "/request/add"),
    "pending": ("GET", "/device/requests"),
    "answer": ("POST", "/device/answer"),
    "getRequest": ("GET", "/request/getRequest"),
}

Trip = list[Any]


class Exchange:
    """
    What one call does besides authentication.

    Attributes:
        trips: Its store calls, as the store below takes them.
        written: The documents that it stores.
        reply: The document that it returns.
        signs: Bytes of the signed text of its receipt; 0 if it signs nothing.
    """

    def __init__(
        self, trips: list[Trip], writes: list[Any], reply: Any, status: int, signs: int
    ) -> None:
        self.trips = trips
        self.writes = writes
        self.reply = reply
        self.status = status
        self.signs = signs


class Floor:
    """
    All that a bare endpoint needs to know.

    Attributes:
        secret: Of the origin: its salt, and the digest of both.
        keys: The device's public keys, the first of which signs proofs: each its id, and itself
            in DER.
        base: The public address, which a proof names.
        exchanges: Of each call, those to come.
        database: The SQLite file; None where all is kept in memory.
    """

    def __init__(
        self,
        secret: tuple[bytes, bytes],
        keys: tuple[tuple[str, bytes], tuple[str, bytes]],
        base: str,
        exchanges: dict[str, deque[Exchange]],
        database: str | None,
    ) -> None:
        self.secret = secret
        self.keys = keys
        self.base = base
        self.exchanges = exchanges
        self.database = database


class Store(Protocol):
    """Makes a trip."""

    def make(self, trip: Trip) -> None: ...


class Memory:
    """A dict with a lock; a trip is keys to get, and to set where a value stands beside them."""

    def __init__(self) -> None:
        self._entries: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def make(self, trip: Trip) -> None:
        with self._lock:
            for key, value in trip:
                if value is None:
                    self._entries.get(key)
                else:
                    self._entries[key] = value


class Sqlite:
    """A file with full durability; a trip is its statements."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._of_thread = threading.local()
        self._writer = threading.Lock()

    def make(self, trip: Trip) -> None:
        if all(statement.startswith("SELECT") for statement, _, _ in trip):
            self._send(trip)
            return
        with self._writer:
            self._send(trip)

    def _send(self, trip: Trip) -> None:
        connection = self._connection()
        for statement, parameters, many in trip:
            send = connection.executemany if many else connection.execute
            for row in send(statement, parameters).fetchall():
                for value in row:
                    if isinstance(value, str) and value.startswith("{"):
                        json.loads(value)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._file, timeout=BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            self._of_thread.connection = connection
        return connection


class Request(NamedTuple):
    """
    One request, whatever received it.

    Attributes:
        authorization, proof: The headers that say who is calling.
    """

    method: str
    path: str
    query: str
    authorization: str
    proof: str
    body: bytes


class Endpoint:
    """What the bare endpoints share."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._store: Store = Memory() if floor.database is None else Sqlite(floor.database)
        self._service = ec.generate_private_key(ec.SECP256R1())
        self._device, self._strong = (
            (kid, serialization.load_der_public_key(key)) for kid, key in floor.keys
        )
        self._calls = {call: name for name, call in CALLS.items()}

    def respond(self, request: Request) -> tuple[int, bytes]:
        """Return the status and the body of the reply."""
        if request.path == "/readyz":
            return 200, b"ready"
        if request.path.startswith("/device/"):
            self._admit_device(request)
        else:
            self._admit_origin(request)
        return self._reply(self._calls[request.method, request.path])

    def _admit_origin(self, request: Request) -> None:
        """Admit an origin, which shows its secret."""
        basic = base64.b64decode(request.authorization.removeprefix("Basic "))
        salt, digest = self._floor.secret
        _, _, secret = basic.partition(b":")
        assert hmac.compare_digest(hashlib.sha512(salt + secret).digest(), digest)
        if request.method == "POST":
            json.loads(request.body)
        else:
            assert parse_qs(request.query)["requestGuid"]

    def _admit_device(self, request: Request) -> None:
        """Admit a device, which signs its call, and its answer by the other key."""
        claims = _verified(*self._device, PROOF_TYP, request.proof)
        # RFC 9449, 4.3: the proof is of this request, and of now.
        assert claims["htm"] == request.method
        assert claims["htu"] == self._floor.base + request.path
        assert claims["body"] == _encoded(hashlib.sha256(request.body).digest())
        assert -AHEAD_SECONDS <= time.time() - claims["iat"] <= BEHIND_SECONDS
        if request.body:
            _verified(*self._strong, ANSWER_TYP, request.body.decode())

    def _reply(self, call: str) -> tuple[int, bytes]:
        exchange = self._floor.exchanges[call].popleft()
        for trip in exchange.trips:
            self._store.make(trip)
        for document in exchange.writes:
            json.dumps(document)
        if exchange.signs:
            receipt = bytes(exchange.signs)
            self._service.sign(receipt, ES256)
            hashlib.sha256(receipt).digest()
        return exchange.status, json.dumps(exchange.reply).encode()


def in_flask(floor: Floor) -> Flask:
    """Return a Flask application of bare endpoints."""
    app, endpoint = Flask("bare", static_folder=None), Endpoint(floor)

    def view() -> Response:
        headers = flask_request.headers
        status, body = endpoint.respond(
            Request(
                flask_request.method,
                flask_request.path,
                flask_request.query_string.decode(),
                headers.get("Authorization", ""),
                headers.get("Counterseal-Proof", ""),
                flask_request.get_data(),
            )
        )
        return Response(body, status=status, mimetype="application/json")

    for call, (method, path) in CALLS.items():
        app.add_url_rule(path, call, view, methods=[method])
    app.add_url_rule("/readyz", "ready", view)
    return app


def on_wsgi(floor: Floor) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application of bare endpoints."""
    endpoint = Endpoint(floor)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        status, body = endpoint.respond(
            Request(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                environ["QUERY_STRING"],
                environ.get("HTTP_AUTHORIZATION", ""),
                environ.get("HTTP_COUNTERSEAL_PROOF", ""),
                environ["wsgi.input"].read(length) if length else b"",
            )
        )
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(STATUSES[status], headers)
        return [body]

    return application


def on_asgi(floor: Floor, threads: int) -> Callable[..., Any]:
    """Return an ASGI application of bare endpoints, which run in so many threads."""
    endpoint, pool = Endpoint(floor), ThreadPoolExecutor(threads)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        body = b""
        if b"content-length" in headers:
            async with asyncio.timeout(BODY_SECONDS):
                more = True
                while more:
                    message = await receive()
                    body += message["body"]
                    more = message["more_body"]
        request = Request(
            scope["method"],
            scope["path"],
            scope["query_string"].decode(),
            headers.get(b"authorization", b"").decode(),
            headers.get(b"counterseal-proof", b"").decode(),
            body,
        )
        loop = asyncio.get_running_loop()
        status, reply = await loop.run_in_executor(pool, endpoint.respond, request)
        fields = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(reply)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": reply, "more_body": False})

    return application


def _verified(kid: str, key: Any, typ: str, token: str) -> Any:
    head, claims, signature = token.split(".")
    assert json.loads(_decoded(head)) == {"alg": "ES256", "kid": kid, "typ": typ}
    raw = _decoded(signature)
    pair = int.from_bytes(raw[:HALF]), int.from_bytes(raw[HALF:])
    key.verify(utils.encode_dss_signature(*pair), f"{head}.{claims}".encode(), ES256)
    return json.loads(_decoded(claims))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _load(interface: str, file: Path, threads: int) -> Any:
    floor = pickle.loads(file.read_bytes())  # noqa: S301 (our own, of a moment ago)
    return on_asgi(floor, threads) if interface == "asgi" else in_flask(floor)


def serve(interface: str, file: Path, port: int, threads: int) -> None:
    """Serve what *file* holds, as `counterseal serve` is served, or as Flask is by granian."""
    is_asgi = interface == "asgi"
    Server(
        "bare",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI if is_asgi else Interfaces.WSGI,
        http=HTTPModes.http1,
        loop=Loops.asyncio,
        workers=1,
        blocking_threads=None if is_asgi else threads,
        log_enabled=False,
        websockets=False,
    ).serve(target_loader=partial(_load, interface, file, threads), wrap_loader=False)


if __name__ == "__main__":
    # Pickled objects name this module as their readers know it.
    from bare import serve as start

    start(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
