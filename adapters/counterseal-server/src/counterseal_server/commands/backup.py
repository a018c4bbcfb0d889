"""`counterseal backup` and `counterseal restore`, for a service on SQLite."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

import counterseal_server as server
from counterseal.errors import InvalidField
from counterseal.wire.members import format_time
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_line


@click.command()
@click.argument("target")
@DATA
@CONFIG
@click.option("--dated", is_flag=True, help="Make a folder in TARGET that is named by the time.")
@click.option(
    "--keep",
    metavar="N",
    type=click.IntRange(min=1),
    help="With --dated: afterwards, delete older backups in TARGET, so that N are there.",
)
@click.option("--with-master-key", is_flag=True, help="Include the file of the master key.")
def backup(
    target: str,
    data: str | None,
    config: str | None,
    *,
    dated: bool,
    keep: int | None,
    with_master_key: bool,
) -> None:
    """
    Back up a service on SQLite to the new folder TARGET, while it runs.

    The backup has the database, the keys and the file of --config, and the digest of each.
    Without --with-master-key, nobody can use it who does not have the master key.
    """
    with plainly(), _ending_on_sigterm():
        if keep is not None and not dated:
            raise InvalidField("keep", "it needs --dated")
        clock, settings = server.SystemClock(), configured(config, data=data)
        folder = Path(target)
        if dated:
            folder /= server.dated_name(clock)
        manifest = server.back_up(
            settings,
            folder,
            clock,
            master_key=with_master_key,
            config=None if config is None else Path(config),
        )
        _print_backup(settings, folder, manifest)
        for name in () if keep is None else server.delete_older(folder, keep):
            print_line(f"deleted: {folder.parent / name}")


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, so that an unfinished backup, with its keys, is deleted."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command()
@click.argument("source")
@DATA
@CONFIG
def restore(source: str, data: str | None, config: str | None) -> None:
    """
    Make the backup in SOURCE the data folder of a service, which must be empty.

    Stop the service first, on every machine. `serve` then waits until everything has expired
    that may have been answered since the backup.
    """
    with plainly():
        settings = configured(config, data=data)
        _print_restoration(settings, server.restore(settings, Path(source), server.SystemClock()))


def _print_backup(settings: server.Settings, folder: Path, manifest: server.Manifest) -> None:
    print_line(f"written: {folder}")
    print_line(f"files: {', '.join(sorted(manifest.files))}")
    if manifest.has_master_key:
        print_line("the master key is in it: anyone who has this backup can read every secret")
    else:
        where = "COUNTERSEAL_MASTER_KEY" if settings.master_key else settings.master_key_file
        print_line(f"the master key is NOT in it: keep a copy of {where} in another place")
    if server.SETTINGS_FILE not in manifest.files:
        print_line("no settings file is in it: none was given by --config")
    for setting in server.files_elsewhere(settings):
        print_line(f"not in it: {setting}")


def _print_restoration(settings: server.Settings, restoration: server.Restoration) -> None:
    manifest, restored = restoration.manifest, restoration.restored
    made_at = format_time(manifest.made_at)
    print_line(f"restored: the backup of {made_at}, made by release {manifest.release}")
    if not restoration.opened:
        print_line(
            f"the master key is missing: before you start, put it into {settings.master_key_file}"
            " or COUNTERSEAL_MASTER_KEY"
        )
    if server.SETTINGS_FILE in manifest.files:
        print_line(f"the settings file is not restored: compare yours with {server.SETTINGS_FILE}")
    print_line("the audit log is not signed until you run counterseal audit renew")
    print_line(f"serve waits until {format_time(restored.ends_at(settings.serving_policy))}")
    print_line(f"lost: everything after {made_at}; repeat revocations, locks and erasures")
