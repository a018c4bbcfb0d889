"""The installation that the checks look at: settings, files, store, network and clock."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import attrs

from counterseal import Ports
from counterseal.errors import InvalidField, Misuse, Refused, Unavailable
from counterseal.memory import SystemClock, SystemEntropy, memory_ports
from counterseal.ports import Clock
from counterseal_keys import KeyFiles
from counterseal_server.authorities import AddedAuthorities
from counterseal_server.configuration import SourcedValue
from counterseal_server.doctor.finding import NotChecked
from counterseal_server.records import opened
from counterseal_server.records.records import Records
from counterseal_server.settings import Settings

PACKAGES = "counterseal"
"""How the names of this project's distributions begin."""


@attrs.frozen
class DiskSpace:
    """
    What is free on a file system, for a user who is not root.

    Attributes:
        octets: Free octets.
        files: How many more files there may be; None where that has no limit.
    """

    octets: int
    files: int | None


def disk_space(folder: Path) -> DiskSpace:
    """
    Return what is free where *folder* is.

    Raises:
        OSError: It cannot be read.
    """
    status = os.statvfs(folder)
    return DiskSpace(status.f_bavail * status.f_frsize, status.f_favail if status.f_files else None)


def is_read_only(path: Path) -> bool:
    """
    Tell whether the file system of *path* is mounted read-only, as that of a cluster's Secret is.

    Raises:
        OSError: It cannot be read.
    """
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def installed_versions() -> dict[str, str]:
    """Return the version of each installed distribution of this project, by its name."""
    return {
        distribution.name: distribution.version
        for distribution in importlib.metadata.distributions()
        if distribution.name.partition("-")[0] == PACKAGES
    }


@attrs.frozen(kw_only=True)
class Installation:
    """
    One installation of the service.

    Attributes:
        settings: Its settings.
        sourced_values: The settings that are set, with their sources.
        network: Whether push services are called too.
        timeout: The longest that one request may take.
        clock: The clock of this machine.
        user: The numeric id of the user who runs the checks.
        disk_space: Returns what is free where a folder is.
        is_read_only: Tells whether the file system of a path is mounted read-only.
        versions: Returns the versions of the installed distributions.
    """

    settings: Settings
    sourced_values: Mapping[str, SourcedValue] = attrs.field(factory=dict)
    network: bool = False
    timeout: timedelta = timedelta(seconds=5)
    clock: Clock = attrs.field(factory=SystemClock)
    user: int = attrs.field(factory=os.geteuid)
    disk_space: Callable[[Path], DiskSpace] = disk_space
    is_read_only: Callable[[Path], bool] = is_read_only
    versions: Callable[[], Mapping[str, str]] = installed_versions

    def open_keys(self) -> KeyFiles:
        """
        Return the key files.

        Raises:
            UnfitMasterKey: The environment's master key is not 32 bytes in base64.
        """
        return KeyFiles(
            self.settings.keys_folder,
            SystemEntropy(),
            self.clock,
            master_key=self.settings.master_key,
            master_key_file=self.settings.master_key_file,
        )

    def open_authorities(self) -> AddedAuthorities:
        """
        Return the authorities that certificates need.

        Raises:
            NotChecked: `ca_file` cannot be used.
        """
        authorities = AddedAuthorities(self.settings.ca_file, self.clock)
        try:
            authorities.read()
        except InvalidField:
            raise NotChecked("`ca_file` cannot be used, see `authorities`") from None
        return authorities

    @contextmanager
    def open_records(self) -> Iterator[Records]:
        """
        Open the store; nothing is migrated.

        Raises:
            InvalidField: A part of its address is invalid, or an extra is missing.
            UnfitUrl: The URL is of an unknown kind.
            Unavailable: A cluster did not name its servers.
            NotChecked: The database is a file of another user: SQLite writes files beside it,
                which the service could then not open.
        """
        with closing(opened(self.settings.store_address)) as records:
            file = records.file
            if file is not None and file.exists() and file.stat().st_uid != self.user:
                raise NotChecked("the database belongs to another user: run this as that user")
            yield records

    @contextmanager
    def open_ports(self) -> Iterator[Ports]:
        """
        Open the store for reading records; the ports that store nothing are in memory.

        Raises:
            NotChecked: The store does not respond, or has to be upgraded first.
        """
        with self.open_records_of_release() as records:
            yield records.joined(memory_ports(clock=self.clock))

    @contextmanager
    def open_records_of_release(self) -> Iterator[Records]:
        """
        Open the store, if this release can read what is in it.

        Raises:
            NotChecked: It does not respond, or has to be upgraded first.
        """
        with ExitStack() as stack:
            try:
                records = stack.enter_context(self.open_records())
                schema = records.schema()
            except (Misuse, Refused, Unavailable):
                raise NotChecked("the store does not respond, see `store`") from None
            if schema.is_outdated or schema.is_too_new:
                raise NotChecked("the store is not of this release, see `store`")
            yield records
