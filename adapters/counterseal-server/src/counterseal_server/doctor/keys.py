"""Checks of the key files, their modes, and the master key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from counterseal.errors import CountersealError, SealBroken
from counterseal.models import Admin
from counterseal_keys import sealing_key_id
from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import Installation
from counterseal_server.doctor.machine import OTHERS, name_of

STRANGERS = 0o007
"""What a mode gives to users who are neither the owner nor in the group."""
GROUP_WRITES = 0o020


def check_key_files(installation: Installation) -> Iterator[Finding]:
    """Check who may read the files with secrets."""
    folder = installation.settings.keys_folder
    paths = [folder, *sorted(folder.iterdir())] if folder.is_dir() else []
    # An administrator may give the service files by a group.
    others = [path for path in _other_files(installation) if path not in paths]
    problems: list[Finding] = []
    for path in [*paths, *others]:
        if installation.is_read_only(path):
            problems += _check_mounted_file(path)
        elif path in others:
            problems += _check_file(path, STRANGERS | GROUP_WRITES, None)
        else:
            problems += _check_file(path, OTHERS, installation.user)
    yield from problems
    if not paths:
        yield failure(
            "keys_missing",
            f"there is no folder {folder}",
            "correct `data`, restore the folder, or run `counterseal init` for a new service",
        )
    elif not problems:
        readers = "its owner and group" if installation.is_read_only(folder) else "its owner"
        yield fine("modes_private", f"nobody but {readers} can read {folder}")


def check_signing_keys(installation: Installation) -> Iterator[Finding]:
    """Check that the signing keys can be opened, and are sealed by the newest master key."""
    keys = installation.open_keys()
    try:
        published = keys.signer.jwks()
    except CountersealError as error:
        yield failure(
            "signing_keys_closed",
            str(error),
            "restore the key files, and give COUNTERSEAL_MASTER_KEY as the service has it",
        )
        return
    yield fine(
        "signing_keys_open",
        f"they open, {len(published)} in all; {published[0].thumbprint} signs",
    )
    if not keys.sealed_by_newest():
        yield warning(
            "signing_keys_sealed_by_older",
            "another master key than the first one has sealed the signing keys",
            "if the first one is right, run `counterseal keys reseal`",
        )


def check_master_key(installation: Installation) -> Iterator[Finding]:
    """Check that there is a master key, and that the secrets in the store open with one."""
    keys = installation.open_keys()
    try:
        master_keys = keys.master_keys.load()
    except (CountersealError, OSError) as error:
        yield failure(
            "master_key_missing",
            str(error),
            "set COUNTERSEAL_MASTER_KEY as the service has it, or restore the file",
        )
        return
    source = "the environment" if keys.master_keys.in_environment else str(keys.master_keys.path)
    yield fine("master_key_read", f"the first of {len(master_keys)} is from {source}")
    key_ids = {key.id for key in master_keys}
    with installation.open_ports() as ports:
        records = ports.store.list(None)
    admins = [record for record in records if isinstance(record, Admin)]
    sealed_secrets = [one.sealed for admin in admins for one in admin.credentials if one.sealed]
    try:
        foreign = sum(sealing_key_id(sealed) not in key_ids for sealed in sealed_secrets)
    except SealBroken:
        foreign = len(sealed_secrets)
    if foreign:
        yield failure(
            "master_key_foreign",
            f"{foreign} secrets in the store were sealed by a master key that is not here",
            "`data` and `store` may belong to different services, or an older key is missing",
        )


def _other_files(installation: Installation) -> list[Path]:
    settings = installation.settings
    paths = [settings.master_key_file, settings.webpush_key_file]
    named_paths = (settings.store_file, settings.fcm_account_file, settings.relay_secret_file)
    paths += filter(None, named_paths)
    return [path for path in paths if path.exists()]


def _check_mounted_file(path: Path) -> Iterator[Finding]:
    """Check a file that an engine or a cluster shows; its folders have modes of their own."""
    if path.is_file() and path.stat().st_mode & STRANGERS:
        yield warning(
            "key_file_shared",
            f"every user here can read {path}, which is mounted read-only",
            "see that only you can enter its folder on the machine that it comes from",
        )


def _check_file(path: Path, forbidden: int, owner: int | None) -> Iterator[Finding]:
    status = path.stat()
    kind = "700" if path.is_dir() else "600"
    if status.st_mode & forbidden:
        yield failure(
            "key_file_open",
            f"other users have access to {path} (mode {status.st_mode & 0o777:04o})",
            f"chmod {kind} {path}",
        )
    if owner is not None and status.st_uid != owner:
        yield failure(
            "key_file_foreign",
            f"{path} belongs to {name_of(status.st_uid)}",
            f"chown {name_of(owner)} {path}, if the service runs as {name_of(owner)}",
        )
