"""Checks of Python and of the installed packages."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from counterseal_server.doctor.finding import Finding, failure, fine
from counterseal_server.doctor.installation import PACKAGES, Installation


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
