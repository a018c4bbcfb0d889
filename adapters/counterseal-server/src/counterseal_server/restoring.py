"""
Restoring: a backup becomes the data folder of a service.

Each file is copied, compared with the digest in the manifest, and moved to its place only when all
of them are right; the database comes last, and no service starts without it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs

from counterseal.errors import InvalidField, SealBroken, SignerUnavailable
from counterseal.memory import SystemEntropy
from counterseal.ports import Clock
from counterseal.wire.members import format_time
from counterseal_keys import KeyFiles, private_files
from counterseal_server.after_restore import NOTE, Restored
from counterseal_server.backups import (
    DATABASE,
    MASTER,
    OTHER_STORES,
    OWNER_ONLY,
    SETTINGS_FILE,
    Manifest,
    digest_of,
    read_manifest,
    require_sqlite,
    sync_path,
)
from counterseal_server.head_memory import HEAD_NOTE, FileHeadMemory
from counterseal_server.records import sqlite_file
from counterseal_server.settings import KEYS_FOLDER, Settings
from counterseal_sql import require_schema, require_sound

CLOCK_SKEW = timedelta(minutes=5)
"""By how much the clock may be behind that of the machine that made the backup."""

UNIMPORTANT = frozenset({".lock", "lost+found"})
"""What an empty data folder may contain."""


@attrs.frozen(kw_only=True)
class Restoration:
    """
    A finished restore.

    Attributes:
        manifest: The backup's.
        restored: When the backup and the restore were made.
        opened: Whether a master key is here that opens the signing keys; without one, the service
            does not start.
    """

    manifest: Manifest
    restored: Restored
    opened: bool


def restore(settings: Settings, source: Path, clock: Clock) -> Restoration:
    """
    Make the backup in *source* the data folder of the service.

    If it fails, the data folder is as it was.

    Args:
        settings: The settings of the service; *settings.data* is the folder.
        source: The backup.
        clock: Says when it was restored.

    Raises:
        InvalidField: The data folder is not empty; the backup is broken, of another kind, of a
            newer release, or from the future; the store is set to another one; or the master key
            that is here did not seal the keys of the backup.
        SchemaTooNew: A newer release has migrated the database of the backup.
        UnfitCopy: The database of the backup is damaged.
        OSError: A file cannot be read or written.
    """
    manifest = read_manifest(source)
    require_sqlite(manifest)
    if settings.store is not None and sqlite_file(settings.store) != settings.database_file:
        file = sqlite_file(settings.store)
        raise InvalidField(
            "store",
            OTHER_STORES
            if file is None
            else f"{file} is not in the data folder, into which a backup is restored",
        )
    require_schema(str(source / DATABASE), manifest.schema)
    now = clock.now()
    if manifest.made_at > now + CLOCK_SKEW:
        raise InvalidField(
            "source",
            f"it was made at {format_time(manifest.made_at)}, and the clock of this machine says"
            f" {format_time(now)}: correct the clock",
        )
    restored = Restored(backed_up_at=manifest.made_at, restored_at=now)
    with _empty(settings.data), _staging(settings.data) as folder:
        _copy(source, folder, manifest)
        schema = require_sound(folder / DATABASE)
        if schema != manifest.schema:
            raise InvalidField("source", f"its database has schema {schema}, not the manifest's")
        opened = _opens(settings, folder, manifest, clock)
        restored.write(folder)
        # The log of the backup may end earlier than the one that other machines remember.
        FileHeadMemory(folder).mark_replaced(now)
        _move(folder, settings.data)
    return Restoration(manifest=manifest, restored=restored, opened=opened)


@contextmanager
def _empty(data: Path) -> Iterator[None]:
    """Require an empty folder, alone with it; one that was created is removed on an error."""
    created = not data.exists()
    with private_files.lock(private_files.make_folder(data)):
        present = sorted({path.name for path in data.iterdir()} - UNIMPORTANT)
        if present:
            raise InvalidField("data", f"{data} is not empty: it has {', '.join(present[:3])}")
        try:
            yield
        except BaseException:
            if created:
                shutil.rmtree(data, ignore_errors=True)
            raise


@contextmanager
def _staging(data: Path) -> Iterator[Path]:
    """Yield a folder in *data* (which may be a volume), and remove it."""
    folder = Path(tempfile.mkdtemp(prefix=".restore.", dir=data))
    try:
        yield folder
    except BaseException:
        for name in (DATABASE, NOTE, HEAD_NOTE):
            (data / name).unlink(missing_ok=True)
        shutil.rmtree(data / KEYS_FOLDER, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, folder: Path, manifest: Manifest) -> None:
    (folder / KEYS_FOLDER).mkdir(mode=private_files.FOLDER_MODE)
    for name, digest in manifest.files.items():
        copy = folder / name
        try:
            shutil.copyfile(source / name, copy)
        except OSError as error:
            problem = f"cannot copy {source / name}: {error.strerror}"
            raise InvalidField("source", problem) from None
        copy.chmod(OWNER_ONLY)
        # Of the copy: whatever the other one becomes, this one is what is restored.
        if digest_of(copy) != digest:
            raise InvalidField("source", f"{source / name} is not the file of the manifest")
        sync_path(copy)


def _opens(settings: Settings, folder: Path, manifest: Manifest, clock: Clock) -> bool:
    """Return whether a master key is here; it must open the signing keys."""
    file = folder / MASTER if MASTER in manifest.files else settings.master_key_file
    if settings.master_key is None and not file.exists():
        return False
    keys = KeyFiles(
        folder / KEYS_FOLDER,
        SystemEntropy(),
        clock,
        master_key=settings.master_key,
        master_key_file=file,
    )
    try:
        keys.signer.jwks()
    except (SignerUnavailable, SealBroken) as error:
        problem = "the master key that is here did not seal the signing keys of the backup"
        raise InvalidField("source", problem) from error
    return True


def _move(folder: Path, data: Path) -> None:
    (folder / SETTINGS_FILE).unlink(missing_ok=True)
    for name in (KEYS_FOLDER, NOTE, HEAD_NOTE, DATABASE):
        (folder / name).rename(data / name)
    sync_path(data / KEYS_FOLDER)
    sync_path(data)
