"""What is checked of the files of a release; each planted mistake is found."""

import json
import os
import re
import shutil
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hatchling.build import build_sdist, build_wheel
from release.archives import pack, write_sums
from release.files import (
    expected_files,
    npm_problems,
    problems,
    python_problems,
    sbom_problems,
    site_problems,
    size_problems,
)
from release.packages import ROOT, python_packages, released_version
from release.sbom import sbom

EPOCH = 1_800_000_000
VERSION = released_version()
KEYS = next(package for package in python_packages() if package.name == "counterseal-keys")
WHEEL = f"counterseal_keys-{VERSION}-py3-none-any.whl"


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """A folder with the wheel and the source distribution of one package, as a release has it."""
    commit, folder = tmp_path_factory.mktemp("commit"), tmp_path_factory.mktemp("archives")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copyfile(ROOT / name, commit / name)
    ignored = shutil.ignore_patterns("__pycache__", "tests")
    shutil.copytree(ROOT / KEYS.folder, commit / KEYS.folder, ignore=ignored)
    shutil.copyfile(ROOT / "LICENSE", commit / KEYS.folder / "LICENSE")
    readme = commit / KEYS.folder / "README.md"
    readme.write_text(readme.read_text("utf-8").replace("](../", "](https://x.example/"), "utf-8")
    before = Path.cwd()
    os.chdir(commit / KEYS.folder)
    try:
        build_wheel(str(folder))
        build_sdist(str(folder))
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def target(archives, tmp_path):
    shutil.copytree(archives, tmp_path, dirs_exist_ok=True)
    return tmp_path


def rewrite(wheel, change):
    """Write a wheel anew: *change* gets each name and text, and returns the text or None."""
    with zipfile.ZipFile(wheel) as archive:
        texts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in texts.items():
            changed = change(name, text)
            if changed is not None:
                archive.writestr(name, changed)


def test_a_wheel_and_a_source_distribution_pass(target):
    assert python_problems(KEYS, target, ROOT) == []


PLANTED = {
    "the wheel lacks counterseal_keys/py.typed": (
        lambda name, text: None if name.endswith("py.typed") else text
    ),
    "the version is 9.9.9": (
        lambda name, text: text.replace(f"\nVersion: {VERSION}".encode(), b"\nVersion: 9.9.9")
    ),
    "the licence files are None": (
        lambda name, text: text.replace(b"License-File: LICENSE\n", b"")
    ),
    "a link of the description leads nowhere at an index": (
        lambda name, text: text.replace(b"](https://x.example/", b"](../")
    ),
}


@pytest.mark.parametrize("problem", PLANTED)
def test_a_mistake_in_a_wheel_is_found(target, problem):
    rewrite(target / WHEEL, PLANTED[problem])
    faults = python_problems(KEYS, target, ROOT)
    assert [each.replace("[]", "None") for each in faults] == [problem]


