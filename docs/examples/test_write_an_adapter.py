"""A ReplayGuard on SQLite: one port, one file, no decisions."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import pytest

from counterseal.errors import StoreUnavailable
from counterseal.memory import memory_ports
from counterseal.ports import Clock, ReplayGuard
from counterseal.testing import FrozenClock, ReplayGuardContract

TABLE = "CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, until REAL) WITHOUT ROWID"
FIRST = """
INSERT INTO seen VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE seen.until <= ?
"""


class SqliteReplayGuard:
    """
    Remembers what was seen in a file that several processes share.

    Args:
        path: The database; it is made if it is not there.
        clock: Says what time it is; a frozen one in tests.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def first_seen(self, key: tuple[str, str, str], until: datetime) -> bool:
        """Tell whether *key* is new, and remember it."""
        # REPLAY-2: the text has each part's length, so no two keys have the same text.
        text = "".join(f"{len(part)}:{part}" for part in key)
        # REPLAY-1: one statement, which the database makes one act.
        return self._changed(FIRST, text, until.timestamp(), self._now()) == 1

    def forget(self) -> None:
        """Drop what is over; nothing depends on when."""
        self._changed("DELETE FROM seen WHERE until <= ?", self._now())

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _changed(self, statement: str, *values: object) -> int:
        try:
            # ALL-2: a connection for each call, as SQLite shares none between threads.
            with (
                closing(sqlite3.connect(self._path, 30, isolation_level="IMMEDIATE")) as connection,
                connection,
            ):
                connection.execute(TABLE)
                return connection.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise StoreUnavailable from error  # ALL-1: no library's exception leaves


# Test it


class TestSqliteReplayGuard(ReplayGuardContract):
    @pytest.fixture
    def new_replay_guard(self, tmp_path_factory):
        return lambda clock: SqliteReplayGuard(tmp_path_factory.mktemp("guard") / "seen.db", clock)

    @pytest.fixture
    def broken_replay_guard(self, tmp_path):
        return lambda clock: SqliteReplayGuard(tmp_path / "no" / "folder" / "seen.db", clock)


# Put it in its place


def test_a_service_with_it(tmp_path):
    ports = memory_ports()
    guard: ReplayGuard = SqliteReplayGuard(tmp_path / "seen.db", ports.clock)
    ports = attrs.evolve(ports, replay=guard)  # one adapter in another's place

    soon = ports.clock.now() + timedelta(minutes=5)
    assert ports.replay.first_seen(("proof", "device", "id"), soon)
    assert not ports.replay.first_seen(("proof", "device", "id"), soon)


def test_what_is_over_is_forgotten(tmp_path):
    clock = FrozenClock()
    guard = SqliteReplayGuard(tmp_path / "seen.db", clock)
    guard.first_seen(("proof", "device", "id"), clock.now() + timedelta(minutes=5))

    clock.advance(timedelta(minutes=5))
    guard.forget()

    assert guard.first_seen(("proof", "device", "id"), clock.now())
