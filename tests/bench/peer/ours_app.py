"""
Counterseal as a service, in an environment of this repository.

    python ours_app.py FOLDER    makes FOLDER: what `counterseal init` makes, and a configuration
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from counterseal import Ports
from counterseal.memory import memory_ports
from counterseal.models import Clients
from counterseal_server import logs
from counterseal_server.configuration import settings
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime
from counterseal_server.service_creation import ServiceDraft, create_service
from counterseal_server.web import ServerApplication, use_cases
from counterseal_sql import connect, upgrade, with_sql

CONFIGURATION = "counterseal.toml"
SHOP = "shop.json"
EMBEDDED = "embedded.db"
THREADS = 8

# One origin asks and invites more here than anywhere in a minute; every other limit stays.
BUSY = f"""\
log_level = "error"
threads = {THREADS}
waiters = 4

[policy]
origin_rate = 1000000
invite_rate = 1000000
"""


def make(folder: Path, **options: int):
    """Return the WSGI application that `counterseal serve` serves, without its workers."""
    logs.configure_logs("human", "error")
    runtime = _runtime(folder, **options)
    return ServerApplication(runtime, use_cases(runtime), Metrics())


def serve():
    """Return the same for a WSGI server; the environment names the folder and the port."""
    return make(Path(os.environ["BENCH_FOLDER"]), port=int(os.environ["BENCH_PORT"]))


def ports(folder: Path | None) -> tuple[Ports, Callable[[], AbstractContextManager[None]]]:
    """
    Return ports for the core, and what each call is made within.

    Without *folder*, they are in memory; else what is stored is in a SQLite file in it.
    """
    memory = memory_ports()
    if folder is None:
        return memory, nullcontext
    database = connect(f"sqlite:///{folder / EMBEDDED}")
    upgrade(database)
    return with_sql(memory, database), database.call


def create(folder: Path) -> None:
    """Make what it needs."""
    (folder / CONFIGURATION).write_text(BUSY)
    request = ServiceDraft(
        company="Example",
        app_space="Bank",
        origin="Web shop",
        scheme="basic",
        clients=Clients.CURRENT,
    )
    with _runtime(folder) as runtime:
        (folder / SHOP).write_text(json.dumps(create_service(runtime, request)))


def _runtime(folder: Path, **options: int) -> Runtime:
    return Runtime(settings({"data": folder / "data"} | options, {}, folder / CONFIGURATION))


if __name__ == "__main__":
    create(Path(sys.argv[1]))
