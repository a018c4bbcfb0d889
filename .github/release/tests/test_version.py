"""One place has the version: a command writes all others, and a wrong tag is refused."""

import shutil
import subprocess

import pytest
from packaging.requirements import Requirement
from release.packages import (
    ROOT,
    minor_range,
    npm_packages,
    python_packages,
    released_version,
)
from release.version import (
    assemble_changelog,
    npm_version,
    problems_of_tag,
    release_notes,
    write_version,
)

WITH_VERSION = ("*.toml", "*.json", "*.js", "*.md", "*.jinja")
"""Which files the copy has: those that may have a version, or are read with them."""


@pytest.fixture
def clone(tmp_path):
    """Return a copy of the files of the repository that have, or may have, the version."""
    command = ["git", "ls-files", "--", *WITH_VERSION]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    for file in listed.stdout.split("\n"):
        if file and (ROOT / file).is_file():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, tmp_path / file)
    return tmp_path


def files_with(text, root):
    """Return the files that have *text*, but for locks of others' packages."""
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file()
        and not path.name.endswith("-lock.json")
        and text in path.read_text("utf-8")
    )


def test_all_packages_have_the_version_that_stands_in_one_place():
    version = released_version()
    for package in python_packages():
        if package.name == "counterseal":
            continue
        assert "version" in package.metadata["dynamic"]
        assert package.hatch["version"]["path"] == "../../pyproject.toml"
    versions = {document["version"] for document in npm_packages().values()}
    assert versions == {npm_version(version)}
    platform = ROOT / "adapters/counterseal-pwa/src/counterseal_pwa/static/platform.js"
    assert f'"{npm_version(version)}"' in platform.read_text("utf-8")


def test_the_command_writes_every_file_that_has_the_version(clone):
    write_version("7.8.9", clone)
    write_version("17.18.19", clone)
    assert released_version(clone) == "17.18.19"
    assert files_with("7.8.9", clone) == []
    assert files_with("counterseal>=7.8,<7.9", clone) == []
    assert files_with(f"counterseal{minor_range(released_version())}", clone) == []
    for package in python_packages(clone):
        for requirement in package.requirements:
            assert not requirement.startswith("counterseal") or (
                requirement.endswith(">=17.18,<17.19") or requirement.startswith(f"{package.name}[")
            )


def test_a_candidate_is_written_as_npm_has_it(clone):
    write_version("1.2.0rc1", clone)
    assert {document["version"] for document in npm_packages(clone).values()} == {"1.2.0-rc.1"}
    write_version("1.2.0", clone)
    assert {document["version"] for document in npm_packages(clone).values()} == {"1.2.0"}


@pytest.mark.parametrize("version", ["1.2.0a1", "1.2.0rc1", "1.2.0", "1.2.10b2", "1.2.10"])
def test_the_packages_of_a_version_accept_each_other(clone, version):
    write_version("1.1.0rc3", clone)
    write_version(version, clone)
    for package in python_packages(clone):
        for requirement in map(Requirement, package.requirements):
            if requirement.name.startswith("counterseal") and requirement.name != package.name:
                assert requirement.specifier.contains(version), (package.name, requirement)
                assert not requirement.specifier.contains("1.1.9")
                assert not requirement.specifier.contains("1.3.0")


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.2.3.dev1", "1.2.3\n", ""])
def test_another_form_of_version_is_refused(clone, version):
    with pytest.raises(ValueError, match="not a version"):
        write_version(version, clone)


def publish(clone, version="0.2.0"):
    """Do what a maintainer does before the tag."""
    write_version(version, clone)
    assemble_changelog(version, "2031-02-03", clone)
    for problem in problems_of_tag(f"v{version}", clone):
        page, _, statement = problem.rstrip('"').partition(' says "')
        text = (clone / page).read_text("utf-8")
        (clone / page).write_text(text.replace(statement, "published"), "utf-8")


def test_before_the_first_release_each_package_has_one_fragment():
    if "\n## " in (ROOT / "CHANGELOG.md").read_text("utf-8"):
        pytest.skip("there is a release")
    names = {path.name for path in (ROOT / "docs/changelog.d").iterdir()}
    packages = ["counterseal", *(path.name for path in ROOT.glob("adapters/counterseal-*"))]
    assert names == {"README.md", *(f"{package}.added.md" for package in packages)}


def test_the_changelog_has_every_fragment(clone):
    fragments = [
        path.read_text("utf-8")
        for path in (clone / "docs/changelog.d").iterdir()
        if path.name != "README.md"
    ]
    (clone / "docs/changelog.d/codes.fixed.md").write_text("A fault is no more.\n", "utf-8")
    publish(clone)
    changelog = (clone / "CHANGELOG.md").read_text("utf-8")
    for fragment in fragments:
        assert fragment.strip() in changelog
    assert "## 0.2.0 (2031-02-03)\n\n### Added\n\n#### counterseal\n" in changelog
    assert "### Fixed\n\n#### codes\n\nA fault is no more.\n" in changelog
    remaining = [path.name for path in (clone / "docs/changelog.d").iterdir()]
    assert remaining == ["README.md"]
    assert problems_of_tag("v0.2.0", clone) == []


def test_the_notes_are_the_section_of_the_version(clone):
    publish(clone)
    first = release_notes("0.2.0", clone)
    (clone / "docs/changelog.d/codes.fixed.md").write_text("A fault is no more.\n", "utf-8")
    assert "not released" in release_notes("0.2.1", clone)
    publish(clone, "0.2.1")
    second = release_notes("0.2.1", clone)
    assert second == "## 0.2.1 (2031-02-03)\n\n### Fixed\n\n#### codes\n\nA fault is no more.\n"
    assert release_notes("0.2.0", clone) == first
    assert "A fault is no more" not in first


def test_a_tag_is_refused_until_everything_is_ready(clone):
    problems = problems_of_tag("v9.9.9", clone)
    assert problems[0] == f"the tag is v9.9.9, and the version is {released_version()}"
    assert problems[1].startswith("not in CHANGELOG.md: ")
    assert problems[2] == f"CHANGELOG.md has no section {released_version()}"
    assert problems[3:] == [
        'README.md says "not on PyPI yet"',
        'adapters/counterseal-js/device/README.md says "not on npm yet"',
        'adapters/counterseal-js/origin/README.md says "not on npm yet"',
        'docs/how-to/ask-from-node.md says "not on npm yet"',
        'docs/index.md says "not on PyPI yet"',
    ]
