"""
The lowest release of a dependency with which the tests of its users pass.

It is found by halving the releases that the index has, so it takes that what works with a release
works with each newer one. Everything else has the version of uv.lock; `nox -s floor` then tests all
lowest versions at once.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.packages import ROOT, Package, python_packages

LISTED = re.compile(r"^Available versions: (.*)$", re.MULTILINE)

CONFLICT = re.compile(r"^The package `([^`]+)` requires `([^`]+)`, but ", re.MULTILINE)


class Index(Protocol):
    """A package index."""

    def releases(self, name: str) -> list[Version]:
        """Return the final releases of a package, in any order."""


class Suite(Protocol):
    """The tests that are run with a release."""

    def passes(self, name: str, version: Version) -> bool:
        """Tell whether the release can be installed, and the tests pass with it."""


def lowest_passing(
    releases: Sequence[Version], passes: Callable[[Version], bool]
) -> Version | None:
    """
    Return the lowest of *releases* that passes, or None if the newest does not.

    Each one is tried once at most, the one before the lowest among them.
    """
    ordered = sorted(releases)
    if not ordered or not passes(ordered[-1]):
        return None
    lower, upper = 0, len(ordered) - 1  # what is below *lower* fails, and *upper* passes
    while lower < upper:
        middle = (lower + upper) // 2
        if passes(ordered[middle]):
            upper = middle
        else:
            lower = middle + 1
    return ordered[upper]


def find_lowest(
    name: str, index: Index, suite: Suite, say: Callable[[str], None]
) -> Version | None:
    """Return the lowest release of *name* with which *suite* passes; *say* each one tried."""

    def passes(version: Version) -> bool:
        passed = suite.passes(name, version)
        say(f"{name} {version}: {'passes' if passed else 'fails'}")
        return passed

    return lowest_passing(index.releases(name), passes)


def users(name: str, packages: Sequence[Package]) -> list[tuple[Package, Requirement]]:
    """Return which of *packages* ask for *name*, and how."""
    return [
        (package, requirement)
        for package in packages
        for requirement in map(Requirement, package.requirements)
        if canonicalize_name(requirement.name) == canonicalize_name(name)
    ]


class IndexOfPip:
    """The index that pip asks, as it is configured; only what suits this Python counts."""

    def releases(self, name: str) -> list[Version]:
        """
        Return the final releases of a package.

        Raises:
            LookupError: The index has none.
        """
        command = ["uvx", "pip", "index", "versions", name]
        ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        listed = LISTED.search(ended.stdout)
        if listed is None:
            raise LookupError(f"{name}: {ended.stderr}")
        versions = []
        for text in listed[1].split(", "):
            with suppress(InvalidVersion):
                versions.append(Version(text))
        return [version for version in versions if not version.is_prerelease]


class SuiteOfUsers:
    """The tests of packages, in an environment that has what uv.lock says but for one release."""

    def __init__(
        self, asking: Sequence[tuple[Package, Requirement]], environment: Path, words: list[str]
    ) -> None:
        """
        Take what is tried.

        Args:
            asking: The packages, and how they ask for the dependency.
            environment: A folder to write; each release gets it anew.
            words: Paths and options of pytest, instead of the folders of the packages' tests.
        """
        # The core's group of tests has pytest.
        names = sorted({"counterseal", *(package.name for package, _ in asking)})
        self._selection = [f"--package={name}" for name in names]
        self._extras = sorted({extra for _, requirement in asking for extra in requirement.extras})
        self._environment = environment
        self._words = words or sorted({str(package.folder / "tests") for package, _ in asking})

    def passes(self, name: str, version: Version) -> bool:
        """Make the environment, install the release into it, and run the tests."""
        extras = f"[{','.join(self._extras)}]" if self._extras else ""
        python = f"--python={self._environment}"
        sync = ["uv", "sync", "--frozen", "--quiet", "--all-extras", "--no-default-groups"]
        sync += ["--group=tests", f"--python={sys.executable}", *self._selection]
        install = ["uv", "pip", "install", "--quiet", python, f"{name}{extras}=={version}"]
        program = self._environment / "bin" / "python"
        test = [program, "-m", "pytest", "-q", "-x", *self._words]
        variables = os.environ | {"UV_PROJECT_ENVIRONMENT": str(self._environment)}
        return (
            self._succeeds(sync, variables)
            and self._succeeds(install, variables)
            and self._fits(name)
            and self._succeeds(test, variables)
        )

    def _succeeds(self, command: Sequence[str | Path], variables: Mapping[str, str]) -> bool:
        return subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode == 0

    def _fits(self, name: str) -> bool:
        """Tell whether no package of others asks for another release of *name*."""
        command = ["uv", "pip", "check", f"--python={self._environment}"]
        ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        conflicts = {
            (canonicalize_name(package), canonicalize_name(Requirement(requirement).name))
            for package, requirement in CONFLICT.findall(ended.stderr)
        }
        return not any(
            needed == canonicalize_name(name) and not package.startswith("counterseal")
            for package, needed in conflicts
        )


def say_lowest(name: str, words: list[str]) -> list[str]:
    """Print the lowest release of a dependency that passes, beside what our packages ask for."""
    asking = users(name, python_packages())
    if not asking:
        return [f"no package of ours asks for {name}"]
    for package, requirement in asking:
        print(f"{package.name} asks for {requirement}")
    with tempfile.TemporaryDirectory(prefix="counterseal-lowest-") as folder:
        suite = SuiteOfUsers(asking, Path(folder) / "environment", words)
        version = find_lowest(name, IndexOfPip(), suite, lambda line: print(line, flush=True))
    if version is None:
        return [f"{name}: the newest release fails"]
    print(f"{name}: the lowest is {version}")
    return []
