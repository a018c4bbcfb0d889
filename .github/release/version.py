"""The version: one place has it, and one command writes what has to agree with it."""

import re
import subprocess
from pathlib import Path

from release.packages import (
    NPM_FOLDERS,
    ROOT,
    minor_range,
    python_packages,
    released_version,
)

VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?", re.ASCII)
RANGE = re.compile(r"(counterseal(?:-\w+)?(?:\[[\w,-]+\])?)>=\d+[\w.]*,<\d+\.\d+")
COPIES = (
    "adapters/counterseal-js/device/README.md",
    "adapters/counterseal-js/device/package.json",
    "adapters/counterseal-js/origin/README.md",
    "adapters/counterseal-js/origin/package.json",
    "adapters/counterseal-pwa/src/counterseal_pwa/static/platform.js",
    "docs/how-to/ask-from-node.md",
)
"""Files that have the version as npm writes it."""

RANGES = ("docs/decisions/workspace.md", "docs/how-to/write-an-adapter.md")
"""Pages that show the range of versions."""

UNPUBLISHED = re.compile(r"not\s+on\s+(?:PyPI|npm)\s+yet")
"""What pages and READMEs say until the first release."""


def write_version(version: str, root: Path = ROOT) -> None:
    """
    Write *version* into every file that has it, and the range that it means.

    Raises:
        ValueError: *version* is not of the form `1.2.3` or `1.2.3rc1`.
    """
    if not VERSION.fullmatch(version):
        raise ValueError(f"not a version: {version}")
    former = released_version(root)
    replace(root / "pyproject.toml", f'version = "{former}"', f'version = "{version}"')
    for copy in COPIES:
        replace(root / copy, npm_version(former), npm_version(version))
    manifests = [package.folder / "pyproject.toml" for package in python_packages(root)]
    for file in (*manifests, *RANGES):
        text = (root / file).read_text("utf-8")
        changed = RANGE.sub(rf"\1{minor_range(version)}", text)
        (root / file).write_text(changed, "utf-8")


def npm_version(version: str) -> str:
    """Return *version* as npm writes it: `1.2.3rc1` is `1.2.3-rc.1`."""
    return re.sub(r"(?<=\d)(a|b|rc)(\d+)$", r"-\1.\2", version)


def replace(file: Path, former: str, present: str) -> None:
    """
    Replace a text that *file* has.

    Raises:
        ValueError: *file* does not have it.
    """
    text = file.read_text("utf-8")
    if former not in text:
        raise ValueError(f"{file} does not have {former}")
    file.write_text(text.replace(former, present), "utf-8")


def problems_of_tag(tag: str, root: Path = ROOT) -> list[str]:
    """Return why the commit must not be released under *tag*; empty if it may."""
    version = released_version(root)
    problems = []
    if tag != f"v{version}":
        problems.append(f"the tag is {tag}, and the version is {version}")
    fragments = sorted(
        path.name for path in (root / "docs/changelog.d").iterdir() if path.name != "README.md"
    )
    if fragments:
        problems.append(f"not in CHANGELOG.md: {', '.join(fragments)}")
    if f"\n## {version} " not in (root / "CHANGELOG.md").read_text("utf-8"):
        problems.append(f"CHANGELOG.md has no section {version}")
    folders = [*(package.folder for package in python_packages(root)), *map(Path, NPM_FOLDERS)]
    pages = [root / folder / "README.md" for folder in folders]
    statements = {
        page.relative_to(root): UNPUBLISHED.search(page.read_text("utf-8"))
        for page in sorted([*pages, *(root / "docs").rglob("*.md")])
    }
    untrue = [f'{page} says "{match.group()}"' for page, match in statements.items() if match]
    return [*problems, *untrue]


def assemble_changelog(version: str, date: str, root: Path = ROOT) -> None:
    """Join the files of `docs/changelog.d` into CHANGELOG.md, and remove them."""
    command = ["towncrier", "build", "--yes", "--version", version, "--date", date]
    subprocess.run(command, cwd=root, check=True)


def release_notes(version: str, root: Path = ROOT) -> str:
    """Return the section of *version* in CHANGELOG.md, or what is not released yet."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    section = re.search(rf"^## {re.escape(version)} .*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return section.group().strip() + "\n" if section else draft(version, root)


def draft(version: str, root: Path = ROOT) -> str:
    """Return the section that the files of `docs/changelog.d` would be."""
    command = ["towncrier", "build", "--draft", "--version", version, "--date", "not released"]
    ended = subprocess.run(command, cwd=root, check=True, capture_output=True, encoding="utf-8")
    return ended.stdout.strip() + "\n"
