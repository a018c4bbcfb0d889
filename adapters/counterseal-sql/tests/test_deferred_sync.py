"""Within a call, replay keys and counts are synced with its commit, or at its end."""

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta

import pytest

from counterseal.errors import Conflict, Indeterminate
from counterseal.models import Change, Guid, KeyScope, Reservation
from counterseal_sql import SqlCounters, SqlIdempotency, SqlReplayGuard, SqlStore
from counterseal_sql.write_ahead_log import WriteAheadLog
from counterseal_testing import FrozenClock
from counterseal_testing.clock import START
from counterseal_testing.contracts.record_factory import RecordFactory

KEY = ("proof", "somebody", "once")
LATER = START + timedelta(minutes=6)
MINUTE = timedelta(minutes=1)
LEVELS = {"FULL": 2}


class Disk(WriteAheadLog):
    """The log, with what is on the disk beside it, as it is after a power cut."""

    def __init__(self, file, folder):
        super().__init__(str(file))
        self.syncs = 0
        self.broken = False
        self._file = file
        self._folder = folder

    def sync(self):
        if self.broken:
            raise Indeterminate
        super().sync()
        self.syncs += 1
        self.keep()

    def keep(self):
        """What is there now outlasts a power cut."""
        for end in ("", "-wal"):
            shutil.copy(f"{self._file}{end}", self._folder / f"synced.db{end}")

    def cut(self):
        """Cut the power, and return the address of what is left."""
        return f"sqlite:///{self._folder / 'synced.db'}"


@pytest.fixture
def database(sqlite_server, opened):
    return opened(sqlite_server.emptied(), durable=True)


@pytest.fixture
def disk(database, tmp_path):
    disk = Disk(database.engine.url.database, tmp_path)
    database.dialect.deferred_sync.log = disk
    database.write(lambda _: None)
    with database.writing() as connection:
        connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    disk.keep()
    return disk


@pytest.fixture
def guard(database):
    return SqlReplayGuard(database, FrozenClock())


@pytest.fixture
def store(database):
    return SqlStore(database, FrozenClock())


def created(store, record, operation="one"):
    store.commit((Change(None, record),), (), operation)


def after_the_cut(disk, opened):
    return SqlReplayGuard(opened(disk.cut()), FrozenClock())


def test_a_key_is_on_the_disk_when_its_call_has_ended(database, disk, guard, opened):
    with database.call():
        assert guard.first_seen(KEY, LATER)
        assert disk.syncs == 0

    assert disk.syncs == 1
    assert not after_the_cut(disk, opened).first_seen(KEY, LATER)


def test_a_key_can_be_lost_before_its_call_has_ended(database, disk, guard, opened):
    with database.call():
        assert guard.first_seen(KEY, LATER)
        assert after_the_cut(disk, opened).first_seen(KEY, LATER)


def test_other_connections_see_a_key_at_once(database, disk, guard, opened):
    with database.call():
        assert guard.first_seen(KEY, LATER)
        other = SqlReplayGuard(opened(database.engine.url), FrozenClock())
        assert not other.first_seen(KEY, LATER)


def test_a_commit_syncs_what_was_written_before_it(database, disk, guard, store):
    with database.call():
        assert guard.first_seen(KEY, LATER)
        created(store, RecordFactory().company())

    assert disk.syncs == 0


def test_a_commit_does_not_sync_what_is_written_after_it(database, disk, guard, store):
    with database.call():
        created(store, RecordFactory().company())
        assert guard.first_seen(KEY, LATER)

    assert disk.syncs == 1


def test_a_commit_that_is_repeated_syncs_nothing(database, disk, guard, store):
    company = RecordFactory().company()
    created(store, company)
    with database.call():
        assert guard.first_seen(KEY, LATER)
        created(store, company)

    assert disk.syncs == 1


def test_a_conflict_syncs_nothing(database, disk, guard, store):
    company = RecordFactory().company()
    created(store, company)
    with database.call():
        assert guard.first_seen(KEY, LATER)
        with pytest.raises(Conflict):
            created(store, company, "another")

    assert disk.syncs == 1


