"""
What one step of a user leaves in a database, and costs there: `python tests/bench/sql_steps.py`.

For SQLite, the time is the whole process's, since the database is a part of it; of a bind, with
what the device does. For PostgreSQL it is that of the server's processes for the connections; what
else the server does (the log's writer, the checkpoints) is in none of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import psycopg
from service import Service
from sql_growth import cpu_of_clients, postgresql

from counterseal.memory import memory_ports
from counterseal.models import Algorithm
from counterseal_sql import Database, connect, upgrade, with_sql

MANY = 1_000


@attrs.frozen
class Measured:
    """
    A service on an empty database.

    Attributes:
        size: Returns the bytes of the database, with its indexes.
        spent: Returns nanoseconds of CPU time.
    """

    service: Service
    size: Callable[[], int]
    spent: Callable[[], int]

    def show(self, what: str, operations: Sequence[Callable[[], object]]) -> None:
        """Run *operations*, and print what each has left and cost."""
        before, busy = self.size(), self.spent()
        for operation in operations:
            operation()
        busy = self.spent() - busy
        used = (self.size() - before) / len(operations)
        print(f"{what:10} {used:8,.0f} {busy / len(operations) / 1_000:8,.0f}", flush=True)


def service_on(database: Database) -> Service:
    """Create a service in *database*; waiting callers are woken in this process."""
    upgrade(database)
    memory = memory_ports()
    return Service.of(Algorithm.ES256, attrs.evolve(with_sql(memory, database), wake=memory.wake))


@contextmanager
def on_sqlite() -> Iterator[Measured]:
    """Yield a service on a file."""
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        file = Path(folder) / "steps.db"
        database = connect(f"sqlite:///{file}")

        def size() -> int:
            with database.writing() as connection:
                connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
            return file.stat().st_size

        yield Measured(service_on(database), size, time.process_time_ns)
        database.close()


@contextmanager
def on_postgresql() -> Iterator[Measured]:
    """Yield a service on a server from the wheel."""
    with postgresql() as address, psycopg.connect(address, autocommit=True) as connection:
        database = connect(address)

        def size() -> int:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            return int(row[0]) if row else 0

        yield Measured(service_on(database), size, lambda: cpu_of_clients(connection))
        database.close()


def main() -> int:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="sql_steps")
    parser.add_argument("--many", type=int, default=MANY, help="how often each step is taken")
    many = parser.parse_args().many
    for name, store in (("SQLite", on_sqlite), ("PostgreSQL", on_postgresql)):
        print(f"{name:10} {'bytes':>8} {'CPU us':>8}")
        with store() as measured:
            measured.show("bind", [measured.service.account] * many)
            measured.show("question", measured.service.issuing(many))
            measured.show("answer", measured.service.answering(many))
    return 0


if __name__ == "__main__":
    sys.exit(main())
