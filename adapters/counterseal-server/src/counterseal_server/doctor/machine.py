"""Checks of the machine: its clock, packages, data folder, and the authorities it trusts."""

from __future__ import annotations

import os
import platform
import pwd
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from counterseal.errors import InvalidField
from counterseal_http import NotAttempted
from counterseal_server.authorities import AddedAuthorities
from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import PACKAGES, Installation

BUILT = datetime(2026, 11, 1, tzinfo=UTC)
"""Before this release was made; no right clock shows an earlier time."""

NOTABLE = timedelta(seconds=2)

MEGABYTE = 1_000_000
LEAST_OCTETS, FEW_OCTETS = 100 * MEGABYTE, 1_000 * MEGABYTE
LEAST_FILES = 1_000
OTHERS = 0o077
"""What a mode gives to users who are not the owner."""

RENEWAL = timedelta(days=30)
"""An authority's certificate takes longer to replace than a server's."""


def check_clock(installation: Installation) -> Iterator[Finding]:
    """Compare the clock with the release and with the clocks of the store's servers."""
    advice = "synchronise the clocks of all machines, for example with chrony"
    now = installation.clock.now()
    if now < BUILT:
        yield failure("clock_behind_release", f"the clock shows {now:%Y-%m-%d}", advice)
        return
    with installation.open_records_of_release() as records:
        before = installation.clock.now()
        server_times = records.server_times()
        after = installation.clock.now()
    if not server_times:
        yield fine("clock_plausible", "the clock is plausible; the store has none of its own")
        return
    middle = before + (after - before) / 2
    skew = max(abs(time - middle) for time in server_times) - (after - before) / 2
    seconds = f"{max(skew.total_seconds(), 0):.1f} s"
    if skew > installation.settings.policy.proof_future:
        yield failure("clock_skewed", f"the clock differs by {seconds} from the store's", advice)
    elif skew > NOTABLE:
        yield warning("clock_drifting", f"the clock differs by {seconds} from the store's", advice)
    else:
        yield fine("clock_synchronous", f"the clock differs by {seconds} from the store's")


def check_packages(installation: Installation) -> Iterator[Finding]:
    """Check that all packages of Counterseal are of one release."""
    versions = installation.versions()
    core = versions.get(PACKAGES)
    others = [f"{name} {version}" for name, version in sorted(versions.items()) if version != core]
    if core is None:
        yield failure("core_missing", f"{PACKAGES} is not installed as a package", "install it")
    elif others:
        yield failure(
            "packages_differ",
            f"{PACKAGES} is {core}, but {', '.join(others)}",
            "install all packages of one release",
        )
    else:
        yield fine(
            "packages_equal",
            f"{len(versions)} packages of {core}; Python {platform.python_version()}",
        )


def check_data_folder(installation: Installation) -> Iterator[Finding]:
    """Check the folder's owner, mode and free space."""
    folder = installation.settings.data
    try:
        status = folder.stat()
    except OSError as error:
        yield failure(
            "data_missing",
            f"{folder}: {error.strerror}",
            "correct `data`, or run `counterseal init` for a new service",
        )
        return
    if status.st_uid != installation.user:
        owner = name_of(status.st_uid)
        yield failure(
            "data_foreign",
            f"{folder} belongs to {owner}, and this command runs as {name_of(installation.user)}",
            f"run it as {owner}, or correct the owner",
        )
    elif installation.is_read_only(folder) and installation.settings.store is not None:
        yield fine("data_read_only", f"{folder} is mounted read-only; the records are elsewhere")
        return
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield failure("data_closed", f"{folder} cannot be written", f"chmod 700 {folder}")
    if status.st_mode & OTHERS:
        yield failure(
            "data_open",
            f"other users may enter {folder} (mode {status.st_mode & 0o777:04o})",
            f"chmod 700 {folder}",
        )
    yield _check_space(installation, folder)


def _check_space(installation: Installation, folder: Path) -> Finding:
    space = installation.disk_space(folder)
    free = f"{space.octets // MEGABYTE:,} MB are free for {folder}"
    # Both commands write to the store first, and its file does not get smaller.
    advice = (
        "delete or move other files, or enlarge the disk; then `counterseal audit archive` and"
        " `counterseal store purge` let the database use its own space again"
    )
    if space.files is not None and space.files < LEAST_FILES:
        return failure("files_exhausted", f"only {space.files} more files fit there", advice)
    if space.octets < LEAST_OCTETS:
        return failure("disk_full", f"only {free}", advice)
    if space.octets < FEW_OCTETS:
        return warning("disk_filling", f"only {free}", advice)
    return fine("space_free", free)


def name_of(user: int) -> str:
    """Return the name of a user; its number if it has no name."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def check_authorities(installation: Installation) -> Iterator[Finding]:
    """Read the certificates that every call by https needs: callbacks, pushes and providers."""
    authorities = AddedAuthorities(installation.settings.ca_file, installation.clock)
    try:
        certificates = authorities.read()
    except InvalidField as error:
        yield failure(
            "ca_file_unusable",
            str(error),
            "correct the file or `ca_file`: with this one, the service does not start",
        )
        return
    try:
        authorities.load()
    except NotAttempted as error:
        yield failure(
            "authorities_unreadable",
            str(error),
            "install or restore the system's package of certificates, such as `ca-certificates`",
        )
        return
    yield fine("authorities_read", "the certificates of this machine's authorities can be read")
    if not certificates:
        return
    now = installation.clock.now()
    yield fine(
        "ca_file_read",
        f"{len(certificates)} certificates of {installation.settings.ca_file} are trusted too",
    )
    for certificate in certificates:
        if certificate.has_ended(now):
            yield warning(
                "ca_file_expired",
                certificate.describe_validity(now),
                "remove it, or replace it by the authority's new one",
            )
        elif certificate.ends_at - now < RENEWAL:
            yield warning(
                "ca_file_expiring",
                certificate.describe_validity(now),
                "add the authority's new one beside it, and restart the service",
            )