def test_a_wheel_has_what_is_built_and_not_what_it_is_built_from(target):
    wheel = {"exclude": ["src/counterseal_keys/py.typed"]}
    package = replace(KEYS, hatch={"build": {"targets": {"wheel": wheel}}})
    assert python_problems(package, target, ROOT) == [
        "the wheel has counterseal_keys/py.typed, from which its files are built",
        "the wheel lacks its built files",
    ]

    def build(name, text):
        return None if name.endswith("py.typed") else text

    rewrite(target / WHEEL, build)
    with zipfile.ZipFile(target / WHEEL, "a") as archive:
        archive.writestr("counterseal_keys/built/index.html", b"")
    assert python_problems(package, target, ROOT) == []


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "src/counterseal_keys/__init__.py"])
def test_a_file_that_a_source_distribution_lacks_is_found(target, tmp_path, name):
    path = target / f"counterseal_keys-{VERSION}.tar.gz"
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (tmp_path / "unpacked" / f"counterseal_keys-{VERSION}" / name).unlink()
    pack(tmp_path / "unpacked", path, EPOCH)
    assert python_problems(KEYS, target, ROOT) == [f"the source distribution lacks {name}"]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The wheel of the library, as it is here."""
    commit, folder = tmp_path_factory.mktemp("library"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copyfile(ROOT / name, commit / name)
    shutil.copytree(ROOT / "src", commit / "src", ignore=shutil.ignore_patterns("__pycache__"))
    before = Path.cwd()
    os.chdir(commit)
    try:
        return folder / build_wheel(str(folder))
    finally:
        os.chdir(before)


def test_the_wheel_of_the_library_has_the_library_alone(library):
    with zipfile.ZipFile(library) as archive:
        folders = {name.partition("/")[0] for name in archive.namelist()}
    assert folders == {"counterseal", f"counterseal-{VERSION}.dist-info"}


def test_the_readme_says_the_size_of_the_library(library):
    assert size_problems(library, (ROOT / "README.md").read_text("utf-8")) == []


def test_a_wrong_size_and_none_are_found(library):
    readme = "The wheel of the library has 400 kB, and takes 1,400 kB when it is installed."
    wheel, files = size_problems(library, readme)
    assert re.fullmatch(r"the wheel has \d+ kB, and not 400", wheel)
    assert re.fullmatch(r"its files have 1,\d+ kB, and not 1,400", files)
    assert size_problems(library, "") == ["it does not say the size of the library"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A folder with a file of each name that a release has, and with the SBOM of them."""
    folder = tmp_path_factory.mktemp("listed")
    for name in expected_files():
        (folder / name).write_text(name, "utf-8")
    document = sbom(ROOT, folder, EPOCH, os.environ, licence_of_a_package)
    (folder / f"counterseal-{VERSION}.cdx.json").write_text(json.dumps(document), "utf-8")
    return folder


def licence_of_a_package(name, version):
    """Give each package of others a licence: this session installs few of them."""
    return f"LicenseRef-{name}-{version}"


def planted_sbom(listed, tmp_path, change):
    path = tmp_path / "planted.cdx.json"
    document = json.loads((listed / f"counterseal-{VERSION}.cdx.json").read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")
    return sbom_problems(path, listed)


def test_the_sbom_has_every_package_and_its_files(listed, tmp_path):
    path = listed / f"counterseal-{VERSION}.cdx.json"
    assert sbom_problems(path, listed) == []
    document = json.loads(path.read_text("utf-8"))
    components = {each["bom-ref"]: each for each in document["components"]}
    for package in python_packages():
        own = components[f"pkg:pypi/{package.name}@{VERSION}"]
        assert [each["url"] for each in own["externalReferences"]] == [
            f"{package.module}-{VERSION}-py3-none-any.whl",
            f"{package.module}-{VERSION}.tar.gz",
        ]
    assert any(name.startswith("pkg:pypi/cryptography@") for name in components)
    assert {name for name in components if name.startswith("pkg:npm/")} == {
        f"pkg:npm/%40counterseal/{name}@{VERSION}" for name in ("device", "origin")
    }
    needs = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert f"pkg:pypi/counterseal@{VERSION}" in needs[f"pkg:pypi/counterseal-keys@{VERSION}"]
    assert document["metadata"]["timestamp"] == "2027-01-15T08:00:00Z"


def test_the_sbom_is_the_same_twice_and_another_for_other_files(listed, tmp_path):
    first, second = (sbom(ROOT, listed, EPOCH, os.environ, licence_of_a_package) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    other = shutil.copytree(listed, tmp_path / "other")
    (other / WHEEL).write_text("another wheel", "utf-8")
    third = sbom(ROOT, other, EPOCH, os.environ, licence_of_a_package)
    assert third["serialNumber"] != first["serialNumber"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda document: document.pop("bomFormat"), "bomFormat"),
        (lambda document: document.update(serialNumber="1"), "1"),
        (lambda document: document.update(another=1), "another"),
        (lambda document: document["components"][0].pop("name"), "name"),
        (lambda document: document["components"].pop(), "there is no component"),
        (
            lambda document: document["components"].append(document["components"][0] | {"a": 1}),
            "a",
        ),
    ],
)
def test_a_mistake_in_an_sbom_is_found(listed, tmp_path, change, problem):
    (fault, *_) = planted_sbom(listed, tmp_path, change)
    assert problem in fault


