"""
How long `counterseal store check` takes on a store with many challenges, of each kind.

    nox -s "bench(growth)"
    python tests/bench/store_check.py --many 1000000 --store sqlite

Of five challenges, four are answered and have a callback. The command runs as an operator runs it.
Its CPU time is that of all its processes; a server's is what it took meanwhile. On a machine that
other programs use, only the CPU time tells something.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from redis_setup import REDIS, Server, available, binary
from running import COUNTERSEAL, surroundings
from store_filling import fill
from verdicts import UNKNOWN, failed, scaled

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples" / "shops"))

from postgresql import postgresql

MANY = scaled(100_000, 1_000)
MILLION = 1_000_000
TICKS = os.sysconf("SC_CLK_TCK")
GOAL = 240
"""Seconds for a million challenges on two cores that nobody else uses."""
BUSY = 0.8
"""A share of the cores; a check that got less was not alone."""


@attrs.frozen
class Store:
    """
    An empty store.

    Attributes:
        address: Its URL.
        fast_address: Its URL for a writer that need not wait for the disk.
        prepare: Does what the server does by itself some time after many writes.
        server_seconds: Returns the CPU seconds that its server has taken.
    """

    address: str
    fast_address: str
    prepare: Callable[[], None] = lambda: None
    server_seconds: Callable[[], float] = lambda: 0.0


@contextmanager
def in_sqlite() -> Iterator[Store]:
    """Create a folder for a SQLite file."""
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        address = f"sqlite:///{folder}/counterseal.db"
        yield Store(address, address)


@contextmanager
def in_postgresql() -> Iterator[Store]:
    """Start a server of PostgreSQL."""
    with postgresql() as address:
        folder = Path(address.partition("host=")[2])
        server = int((folder / "data" / "postmaster.pid").read_text().split()[0])

        def vacuum() -> None:
            # As its autovacuum does within a minute of so many rows.
            import psycopg  # noqa: PLC0415 (the driver is an extra)

            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE counterseal_records")

        fast_address = f"{address}&options=-csynchronous_commit%3Doff"
        yield Store(address, fast_address, vacuum, lambda: seconds_of(server))


@contextmanager
def in_redis() -> Iterator[Store]:
    """Start a server of Redis that writes nothing to the disk."""
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = Server(binary(REDIS), folder)
        address = f"redis://127.0.0.1:{server.port}"
        try:
            yield Store(address, address, server_seconds=lambda: seconds_of(server.process.pid))
        finally:
            server.stop()


STORES = {"sqlite": in_sqlite, "postgresql": in_postgresql, "redis": in_redis}


def seconds_of(pid: int) -> float:
    """Return the CPU seconds of a process, of its children, and of those that it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = sum(map(int, fields[11:15])) / TICKS
    return own + sum(seconds_of(int(child)) for child in children)


@attrs.frozen
class Check:
    """
    One run of the command.

    Attributes:
        seconds: How long it took.
        cpu: CPU seconds of its processes.
        server: CPU seconds of the server.
    """

    seconds: float
    cpu: float
    server: float

    def show(self, kind: str, many: int) -> None:
        """Print what it took, and what a million challenges would."""
        cpu = self.cpu + self.server
        print(
            f"{kind}, {many:,} challenges: {self.seconds:.1f} s; CPU {self.cpu:.1f} s and"
            f" {self.server:.1f} s of the server, {1_000 * cpu / many:.3f} s for 1,000;"
            f" a million, on {cores()} cores: {cpu / many * MILLION / cores():.0f} s"
            f"  {self.verdict}",
            flush=True,
        )

    @property
    def verdict(self) -> str:
        """What its time means."""
        if self.seconds <= GOAL:
            return ""
        return UNKNOWN if self.cpu + self.server < BUSY * cores() * self.seconds else "FAR OVER"


def cores() -> int:
    """Return how many cores this program may use."""
    return len(os.sched_getaffinity(0))


def measure(store: Store) -> Check:
    """
    Check *store* once.

    Raises:
        AssertionError: The command found something.
    """
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        before, begun = store.server_seconds(), time.monotonic()
        process = subprocess.Popen(
            (*COUNTERSEAL, "store", "check", "--progress", "--data", folder),
            env={**surroundings(), "COUNTERSEAL_STORE": store.address},
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(process.returncode)
    return Check(
        time.monotonic() - begun,
        usage.ru_utime + usage.ru_stime,
        store.server_seconds() - before,
    )


def main() -> int:
    """Fill and check each store; return 1 where a check took longer than four minutes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--many", type=int, default=MANY, help="how many challenges")
    parser.add_argument("--store", choices=STORES, action="append", help="this kind only")
    # The session hands over what it hands to `sql_growth.py`.
    arguments = parser.parse_known_args()[0]
    verdicts = []
    for kind in arguments.store or STORES:
        if kind == "redis" and not available():
            print("no redis: its wheel is not installed, or not made for this machine")
            continue
        with STORES[kind]() as store:
            begun = time.monotonic()
            fill(store.fast_address, arguments.many)
            store.prepare()
            print(f"{kind}: filled in {time.monotonic() - begun:.0f} s", flush=True)
            check = measure(store)
            check.show(kind, arguments.many)
            verdicts.append(check.verdict)
    return failed("FAR OVER" in verdicts)


if __name__ == "__main__":
    sys.exit(main())
