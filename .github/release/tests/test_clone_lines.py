"""
What a page installs from a clone is complete: pip finds all of our packages in the command itself.

Our packages are on no index yet, so each line for a clone has to name the folder of each package
that it needs. The index here has a stand-in for each package of others in `uv.lock`, and none of
ours, so nothing is downloaded.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from release.packages import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/how-to/**/*.md")),
    *sorted(ROOT.glob("docs/tutorial/*.md")),
    *sorted(ROOT.glob("adapters/*/README.md")),
]
COMMAND = re.compile(r"pip install ([^`\n]+)")
FROM_CLONE = re.compile(r"(?:^|[\s\"])(?:\.|\.\[[a-z,]+\]|(?:\./)?adapters/\S+)(?=[\s\"]|$)")
EXTRAS = re.compile(r"(?<![\w/.-])(counterseal(?:-[a-z0-9]+)?)\[([a-z, ]+)\]")
PLAIN = re.compile(r"pip install \"?(counterseal(?:-[a-z0-9]+)?)(?![\w\[-])")
PLACEHOLDER = "NAME"
CLONE = "-r adapters/counterseal-server/deploy/clone.txt"
BASE = re.compile(r"(?:^|\s)\"?\.[\s\"\[]|clone\.txt")
"""What installs the core too; other commands add to an environment that has the service."""

INSTALLED = re.compile(r"^ \+ ([a-z0-9-]+)(?:==| @ )", re.MULTILINE)

SETTINGS = "counterseal-server"
"""Its README has the reference of all settings, which only names the extra that each needs."""


def text_of_page(page):
    """Return a page, with each command in one line."""
    return re.sub(r" \\\n\s*", " ", page.read_text("utf-8"))


def clone_lines(page):
    """Return what follows `pip install` in each line for a clone."""
    arguments = [re.split(r" &&| #", command)[0] for command in COMMAND.findall(text_of_page(page))]
    lines = [line.strip() for line in arguments if FROM_CLONE.search(line)]
    return [line for line in lines if PLACEHOLDER not in line]


def requirements_of(page):
    """Return the packages, and their extras, that a page says to install."""
    text = text_of_page(page)
    plain = {(name, "") for name in PLAIN.findall(text)}
    extras = {
        (name, extra.strip()) for name, names in EXTRAS.findall(text) for extra in names.split(",")
    }
    return sorted(plain | extras)


def id_of(page):
    return str(page.relative_to(ROOT))


LINES = sorted({(id_of(page), line) for page in PAGES for line in clone_lines(page)})
REQUIREMENTS = [
    (id_of(page), name, extra)
    for page in PAGES
    if page.parent.name != SETTINGS
    for name, extra in requirements_of(page)
]


def project(name):
    """Return the table `project` of one of our packages."""
    folder = ROOT if name == "counterseal" else ROOT / "adapters" / name
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """Return a folder with an empty wheel for each version of others' packages in the lock."""
    folder = tmp_path_factory.mktemp("index")
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    for package in lock["package"]:
        if "registry" not in package["source"]:
            continue
        name, version = package["name"].replace("-", "_"), package["version"]
        extras = "".join(f"Provides-Extra: {extra}\n" for extra in extras_of_others(lock, package))
        metadata = f"Metadata-Version: 2.4\nName: {package['name']}\nVersion: {version}\n{extras}"
        info = f"{name}-{version}.dist-info"
        wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{info}/METADATA", metadata)
            archive.writestr(f"{info}/WHEEL", wheel)
            archive.writestr(f"{info}/RECORD", "")
    return folder


def extras_of_others(lock, package):
    """Return the extras of a package that others name."""
    return sorted(package.get("optional-dependencies", {}))


@pytest.fixture(scope="session")
def resolve(index, tmp_path_factory):
    """Return a function that returns what `pip install` would install, or fails as it would."""
    work, resolved = tmp_path_factory.mktemp("work"), {}
    options = ["--dry-run", "--no-sources", "--no-index", "--no-build-isolation", "--offline"]
    options += [f"--find-links={index}", f"--python={sys.executable}", f"--target={work / 'empty'}"]
    script = f'install() {{ uv pip install {shlex.join(options)} "$@"; }}; install '
    removed = ("VIRTUAL_ENV", "UV_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(removed)}
    environment = inherited | {"UV_CACHE_DIR": str(work / "cache"), "NO_COLOR": "1"}

    def names_of(line):
        command = line if BASE.search(f"{line} ") else f"{CLONE} {line}"
        command = re.sub(r"(?:^|\s)--quiet\b", "", command)
        if command not in resolved:
            ended = subprocess.run(
                ["bash", "-c", script + command],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            assert ended.returncode == 0, f"{line}\n{ended.stderr}"
            resolved[command] = set(INSTALLED.findall(ended.stderr))
        return resolved[command]

    return names_of


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_line_for_a_clone_installs_what_it_names(page, line, resolve):
    assert "counterseal" in resolve(line)


@pytest.mark.parametrize(("page", "name", "extra"), REQUIREMENTS)
def test_each_package_that_a_page_names_has_its_line_for_a_clone(page, name, extra, resolve):
    described = project(name)
    needed = {canonicalize_name(name)}
    if extra:
        requirements = map(Requirement, described["optional-dependencies"][extra])
        needed |= {canonicalize_name(requirement.name) for requirement in requirements}
    lines = clone_lines(ROOT / page)
    assert any(needed <= resolve(line) for line in lines), (needed, lines)