def test_the_sbom_has_the_licence_of_every_component(listed):
    document = json.loads((listed / f"counterseal-{VERSION}.cdx.json").read_text("utf-8"))
    stated = {each["bom-ref"]: each["licenses"] for each in document["components"]}
    for reference, listed_licences in stated.items():
        name = reference.rpartition("/")[2].replace("@", "-")
        expected = "Apache-2.0" if "counterseal" in reference else f"LicenseRef-{name}"
        assert listed_licences == [{"expression": expected}], reference
    assert document["metadata"]["component"]["licenses"] == [{"expression": "Apache-2.0"}]


def test_a_component_without_a_licence_is_found(listed, tmp_path):
    folder = shutil.copytree(listed, tmp_path / "files")
    licences = {"flask": None}
    document = sbom(ROOT, folder, EPOCH, os.environ, lambda name, _: licences.get(name, "MIT"))
    path = folder / f"counterseal-{VERSION}.cdx.json"
    path.write_text(json.dumps(document), "utf-8")
    (problem,) = sbom_problems(path, folder)
    assert problem.startswith("no licence is known of pkg:pypi/flask@")


def test_a_file_that_the_sbom_lacks_is_found(listed, tmp_path):
    def change(document):
        own = next(each for each in document["components"] if each["name"] == KEYS.name)
        del own["externalReferences"]

    assert planted_sbom(listed, tmp_path, change) == [f"there is no {WHEEL}"]


def test_a_missing_and_an_unknown_file_are_found(listed, tmp_path):
    folder = shutil.copytree(listed, tmp_path / "files")
    (folder / WHEEL).rename(folder / "other.whl")
    assert problems(folder) == [
        f"missing, or not of a release: {WHEEL}",
        "missing, or not of a release: other.whl",
    ]


def test_a_changed_file_is_found(listed, tmp_path):
    folder = shutil.copytree(listed, tmp_path / "files")
    write_sums(folder)
    (folder / "RELEASE_NOTES.md").write_text("other notes", "utf-8")
    assert problems(folder) == ["RELEASE_NOTES.md differs from SHA256SUMS"]


@pytest.mark.parametrize("name", ["404.html", "sitemap.xml", "robots.txt", "changes.html"])
def test_a_page_that_the_site_lacks_is_found(tmp_path, name):
    folder = tmp_path / "site"
    folder.mkdir()
    for each in ("index.html", "404.html", "sitemap.xml", "robots.txt", "changes.html"):
        (folder / each).write_text(each, "utf-8")
    pack(folder, tmp_path / "whole.tar.gz", EPOCH)
    assert site_problems(tmp_path / "whole.tar.gz") == []
    (folder / name).unlink()
    pack(folder, tmp_path / "site.tar.gz", EPOCH)
    assert site_problems(tmp_path / "site.tar.gz") == [f"lacks {name}"]


def test_a_mistake_in_a_tarball_of_npm_is_found(tmp_path):
    package = tmp_path / "unpacked" / "package"
    package.mkdir(parents=True)
    for name in ("LICENSE", "README.md", "package.json"):
        (package / name).write_text("[a](https://x.example)", "utf-8")
    pack(tmp_path / "unpacked", tmp_path / "whole.tgz", EPOCH)
    assert npm_problems(tmp_path / "whole.tgz") == []
    (package / "LICENSE").unlink()
    (package / "README.md").write_text("[a](../../docs/x.md)", "utf-8")
    pack(tmp_path / "unpacked", tmp_path / "x.tgz", EPOCH)
    assert npm_problems(tmp_path / "x.tgz") == [
        "lacks package/LICENSE",
        "a link of the README leads nowhere at an index",
    ]
