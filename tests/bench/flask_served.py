"""
Our blueprints in Flask under granian, on the data of a service: what goal 7 prints beside `serve`.

    python flask_served.py FOLDER PUBLIC_URL PORT THREADS
"""

from __future__ import annotations

import sys
from functools import partial
from http import HTTPStatus
from pathlib import Path

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.server import Server
from service import BUSY
from web import in_flask

from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_web import Service, Settings


def load(folder: Path, public_url: str) -> Flask:
    """Return the application, in the process that serves it."""
    runtime = Runtime(settings({"data": str(folder)}, {}))
    reached = Settings(public_url=public_url)
    app = in_flask(Service(runtime.ports, BUSY, reached, call=runtime.records.call))
    app.add_url_rule("/readyz", "ready", lambda: ("ready", HTTPStatus.OK))
    return app


def serve(folder: Path, public_url: str, port: int, threads: int) -> None:
    """Serve until a signal comes."""
    Server(
        "flask",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=1,
        blocking_threads=threads,
        log_enabled=False,
        websockets=False,
    ).serve(target_loader=partial(load, folder, public_url), wrap_loader=False)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