def test_a_call_that_fails_is_synced_too(database, disk, guard):
    def fail():
        assert guard.first_seen(KEY, LATER)
        raise LookupError

    with pytest.raises(LookupError), database.call():
        fail()

    assert disk.syncs == 1


def test_a_call_within_a_call_ends_with_the_outer_one(database, disk, guard):
    with database.call():
        with database.call():
            assert guard.first_seen(KEY, LATER)
        assert disk.syncs == 0

    assert disk.syncs == 1


def test_each_guard_defers_its_sync(database, disk):
    reservation = Reservation(
        scope=(KeyScope.ISSUE, Guid("5d2a7b6e-1f0c-8d11-9d6f-0d8a4f6b2c10")),
        key="once",
        fingerprint="what",
        guid=Guid("5d2a7b6e-1f0c-8d11-9d6f-0d8a4f6b2c11"),
        holder="me",
        lease_until=LATER,
        until=LATER,
    )
    idempotency = SqlIdempotency(database)
    for write in (
        lambda: SqlCounters(database, FrozenClock()).add(("origin", "a"), MINUTE),
        lambda: idempotency.begin(reservation, START),
        lambda: idempotency.finish(reservation),
    ):
        before = disk.syncs
        with database.call():
            write()
            assert disk.syncs == before
        assert disk.syncs == before + 1


def test_outside_of_a_call_nothing_is_deferred(database, disk, guard):
    assert guard.first_seen(KEY, LATER)
    with database.call():
        pass

    assert disk.syncs == 0


def run_in_a_thread(function, *args):
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *args).result(240)


def test_a_thread_that_runs_in_a_copy_of_the_context_is_within_the_call(database, disk, guard):
    with database.call():
        assert run_in_a_thread(copy_context().run, guard.first_seen, KEY, LATER)
        assert disk.syncs == 0

    assert disk.syncs == 1


def test_another_thread_is_not_within_the_call(database, disk, guard):
    with database.call():
        assert run_in_a_thread(guard.first_seen, KEY, LATER)

    assert disk.syncs == 0, "SQLite has synced it by itself"


def test_a_write_after_the_end_of_its_call_is_synced_at_once(database, disk, guard, opened):
    with database.call():
        context = copy_context()

    assert run_in_a_thread(context.run, guard.first_seen, KEY, LATER)

    disk.keep()
    assert disk.syncs == 0, "SQLite has synced it by itself"
    assert not after_the_cut(disk, opened).first_seen(KEY, LATER)


def test_a_write_that_ends_after_its_call_is_synced_at_once(database, disk, guard):
    other = threading.Event(), threading.Event()

    def write(connection):
        other[0].set()
        assert other[1].wait(240)
        return connection.run("UPDATE counterseal_seen SET until = until + 1")

    guard.first_seen(KEY, LATER)
    with ThreadPoolExecutor(1) as threads:
        with database.call():
            write_of_thread = threads.submit(copy_context().run, database.remember, write)
            assert other[0].wait(240)
        assert disk.syncs == 0
        other[1].set()
        write_of_thread.result(240)

    assert disk.syncs == 1


def test_what_is_written_during_a_sync_is_synced_by_the_next_one(database, disk, guard, opened):
    is_written, may_end = threading.Event(), threading.Event()
    sync = disk.sync

    def call_during_the_sync():
        with database.call():
            assert guard.first_seen(KEY, LATER)
            is_written.set()
            assert may_end.wait(240)

    with ThreadPoolExecutor(1) as threads:
        calls = []

        def sync_while_another_writes():
            sync()
            if not calls:
                calls.append(threads.submit(call_during_the_sync))
                assert is_written.wait(240)

        disk.sync = sync_while_another_writes
        with database.call():
            assert guard.first_seen(("proof", "somebody", "first"), LATER)
        may_end.set()
        calls[0].result(240)

    assert disk.syncs == 2
    assert not after_the_cut(disk, opened).first_seen(KEY, LATER)


