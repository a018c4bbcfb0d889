"""Every package is released, and says of itself what users of a package index look for."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from hatchling.build import prepare_metadata_for_build_wheel
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from readme_renderer import markdown
from release.packages import (
    NPM_FOLDERS,
    ROOT,
    minor_range,
    npm_packages,
    python_packages,
    released_version,
    repository_url,
)
from release.readmes import absolute_links
from trove_classifiers import classifiers as known_classifiers

PACKAGES = python_packages()
CORE = next(package for package in PACKAGES if package.name == "counterseal")
OURS = {package.name for package in PACKAGES}
VERSION = released_version()
BY_PACKAGE = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
NPM = pytest.mark.parametrize("folder", NPM_FOLDERS)


def python_classifiers(package):
    return [each for each in package.metadata["classifiers"] if " :: Python :: " in each]


def built_metadata(package, tmp_path, monkeypatch):
    """Return what a wheel of *package* would say, read as an index reads it."""
    monkeypatch.chdir(ROOT / package.folder)
    folder = prepare_metadata_for_build_wheel(str(tmp_path))
    return Metadata.from_email((tmp_path / folder / "METADATA").read_bytes(), validate=True)


def test_every_folder_of_a_package_is_released():
    folders = {package.folder.as_posix() for package in PACKAGES}
    adapters = {f"adapters/{path.name}" for path in (ROOT / "adapters").iterdir() if path.is_dir()}
    assert folders == {".", *adapters} - {"adapters/counterseal-js"}


def test_every_package_of_npm_is_released():
    command = ["git", "ls-files", "*/package.json"]
    files = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    public = {
        str(Path(file).parent)
        for file in files.stdout.split()
        if not json.loads((ROOT / file).read_text("utf-8")).get("private")
    }
    assert public == set(NPM_FOLDERS)


@BY_PACKAGE
def test_the_metadata_is_valid_and_complete(package, tmp_path, monkeypatch):
    metadata = built_metadata(package, tmp_path, monkeypatch)
    assert metadata.name == package.name
    assert str(metadata.version) == VERSION
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.author == "The Counterseal authors"
    assert metadata.summary.endswith(".")
    assert len(metadata.summary) <= 120
    assert metadata.keywords == sorted(metadata.keywords)
    assert metadata.project_urls == CORE.metadata["urls"]
    assert str(metadata.requires_python) == CORE.metadata["requires-python"]
    assert metadata.description_content_type == "text/markdown"


@BY_PACKAGE
def test_the_classifiers_exist_and_name_the_same_pythons(package):
    classifiers = package.metadata["classifiers"]
    assert set(classifiers) <= known_classifiers
    assert classifiers == sorted(classifiers)
    assert python_classifiers(package) == python_classifiers(CORE)
    assert any(each.startswith("Development Status :: ") for each in classifiers)


@BY_PACKAGE
def test_a_package_needs_others_of_the_same_minor_version(package):
    requirements = [Requirement(text) for text in package.requirements]
    others = [each for each in requirements if each.name in OURS - {package.name}]
    assert package is CORE or others
    expected = Requirement(f"counterseal{minor_range(VERSION)}").specifier
    assert {each.name: each.specifier for each in others} == {
        each.name: expected for each in others
    }


@BY_PACKAGE
def test_the_readme_renders_and_its_links_work_elsewhere(package):
    text = (ROOT / package.folder / "README.md").read_text("utf-8")
    rendered = markdown.render(absolute_links(text, package.folder, repository_url(), VERSION))
    assert len(re.findall(r"<h1\b", rendered)) == 1
    addresses = re.findall(r'(?:href|src)="([^"]*)"', rendered)
    assert [each for each in addresses if not re.match(r"https?://|#", each)] == []
    start = re.compile(rf"{re.escape(repository_url())}/(?:blob|raw)/v{re.escape(VERSION)}/")
    paths = [start.sub("", each).partition("#")[0] for each in addresses if start.match(each)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@NPM
def test_a_package_of_npm_says_the_same(folder):
    document = npm_packages()[folder]
    urls = CORE.metadata["urls"]
    assert document["license"] == CORE.metadata["license"]
    assert document["homepage"] == urls["Documentation"]
    assert document["bugs"] == urls["Issues"]
    # npm refuses provenance of another repository than this one.
    assert document["repository"] == {
        "type": "git",
        "url": f"git+{urls['Source']}.git",
        "directory": folder,
    }
    assert document["description"].endswith(".")
    assert document["keywords"]


def test_links_are_those_of_the_tag():
    text = "[a](../../docs/x.md#y), ![b](c.svg), [d](https://example.com), [e](#f)"
    replaced = absolute_links(
        text, Path("adapters/counterseal-x"), "https://forge.example/r", "1.2.3"
    )
    assert replaced == (
        "[a](https://forge.example/r/blob/v1.2.3/docs/x.md#y), "
        "![b](https://forge.example/r/raw/v1.2.3/adapters/counterseal-x/c.svg), "
        "[d](https://example.com), [e](#f)"
    )


def test_the_environment_of_the_workflows_is_that_of_the_lock():
    command = ["uv", "export", "--frozen", "--offline", "--quiet", "--no-header"]
    ended = subprocess.run(
        [*command, "--only-group=nox"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert (ROOT / ".github" / "nox.txt").read_text("utf-8") == ended.stdout
