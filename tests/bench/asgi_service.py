"""
One ASGI process with the HTTP API on the memory adapters, for `asgi_waiters.py`.

    python asgi_service.py PORT WAITERS LOOK_SECONDS

Beside the API it serves `GET /readyz`, and `GET /state`: the origin's credential, and how many
coroutines wait, how many threads there are and how much memory the process has.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from base64 import b64encode
from datetime import timedelta
from functools import partial
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models import Scheme
from counterseal_asgi import AsgiApplication, Service, Settings

FILES = 128
"""Beside the connections: the program's own."""

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
PENDING = 50

POLICY = cs.Policy(
    origin_rate=10_000_000,
    invite_rate=10_000_000,
    pending_limit=PENDING,
    ask_limit=PENDING,
    ask_limit_origin=PENDING,
    ask_limit_unapproved=PENDING,
    challenge_life=10 * MINUTE,
)


class Application:
    """The API, and what the benchmark wants to know of its process."""

    def __init__(self, port: int, waiters: int, look_every: timedelta) -> None:
        ports = memory_ports()
        settings = Settings(
            public_url=f"http://127.0.0.1:{port}",
            waiters=waiters,
            wait_limit=DAY,
            look_every=look_every,
        )
        admin = cs.Administration(ports, POLICY, by=cs.OPERATOR)
        space = admin.create_app_space(admin.create_company("Example").guid, "Bank")
        origin = admin.create_origin(space.guid, "Web shop").guid
        credentials = cs.Credentials(ports, POLICY, by=cs.OPERATOR)
        secret = credentials.issue(origin, Scheme.BASIC).secret
        self._authorization = "Basic " + b64encode(f"{origin}:{secret}".encode()).decode()
        self._wake = ports.wake
        self._api = AsgiApplication(Service(ports, POLICY, settings))

    async def __call__(self, scope, receive, send) -> None:
        if scope.get("path") not in {"/readyz", "/state"}:
            await self._api(scope, receive, send)
            return
        if scope["query_string"] == b"collect":
            gc.collect()
        state = {
            "authorization": self._authorization,
            # Another has none; the memory adapter's is the only list of those who wait.
            "waiting": sum(map(len, self._wake._waiting.values())),
            "threads": threading.active_count(),
            "tasks": len(asyncio.all_tasks()),
            "bytes": resident(),
        }
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(state).encode()})


def resident() -> int:
    """Return the bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def serve(port: int, waiters: int, look_seconds: float) -> None:
    """Serve until a signal comes."""
    Server(
        "waiters",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        loop=Loops.asyncio,
        workers=1,
        backlog=4_096,
        backpressure=waiters + FILES,
        log_enabled=False,
        websockets=False,
        workers_kill_timeout=10,
    ).serve(
        target_loader=partial(Application, port, waiters, timedelta(seconds=look_seconds)),
        wrap_loader=False,
    )


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
