"""
The floors of goal 7: a bare Flask endpoint for each call, and bare granian under it.

It authenticates as ours does, makes the store calls that ours made, of the same bytes, verifies
and signs as often, and replies with the same document.
It decides nothing, and knows beforehand what it is going to be asked.

Only bare Flask, granian, sqlite3, cryptography, json and the standard library may enter this
file: a floor that used our own code would fall with it.
"""

from __future__ import annotations

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
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from flask import Flask, Response, request
from granian.constants import Interfaces
from granian.server import Server

ES256 = ec.ECDSA(hashes.SHA256())
HALF = 32
PROOF_TYP, ANSWER_TYP = "counterseal-proof+jwt", "counterseal-answer+jwt"
AHEAD_SECONDS, BEHIND_SECONDS = 60, 3600
"""The latter is more than a service allows: a slow machine sends again what it was told once."""

BUSY_SECONDS = 5
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


class Endpoint:
    """What the bare endpoints share."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._store: Store = Memory() if floor.database is None else Sqlite(floor.database)
        self._service = ec.generate_private_key(ec.SECP256R1())
        self._device, self._strong = (
            (kid, serialization.load_der_public_key(key)) for kid, key in floor.keys
        )

    def of_origin(self, call: str) -> Response:
        """Serve an origin, which shows its secret."""
        basic = base64.b64decode(request.headers["Authorization"].removeprefix("Basic "))
        salt, digest = self._floor.secret
        _, _, secret = basic.partition(b":")
        assert hmac.compare_digest(hashlib.sha512(salt + secret).digest(), digest)
        if request.method == "POST":
            json.loads(request.get_data())
        else:
            assert request.args["requestGuid"]
        return self._replied(call)

    def of_device(self, call: str) -> Response:
        """Serve a device, which signs its call, and its answer by the other key."""
        body = request.get_data()
        claims = _verified(*self._device, PROOF_TYP, request.headers["Counterseal-Proof"])
        # RFC 9449, 4.3: the proof is of this request, and of now.
        assert claims["htm"] == request.method
        assert claims["htu"] == self._floor.base + request.path
        assert claims["body"] == _encoded(hashlib.sha256(body).digest())
        assert -AHEAD_SECONDS <= time.time() - claims["iat"] <= BEHIND_SECONDS
        if body:
            _verified(*self._strong, ANSWER_TYP, body.decode())
        return self._replied(call)

    def _replied(self, call: str) -> Response:
        exchange = self._floor.exchanges[call].popleft()
        for trip in exchange.trips:
            self._store.make(trip)
        for document in exchange.writes:
            json.dumps(document)
        if exchange.signs:
            receipt = bytes(exchange.signs)
            self._service.sign(receipt, ES256)
            hashlib.sha256(receipt).digest()
        body = json.dumps(exchange.reply)
        return Response(body, status=exchange.status, mimetype="application/json")


def application(floor: Floor) -> Flask:
    """Return an application of four bare endpoints."""
    app, endpoint = Flask("bare", static_folder=None), Endpoint(floor)
    for call, (method, path) in CALLS.items():
        view = endpoint.of_device if path.startswith("/device/") else endpoint.of_origin
        app.add_url_rule(path, call, partial(view, call), methods=[method])
    app.add_url_rule("/readyz", "ready", lambda: "ready")
    return app


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


def _loaded(file: Path) -> Flask:
    return application(pickle.loads(file.read_bytes()))  # noqa: S301 (our own, of a moment ago)


def serve(file: Path, port: int, threads: int) -> None:
    """Serve what *file* holds, as `counterseal serve` is served."""
    Server(
        "bare",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads,
        log_enabled=False,
        websockets=False,
    ).serve(target_loader=partial(_loaded, file), wrap_loader=False)


if __name__ == "__main__":
    # Pickled objects name this module as their readers know it.
    from bare import serve as start

    start(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