def test_a_connection_syncs_again_after_a_deferred_write(database, disk, guard):
    with database.call():
        assert guard.first_seen(KEY, LATER)
        with database.reading() as connection:
            ((level,),) = connection.run("PRAGMA synchronous")

    assert level == LEVELS["FULL"]


def test_a_disk_that_fails_makes_the_call_indeterminate(database, disk, guard):
    disk.broken = True
    with pytest.raises(Indeterminate), database.call():
        assert guard.first_seen(KEY, LATER)
    disk.broken = False

    # The next call that defers a sync syncs both writes.
    with database.call():
        assert not guard.first_seen(KEY, LATER)
    assert disk.syncs == 1


def test_a_log_that_is_missing_cannot_be_synced(tmp_path):
    with pytest.raises(Indeterminate):
        WriteAheadLog(str(tmp_path / "none.db")).sync()


def test_without_a_write_ahead_log_nothing_is_deferred(sqlite_server, opened):
    database = opened(sqlite_server.emptied(), durable=True)
    with database.writing() as connection:
        connection.run("PRAGMA journal_mode=DELETE")
        assert not WriteAheadLog(database.engine.url.database).is_used(connection)


def test_calls_that_end_at_the_same_time_share_a_sync(database, disk, guard):
    many = 4
    all_have_written, may_end = threading.Barrier(many), threading.Event()

    def call(number):
        with database.call():
            assert guard.first_seen(("proof", "somebody", str(number)), LATER)
            all_have_written.wait(240)
            may_end.wait(240)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    may_end.set()
    for thread in threads:
        thread.join()

    assert disk.syncs == 1


CALLS = """
import sys
from datetime import timedelta
from counterseal.models import Change
from counterseal_testing import FrozenClock
from counterseal_testing.clock import START
from counterseal_testing.contracts.record_factory import RecordFactory
from counterseal_sql import SqlCounters, SqlReplayGuard, SqlStore, connect

database, clock, records = connect(sys.argv[1]), FrozenClock(), RecordFactory()
store, guard, counters = (
    SqlStore(database, clock), SqlReplayGuard(database, clock), SqlCounters(database, clock)
)
for number in range(4):
    later = START + timedelta(minutes=6)
    for remembers, changes in ((True, False), (True, True), (False, True)):
        with database.call():
            if remembers:
                guard.first_seen(("proof", str(changes), str(number)), later)
                counters.add(("origin", "a"), timedelta(minutes=1))
            if changes:
                company = records.company()
                store.commit((Change(None, company),), (), company.guid)
        print("reply", flush=True)
    guard.first_seen(("proof", "alone", str(number)), later)
    print("reply", flush=True)
"""
REPLIES, OWN = 16, 5


def test_whatever_is_printed_is_on_the_disk(sqlite_server, tmp_path):
    """strace records it: there is no reply while a write to the log is not synced."""
    strace = shutil.which("strace")
    trace = tmp_path / "trace"
    command = [strace, "-f", "-y", "-e", "trace=pwrite64,fdatasync,fsync,write", "-o", trace]
    if strace is None or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("no strace: it is absent, or may not look, at what a power cut leaves")
    subprocess.run(
        [*command, sys.executable, "-c", CALLS, sqlite_server.emptied()],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    unsynced, replies, syncs, alone = 0, 0, 0, False
    for line in trace.read_text().splitlines():
        call = line.split(maxsplit=1)[1]
        if "-wal>" in call and call.startswith("pwrite64("):
            unsynced += 1
        elif "-wal>" in call and call.startswith("fdatasync("):
            unsynced, alone, syncs = 0, True, syncs + 1
        elif call.startswith("write(1<") and "reply" in call:
            assert unsynced == 0, replies
            assert alone
            replies, alone = replies + 1, False
    assert replies == REPLIES
    # One for each of them, though most make two or three writes; and SQLite's own for a new log.
    assert REPLIES <= syncs < REPLIES + OWN
