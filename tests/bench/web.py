"""
Goal 7 in one process: each of our faces beside a bare endpoint that makes the same calls.

The WSGI face stands beside a bare WSGI endpoint, and Flask's blueprints beside a bare Flask one.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import bare
from bare import CALLS, Exchange, Floor
from calls import Calls, Request
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from measure import OPERATIONS, Cost, Prepare, costs
from service import Service
from sqlalchemy import event

from counterseal import Ports
from counterseal.memory import memory_ports
from counterseal.models import Algorithm, PublicKey, Role
from counterseal_flask.blueprints import device_blueprint, service_blueprint
from counterseal_sql import Database, connect, upgrade, with_sql
from counterseal_web import Service as UseCases
from counterseal_web import Settings
from counterseal_web.wsgi import WsgiApplication

BASE = "https://auth.example.com"
STATEMENT, PARAMETERS, MANY = 0, 1, 2


@attrs.define
class Tape:
    """
    The store calls of one exchange after the other.

    Attributes:
        trips: Of the exchange that runs.
        written: The documents in them.
    """

    trips: list[bare.Trip] = attrs.field(factory=list)
    writes: list[Any] = attrs.field(factory=list)

    def take(self) -> tuple[list[bare.Trip], list[Any]]:
        """Return what is on the tape, and wind on."""
        recorded = self.trips, self.writes
        self.trips, self.writes = [], []
        return recorded


@attrs.frozen
class Spied:
    """A port whose calls go onto a tape, as keys that are read and values that are written."""

    port: Any
    tape: Tape

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb = getattr(self.port, name)

        def called(*args: Any) -> Any:
            if name == "commit":
                changes, events, operation = args
                trip = [(change.new.guid, change.new) for change in changes]
                trip += [(("event", index), event) for index, event in enumerate(events)]
                trip.append((operation, changes))
            elif name in {"first_seen", "add"}:
                trip = [args]
            else:
                trip = [(arg, None) for arg in args]
            self.tape.trips.append(trip)
            return verb(*args)

        return called


@attrs.frozen
class Side:
    """One kind of store, and the service on it."""

    calls: Calls
    tape: Tape
    database: Database | None
    folder: Path

    @classmethod
    def in_memory(cls, folder: Path) -> Side:
        """Keep everything in this process."""
        ports, tape = memory_ports(), Tape()
        calls = Calls.of(Service.of(Algorithm.ES256, ports), BASE)
        return cls(calls, tape, None, folder)

    @classmethod
    def in_sqlite(cls, folder: Path) -> Side:
        """Keep everything in a file, with full durability."""
        database = connect(f"sqlite:///{folder / 'ours.db'}")
        upgrade(database)
        ports = with_sql(memory_ports(), database)
        return cls(Calls.of(Service.of(Algorithm.ES256, ports), BASE), Tape(), database, folder)

    def use_cases(self, ports: Ports | None = None) -> UseCases:
        """Return the use cases behind a face, on *ports* or on those of the service."""
        ports = ports or self.calls.service.ports
        call = nullcontext if self.database is None else self.database.call
        settings = Settings(public_url=self.calls.base)
        return UseCases(ports, self.calls.service.policy, settings, call=call)

    def snapshot(self) -> str | None:
        """Copy the file as it is now; the copy is what a bare endpoint starts from."""
        if self.database is None:
            return None
        copy = str(self.folder / "kept.db")
        copied(str(self.folder / "ours.db"), copy)
        return copy


PORTS = ("store", "replay", "counters", "audit")

WsgiCallable = Callable[..., Iterable[bytes]]


def in_flask(use_cases: UseCases) -> Flask:
    """Return our blueprints in an application of their own."""
    app = Flask("ours", static_folder=None)
    for blueprint in (service_blueprint(use_cases), device_blueprint(use_cases)):
        app.register_blueprint(blueprint)
    return app


FACES: dict[str, tuple[Callable[[UseCases], WsgiCallable], Callable[[Floor], WsgiCallable]]] = {
    "WSGI": (WsgiApplication, bare.on_wsgi),
    "Flask": (in_flask, bare.in_flask),
}
"""Ours and the bare one."""


def copied(source: str, target: str) -> None:
    """Make *target* what *source* is."""
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def recording(tape: Tape) -> type[sqlite3.Connection]:
    """Return a driver's connection that puts what is sent onto *tape*, a transaction as one."""
    inside = False

    def record(statement: str, parameters: Any, *, many: bool) -> None:
        nonlocal inside
        if statement.startswith("PRAGMA"):
            return
        if not inside:
            tape.trips.append([])
        inside = (inside or statement.startswith("BEGIN")) and statement != "COMMIT"
        tape.trips[-1].append((statement, parameters, many))
        rows = parameters if many else [parameters]
        tape.writes.extend(
            json.loads(value)
            for row in rows
            for value in row
            if isinstance(value, str) and value.startswith("{")
        )

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
            record(statement, parameters, many=False)
            return super().execute(statement, parameters)

        def executemany(self, statement: str, parameters: Any) -> sqlite3.Cursor:
            rows = list(parameters)
            record(statement, rows, many=True)
            return super().executemany(statement, rows)

    return Connection


