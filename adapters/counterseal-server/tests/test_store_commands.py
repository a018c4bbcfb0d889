"""`store check` and `store copy`, between any two stores and back; and `audit archive`."""

from collections import Counter

import pytest
from attrs import evolve

from counterseal.memory import SystemEntropy
from counterseal_records import read
from counterseal_redis import RedisWake
from counterseal_server.head_memory import HEAD_NOTE
from counterseal_server.records import opened
from counterseal_testing import FakeService, FrozenClock
from counterseal_testing.service import CALLBACK

USERS = ("zoe", "adam")


@pytest.fixture
def file(tmp_path):
    return f"sqlite:///{tmp_path}/counterseal.db"


@pytest.fixture
def world(file):
    """A service in a SQLite file, with some of everything."""
    records = opened(file)
    records.create()

    def adapters(ports):
        return evolve(records.joined(ports), entropy=SystemEntropy())

    world = FakeService(adapters=adapters)
    for user in USERS:
        phone = world.bind(user)
        question = world.ask(user, "Pay?", callback=CALLBACK)
        phone.answer(question.challenge)
        world.ask(user, "Still open?")
    world.sender.script(410)
    world.deliver()
    yield world
    records.close()


def states_of(address, world):
    """Return what every verb finds at *address*."""
    records = opened(address)
    ports = records.joined(world.ports)
    store = ports.store
    accounts = [store.account(world.app_space.guid, user) for user in USERS]
    pages = records.inventory(FrozenClock()).events()
    state = (
        store.list(None),
        store.list(world.company.guid),
        store.dead(world.origin.origin.guid, 10),
        accounts,
        [store.bindings(account.guid) for account in accounts],
        [store.pending(account.guid) for account in accounts],
        [event for page in pages for event in page],
    )
    if isinstance(ports.wake, RedisWake):
        ports.wake.close()
    records.close()
    return state


def test_from_a_file_to_redis_and_back(file, world, run, tmp_path, redis):
    there, back = f"redis://127.0.0.1:{redis.port}?prefix=copied", f"sqlite:///{tmp_path}/back.db"

    first = run("store", "copy", file, there)
    again = run("store", "copy", file, there)
    home = run("store", "copy", there, back)

    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout.startswith("records: 15; lines of the audit log: ")
    assert again.stdout == home.stdout == first.stdout
    assert states_of(there, world) == states_of(back, world) == states_of(file, world)
    for address in (file, there, back):
        check_result = run("store", "check", "--data", tmp_path, "--store", address)
        assert (check_result.exit_code, check_result.stdout) == (
            0,
            "records: 15, all consistent\n",
        )


def test_what_does_not_fit_is_listed_and_not_copied(file, world, run, tmp_path):
    records = opened(file)
    with records.database.writing() as connection:
        connection.run("DELETE FROM counterseal_records WHERE kind = 'account'")
    records.close()

    check_result = run("store", "check", "--data", tmp_path)

    assert check_result.exit_code == 1
    assert "its account is not there\n" in check_result.stdout
    assert check_result.stderr.endswith("inconsistencies\n")


def test_what_is_there_is_not_overwritten(file, world, run, tmp_path):
    other = f"sqlite:///{tmp_path}/other.db"
    run("store", "copy", file, other)
    world.ask(USERS[0], "One more?")

    copied = run("store", "copy", file, other)

    assert copied.exit_code == 2
    assert copied.stderr.startswith("target_differs: ")


def test_a_store_is_not_copied_into_itself(file, world, run, tmp_path, redis):
    (tmp_path / "symbolic").symlink_to(tmp_path)
    (tmp_path / "hard.db").hardlink_to(tmp_path / "counterseal.db")
    there = f"redis://127.0.0.1:{redis.port}?prefix=itself"
    run("store", "copy", file, there)
    pairs = (
        (file, file),
        (file, f"sqlite:///{tmp_path}/symbolic/../{tmp_path.name}/symbolic/counterseal.db"),
        (file, f"sqlite:///{tmp_path}/hard.db"),
        (there, f"redis://localhost:{redis.port}/0?prefix=itself&retries=1"),
    )

    for source, target in pairs:
        copied = run("store", "copy", source, target, "--data", tmp_path)
        assert (copied.exit_code, copied.stdout) == (2, ""), target
        assert copied.stderr == "same_store: FROM and TO are the same store.\n"
    assert not (tmp_path / HEAD_NOTE).exists()


def test_nothing_is_not_copied(run, tmp_path):
    (tmp_path / "one.db").touch()
    empty = (f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "two"))

    assert run("store", "copy", *empty).exit_code == 1


def test_a_file_that_is_not_there_is_refused_and_not_made(file, world, run, tmp_path):
    copied = run("store", "copy", f"sqlite:///{tmp_path}/misspelt.db", file)

    assert copied.exit_code == 2
    assert copied.stderr == f"FROM: there is no file {tmp_path}/misspelt.db\n"
    assert not (tmp_path / "misspelt.db").exists()


def test_an_address_in_the_environment(file, world, run, tmp_path, monkeypatch):
    monkeypatch.setenv("OLD", file)

    copied = run("store", "copy", "env:OLD", f"sqlite:///{tmp_path}/new.db")
    missing = run("store", "copy", "env:NEW", f"sqlite:///{tmp_path}/new.db")

    assert copied.exit_code == 0
    assert (missing.exit_code, missing.stderr) == (2, "NEW: not in the environment\n")


@pytest.fixture(params=["file", "redis"])
def address(request, file, world, run):
    """Where the world's records are: as they were made, and copied."""
    if request.param == "file":
        return file
    there = f"redis://127.0.0.1:{request.getfixturevalue('redis').port}?prefix=archived"
    run("store", "copy", file, there)
    return there


def test_the_audit_log_is_taken_elsewhere(address, world, run, tmp_path, create_data):
    log = tmp_path / "log.jsonl"
    *_, events = states_of(address, world)
    create_data(tmp_path / "service")
    # It is of another store.
    (tmp_path / "service" / HEAD_NOTE).unlink()
    options = ("--data", tmp_path / "service", "--store", address)

    archived = run("audit", "archive", tmp_path / "kept.jsonl", "--keep", *options)
    archive_result = run("audit", "archive", log, *options)
    again = run("audit", "archive", log, *options)

    assert archived.stdout == archive_result.stdout == f"lines: {len(events)}\n"
    assert again.stdout == "lines: 0\n"
    assert log.read_text() == (tmp_path / "kept.jsonl").read_text()
    archived_events = [
        read(line.partition(b'"event":')[2][:-1]) for line in log.read_bytes().splitlines()
    ]
    assert Counter(archived_events) == Counter(events)
    assert log.stat().st_mode & 0o777 == 0o600
    *rest, last_state = states_of(address, world)
    assert last_state == []
    assert rest[0] == world.ports.store.list(None)


def test_a_log_that_cannot_be_written_is_not_dropped(file, world, run, tmp_path, create_data):
    *_, events = states_of(file, world)
    create_data(tmp_path / "service")
    # It is of another store.
    (tmp_path / "service" / HEAD_NOTE).unlink()
    options = ("--data", tmp_path / "service", "--store", file)

    failed = run("audit", "archive", tmp_path / "no" / "log.jsonl", *options)

    assert failed.exit_code == 2
    assert failed.stderr.startswith("file: cannot write to ")
    assert Counter(states_of(file, world)[-1]) == Counter(events)
