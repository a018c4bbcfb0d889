"""
Backups of a service on SQLite: the database, the keys and the settings file in a new folder.

`manifest.json` in the folder says which release made the backup and when, and has the digest of
each file. A backup appears complete or not at all. If a process is killed during a backup, its
unfinished folder stays beside the target; `back_up` deletes it the next time, and logs its name.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.ports import Clock
from counterseal.wire.members import format_time, parse_time
from counterseal_keys import private_files
from counterseal_server.records import sqlite_file
from counterseal_server.settings import (
    DATABASE_FILE,
    KEYS_FOLDER,
    MASTER_KEY_FILE,
    WEBPUSH_KEY_FILE,
    Settings,
)
from counterseal_server.unfinished_backups import delete_unfinished, unfinished_folder
from counterseal_sql import copy_sqlite

MANIFEST = "manifest.json"
FORMAT = 1
"""The form of a backup; a release refuses the form of a newer one."""

SQLITE = "sqlite"
SIGNING_FILE = "signing.json"
SETTINGS_FILE = "settings.toml"
MANIFEST_BYTES = 65_536
OWNER_ONLY = 0o600

DATABASE = DATABASE_FILE
SIGNING, MASTER, WEBPUSH = (
    f"{KEYS_FOLDER}/{name}" for name in (SIGNING_FILE, MASTER_KEY_FILE, WEBPUSH_KEY_FILE)
)
REQUIRED = frozenset({DATABASE, SIGNING})
NAMES = REQUIRED | {MASTER, WEBPUSH, SETTINGS_FILE}
"""Every file that a backup may have; a path from elsewhere is refused."""

OTHER_STORES = (
    "the backup is of SQLite, and this store is not: back up PostgreSQL by pg_dump, and Redis by"
    " BGSAVE or a copy of its append-only files, as docs/how-to/back-up-and-restore.md says"
)

log = logging.getLogger("counterseal_server")

_DIGEST = re.compile("[0-9a-f]{64}")
_DATED = re.compile("[0-9]{8}T[0-9]{6}Z")


@attrs.frozen(kw_only=True)
class Manifest:
    """
    What a backup says of itself.

    Attributes:
        release: The version of the release that made it.
        store: The kind of store.
        schema: The number of the database's schema.
        made_at: When the database had been copied.
        files: The SHA-256 of each file, in hexadecimal, by its path in the folder.
    """

    release: str
    store: str
    schema: str
    made_at: datetime
    files: Mapping[str, str]

    @property
    def has_master_key(self) -> bool:
        """Whether the backup opens without anything else."""
        return MASTER in self.files

    def document(self) -> dict[str, Any]:
        """Return the manifest as JSON."""
        return {
            "format": FORMAT,
            "release": self.release,
            "store": self.store,
            "schema": self.schema,
            "madeAt": format_time(self.made_at),
            "files": dict(self.files),
        }


def back_up(
    settings: Settings,
    target: Path,
    clock: Clock,
    *,
    master_key: bool = False,
    config: Path | None = None,
) -> Manifest:
    """
    Write a backup of the service to a new folder; the service may run.

    Args:
        settings: The settings of the service.
        target: The folder, which must not exist.
        clock: Says when the backup was made.
        master_key: Whether the master keys' file becomes a part of it.
        config: The settings file, which becomes a part of it.

    Raises:
        InvalidField: The store is not SQLite, or a file of the service is missing; or *target*
            exists, or cannot be created; or the master key is in the environment.
        UnfitCopy: The database is damaged.
        SchemaTooNew: A newer release has migrated it.
        StoreUnavailable: SQLite failed.
        OSError: A file cannot be read or written.
    """
    database = _database_of(settings)
    sources = {
        SIGNING: settings.keys_folder / SIGNING_FILE,
        WEBPUSH: settings.webpush_key_file,
        SETTINGS_FILE: config,
    }
    if master_key:
        _demand_file_of_master_key(settings)
        sources[MASTER] = settings.master_key_file
    _demand_absent(target)
    for name in delete_unfinished(target.parent):
        log.warning("deleted an unfinished backup: %s", target.parent / name)
    with unfinished_folder(target) as folder:
        (folder / KEYS_FOLDER).mkdir(mode=private_files.FOLDER_MODE)
        schema = copy_sqlite(database, folder / DATABASE)
        made_at = clock.now()
        # After the database: newer keys also open what older keys have sealed.
        with private_files.lock(settings.keys_folder):
            for name, file in sources.items():
                if file is not None and (name in {SIGNING, MASTER} or file.exists()):
                    private_files.write(folder / name, file.read_bytes())
        names = sorted(NAMES & {str(path.relative_to(folder)) for path in folder.rglob("*")})
        manifest = Manifest(
            release=version("counterseal-server"),
            store=SQLITE,
            schema=schema,
            made_at=made_at,
            files={name: digest_of(folder / name) for name in names},
        )
        text = f"{json.dumps(manifest.document(), indent=2)}\n"
        private_files.write(folder / MANIFEST, text.encode("ascii"))
        folder.rename(target)
        sync_path(target.parent)
    return manifest


def dated_name(clock: Clock) -> str:
    """Return the name of a backup that is made now; names sort by time."""
    return f"{clock.now():%Y%m%dT%H%M%SZ}"


def delete_older(newest: Path, keep: int) -> tuple[str, ...]:
    """
    Delete the older backups beside *newest* whose names are times; return their names.

    Args:
        newest: The backup that was just made, which stays whatever the clock said.
        keep: How many stay, *newest* among them.

    Raises:
        OSError: One cannot be deleted.
    """
    names = sorted(
        path.name
        for path in newest.parent.iterdir()
        if _DATED.fullmatch(path.name) and path != newest and (path / MANIFEST).is_file()
    )
    older = tuple(names[: max(0, len(names) - keep + 1)])
    for name in older:
        shutil.rmtree(newest.parent / name)
    return older


def read_manifest(source: Path) -> Manifest:
    """
    Read the manifest of the backup in the folder *source*.

    Raises:
        InvalidField: There is none, or it is broken, or of a newer release.
    """
    file = source / MANIFEST
    try:
        with file.open("rb") as opened:
            document = json.loads(opened.read(MANIFEST_BYTES))
        number, release = document["format"], str(document["release"])
    except OSError as error:
        raise InvalidField("source", f"cannot read {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise InvalidField("source", f"{file} is no manifest of a backup") from None
    if number != FORMAT:
        raise InvalidField(
            "source",
            f"release {release} made this backup, in form {number}; this release,"
            f" {version('counterseal-server')}, reads form {FORMAT}: restore it by that release",
        )
    try:
        manifest = Manifest(
            release=release,
            store=str(document["store"]),
            schema=str(document["schema"]),
            made_at=parse_time(document["madeAt"]),
            files=dict(document["files"]),
        )
        digests = [digest for digest in manifest.files.values() if _DIGEST.fullmatch(digest)]
    except Exception:  # noqa: BLE001 (whatever it holds)
        raise InvalidField("source", f"{file} is no manifest of a backup") from None
    if not REQUIRED <= manifest.files.keys() <= NAMES or len(digests) != len(manifest.files):
        raise InvalidField("source", f"{file} does not list the files of a backup")
    return manifest


def require_sqlite(manifest: Manifest) -> None:
    """
    Require a backup of a SQLite store.

    Raises:
        InvalidField: It is of another kind.
    """
    if manifest.store != SQLITE:
        raise InvalidField("source", f"a backup of a store of kind {manifest.store}, not {SQLITE}")


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sync_path(path: Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def files_elsewhere(settings: Settings) -> tuple[str, ...]:
    """Return the settings whose files are in no backup, with their paths."""
    files = {
        "fcm_account_file": (settings.fcm_account_file,),
        "relay_secret_file": (settings.relay_secret_file,),
        "passkey_roots": tuple(path for paths in settings.passkey_roots.values() for path in paths),
    }
    return tuple(
        f"{name} ({path})" for name, paths in files.items() for path in paths if path is not None
    )


def _database_of(settings: Settings) -> Path:
    file = settings.database_file if settings.store is None else sqlite_file(settings.store)
    if file is None:
        raise InvalidField("store", OTHER_STORES)
    if not file.exists():
        raise InvalidField("store", f"there is no file {file}")
    if not (settings.keys_folder / SIGNING_FILE).exists():
        raise InvalidField("data", f"there are no signing keys in {settings.keys_folder}")
    return file


def _demand_file_of_master_key(settings: Settings) -> None:
    if settings.master_key is not None:
        problem = "the master key is in COUNTERSEAL_MASTER_KEY, and is not written to a file"
        raise InvalidField("with-master-key", problem)
    if not settings.master_key_file.exists():
        raise InvalidField("with-master-key", f"there is no file {settings.master_key_file}")


def _demand_absent(target: Path) -> None:
    if target.exists() or PurePosixPath(target).name in {"", ".."}:
        raise InvalidField("target", f"{target} exists, and is not overwritten")