@contextmanager
def recorded_ports(side: Side) -> Iterator[Ports]:
    """Yield ports whose store calls go onto the tape; those of a file over connections of own."""
    ports = side.calls.service.ports
    if side.database is None:
        doubles = {name: Spied(getattr(ports, name), side.tape) for name in PORTS}
        yield attrs.evolve(ports, **doubles)  # type: ignore[arg-type]
        return

    def connecting(_: Any, __: Any, ___: Any, options: dict[str, Any]) -> None:
        options["factory"] = recording(side.tape)

    database = connect(side.database.engine.url)
    event.listen(database.engine, "do_connect", connecting)
    try:
        yield with_sql(ports, database)
    finally:
        database.close()


def exchanges(side: Side, requests: Sequence[Request]) -> list[Exchange]:
    """Send requests to the WSGI face, and record what it does for each."""
    played = []
    with recorded_ports(side) as ports:
        app = WsgiApplication(side.use_cases(ports))
        for one in requests:
            side.tape.take()
            reply = json.loads(called(app, one)())
            trips, writes = side.tape.take()
            receipt = reply.get("receipt") if one.method == "POST" else None
            signs = len(receipt.rpartition(".")[0]) if receipt else 0
            played.append(Exchange(trips, writes, reply, one.status, signs))
    return played


def called(app: WsgiCallable, request: Request) -> Callable[[], bytes]:
    """Return one call of a WSGI application, as a server makes it."""
    environ, expected = request.environ(), str(int(request.status))
    statuses: list[str] = []

    def start(status: str, *_: Any) -> None:
        statuses.append(status)

    def once() -> bytes:
        pieces = app(environ, start)
        body = b"".join(pieces)
        if hasattr(pieces, "close"):
            pieces.close()
        if not statuses[0].startswith(expected):
            raise AssertionError(statuses, body)
        return body

    return once


def floor_of(side: Side, recorded: dict[str, deque[Exchange]], database: str | None) -> Floor:
    """Return what the bare endpoints have to know of *side*."""
    binding = side.calls.service.ask()[0]
    keys_by_role = {key.role: key.key for key in binding.keys}
    device, strong = (
        (key.kid, spki(key)) for key in (keys_by_role[role] for role in (Role.DEVICE, Role.STRONG))
    )
    secret = side.calls.stored_secret()
    return Floor(secret, (device, strong), side.calls.base, recorded, database)


def spki(key: PublicKey) -> bytes:
    """Return a P-256 key in DER."""
    jwk = json.loads(key.jwk)
    x, y = (
        int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=" * (-len(jwk[name]) % 4)))
        for name in ("x", "y")
    )
    public_key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def cases(side: Side, call: str) -> dict[tuple[str, str], Prepare]:
    """Return how to prepare so many of one call: of each face, ours and the bare one."""
    requests = side.calls.requests(call, OPERATIONS)
    snapshot = side.snapshot()
    recorded = exchanges(side, requests)
    file = None if snapshot is None else str(side.folder / f"bare-{call}.db")
    if snapshot is not None and file is not None:
        copied(snapshot, file)
    floor = floor_of(side, {call: deque()}, file)

    def prepare_bare(app: WsgiCallable, count: int) -> list[Callable[[], object]]:
        if snapshot is not None and file is not None:
            copied(snapshot, file)
        floor.exchanges[call].clear()
        floor.exchanges[call].extend(recorded[:count])
        return [called(app, one) for one in requests[:count]]

    def prepare_ours(app: WsgiCallable, count: int) -> list[Callable[[], object]]:
        return [called(app, one) for one in side.calls.requests(call, count)]

    prepared: dict[tuple[str, str], Prepare] = {}
    for face, (ours, below) in FACES.items():
        prepared[face, "ours"] = partial(prepare_ours, ours(side.use_cases()))
        prepared[face, "bare"] = partial(prepare_bare, below(floor))
    return prepared


def measured() -> dict[tuple[str, str, str], tuple[Cost, Cost]]:
    """Measure each call on each store and face: ours, and the bare endpoint."""
    measurements = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (("memory", Side.in_memory), ("SQLite", Side.in_sqlite)):
            side = make(Path(folder))
            for call in CALLS:
                cost = costs(cases(side, call))
                for face in FACES:
                    measurements[face, name, call] = cost[face, "ours"], cost[face, "bare"]
            if side.database is not None:
                side.database.close()
    return measurements
