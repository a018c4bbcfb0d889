"""The packages of a release: those for Python and those for npm, as their folders describe them."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NPM_FOLDERS = ("adapters/counterseal-js/device", "adapters/counterseal-js/origin")
"""The folders of the packages for npm; other files `package.json` describe tools of tests."""


@dataclass(frozen=True)
class Package:
    """
    A package for Python.

    Attributes:
        folder: Where its `pyproject.toml` is, relative to the repository.
        metadata: The table `project` of that file.
        hatch: The table `tool.hatch`.
    """

    folder: Path
    metadata: dict[str, Any]
    hatch: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name at the package index."""
        return str(self.metadata["name"])

    @property
    def module(self) -> str:
        """The name that programs import."""
        return self.name.replace("-", "_")

    @property
    def requirements(self) -> list[str]:
        """What it needs, extras included."""
        extras = self.metadata.get("optional-dependencies", {}).values()
        return [
            *self.metadata.get("dependencies", []),
            *(each for extra in extras for each in extra),
        ]

    @property
    def sources(self) -> Path:
        """The folder of its modules, relative to the repository."""
        return self.folder / "src" / self.module

    @property
    def built_from(self) -> list[str]:
        """What its wheel lacks, relative to its folder: the wheel has what is built from it."""
        wheel = self.hatch.get("build", {}).get("targets", {}).get("wheel", {})
        return list(wheel.get("exclude", []))


def python_packages(root: Path = ROOT) -> list[Package]:
    """Return the core and every adapter that has a `pyproject.toml`, by name."""
    files = [root / "pyproject.toml", *root.glob("adapters/*/pyproject.toml")]
    documents = [(file, tomllib.loads(file.read_text("utf-8"))) for file in files]
    packages = [
        Package(
            file.parent.relative_to(root),
            document["project"],
            document.get("tool", {}).get("hatch", {}),
        )
        for file, document in documents
    ]
    return sorted(packages, key=lambda package: package.name)


def npm_packages(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Return what `package.json` says, by the folder."""
    return {
        folder: json.loads((root / folder / "package.json").read_text("utf-8"))
        for folder in NPM_FOLDERS
    }


def released_version(root: Path = ROOT) -> str:
    """Return the version that the core's `pyproject.toml` has: the one place."""
    document = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return str(document["project"]["version"])


def minor_range(version: str) -> str:
    """
    Return which versions of each other the packages accept: those of the same minor version.

    A pre-release is older than its release, so the packages of one accept nothing older than it.
    """
    major, minor, patch = version.split(".", 2)
    oldest = f"{major}.{minor}" if patch.isdecimal() else version
    return f">={oldest},<{major}.{int(minor) + 1}"


def repository_url(root: Path = ROOT) -> str:
    """Return the address of the repository, without a slash at the end."""
    document = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return str(document["project"]["urls"]["Source"]).rstrip("/")


def documentation_url(root: Path = ROOT) -> str:
    """Return the address of the built pages, with a slash at the end."""
    document = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return str(document["project"]["urls"]["Documentation"]).rstrip("/") + "/"
