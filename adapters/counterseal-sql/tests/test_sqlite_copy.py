"""A copy of a SQLite file is of one moment, though others write to it meanwhile."""

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from counterseal.errors import StoreUnavailable
from counterseal.memory import SystemEntropy
from counterseal_records import check
from counterseal_sql import (
    SchemaTooNew,
    SqlInventory,
    UnfitCopy,
    connect,
    copy_sqlite,
    require_sound,
    sqlite_copy,
    with_sql,
)
from counterseal_sql.migrations import NEWEST
from counterseal_testing import FakeService, FrozenClock


def file_of(url):
    return Path(url.removeprefix("sqlite:///"))


def service_on(database):
    def adapters(ports):
        return evolve(with_sql(ports, database), entropy=SystemEntropy())

    return FakeService(adapters=adapters)


def test_a_copy_under_writers_is_consistent_and_of_one_moment(sqlite_server, opened, tmp_path):
    url = sqlite_server.emptied()
    service, stop = service_on(opened(url)), threading.Event()
    before = [service.bind(f"user-{number}").guid for number in range(3)]
    invitations = []

    def write():
        while not stop.is_set():
            invitations.append(
                service.invitations.invite(service.origin, f"more-{len(invitations)}")
            )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(invitations) < 3:
            stop.wait(0.01)
        schema = copy_sqlite(file_of(url), tmp_path / "copy.db")
        beside = sorted(path.name for path in tmp_path.iterdir())
        copied = len(invitations)
        while len(invitations) < copied + 3:  # the copy stops nobody
            stop.wait(0.01)
    finally:
        stop.set()
        writer.join()

    assert schema == NEWEST
    assert beside == ["copy.db"]
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    copy = opened(f"sqlite:///{tmp_path}/copy.db")
    result = check(SqlInventory(copy, FrozenClock()), FrozenClock(), max)
    assert result.violations == ()
    store = with_sql(service.ports, copy).store
    assert all(store.get(guid) for guid in before)
    assert store.account(service.app_space.guid, "more-2") is not None
    assert store.account(service.app_space.guid, f"more-{len(invitations) - 1}") is None
    assert result.records > len(before)


def test_what_is_no_database_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "text").write_text("no database")
    (tmp_path / "empty").touch()

    for name in ("text", "empty"):
        with pytest.raises(UnfitCopy):
            copy_sqlite(tmp_path / name, tmp_path / "copy.db")
    with pytest.raises(StoreUnavailable):
        copy_sqlite(tmp_path / "absent", tmp_path / "copy.db")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "text"]


def test_a_damaged_page_is_found(sqlite_server, tmp_path):
    file = tmp_path / "copy.db"
    copy_sqlite(file_of(sqlite_server.emptied()), file)
    data = bytearray(file.read_bytes())
    data[4096 * 2 : 4096 * 4] = b"\xff" * 8192
    file.write_bytes(data)

    with pytest.raises(UnfitCopy):
        require_sound(file)


def test_an_existing_file_is_not_overwritten(sqlite_server, tmp_path):
    (tmp_path / "copy.db").write_text("mine")

    with pytest.raises(FileExistsError):
        copy_sqlite(file_of(sqlite_server.emptied()), tmp_path / "copy.db")

    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_newer_schema_is_refused(sqlite_server, opened, tmp_path):
    url = sqlite_server.emptied()
    with opened(url).writing() as connection:
        connection.run("UPDATE counterseal_schema SET version_num = '9999'")

    with pytest.raises(SchemaTooNew, match=f"schema 9999, .* reads up to {NEWEST}: "):
        copy_sqlite(file_of(url), tmp_path / "copy.db")

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(sqlite_server, tmp_path, monkeypatch):
    def open_small(file):
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA max_page_count=2")
        return connection

    source = file_of(sqlite_server.emptied())
    monkeypatch.setattr(sqlite_copy, "_open", open_small)
    with pytest.raises(StoreUnavailable):
        copy_sqlite(source, tmp_path / "copy.db")

    assert list(tmp_path.iterdir()) == []
    with closing(sqlite3.connect(source)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)


def test_a_copy_opens_as_a_database(sqlite_server, tmp_path):
    copy_sqlite(file_of(sqlite_server.emptied()), tmp_path / "copy.db")
    database = connect(f"sqlite:///{tmp_path}/copy.db")

    assert service_on(database).company is not None

    database.close()
