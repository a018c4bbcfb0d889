"""The files of a release, and whether each is what it should be."""

import json
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from packaging.metadata import Metadata
from readme_renderer import markdown
from referencing import Registry

from release.archives import wrong_sums
from release.packages import ROOT, Package, npm_packages, python_packages, released_version

IN_SOURCES = ("LICENSE", "README.md", "pyproject.toml")
SIZES = re.compile(r"The wheel of the library has ([\d,]+) kB, and takes ([\d,]+) kB when")
TOLERANCE = 0.05
"""By how much a size may differ from what the README says: not each change is one of the README."""


def text_of(wheel: Path, name: str) -> bytes:
    """Return a file of the folder `*.dist-info` of a wheel."""
    stem = "-".join(wheel.name.split("-")[:2])
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{stem}.dist-info/{name}")


def expected_files(root: Path = ROOT) -> set[str]:
    """Return the names of the files that a release has."""
    version = released_version(root)
    stems = [f"{package.module}-{version}" for package in python_packages(root)]
    packed = [
        f"{document['name'][1:].replace('/', '-')}-{document['version']}.tgz"
        for document in npm_packages(root).values()
    ]
    return {
        *(f"{stem}-py3-none-any.whl" for stem in stems),
        *(f"{stem}.tar.gz" for stem in stems),
        *packed,
        f"counterseal-{version}.cdx.json",
        f"site-{version}.tar.gz",
        "RELEASE_NOTES.md",
        "SHA256SUMS",
    }


def problems(target: Path, root: Path = ROOT) -> list[str]:
    """Return what is wrong with the files in *target*; empty if nothing is."""
    present = {path.name for path in target.iterdir()}
    missing = sorted(expected_files(root) ^ present)
    if missing:
        return [f"missing, or not of a release: {name}" for name in missing]
    changed = wrong_sums(target)
    if changed:
        return [f"{name} differs from SHA256SUMS" for name in changed]
    listed = []
    for package in python_packages(root):
        listed += [f"{package.name}: {each}" for each in python_problems(package, target, root)]
    (wheel,) = target.glob("counterseal-*.whl")
    readme = (root / "README.md").read_text("utf-8")
    listed += [f"README.md: {each}" for each in size_problems(wheel, readme)]
    for tarball in target.glob("*.tgz"):
        listed += [f"{tarball.name}: {each}" for each in npm_problems(tarball)]
    for document in target.glob("*.cdx.json"):
        listed += [f"{document.name}: {each}" for each in sbom_problems(document, target)]
    for site in target.glob("site-*.tar.gz"):
        listed += [f"{site.name}: {each}" for each in site_problems(site)]
    return listed


def python_problems(package: Package, target: Path, root: Path) -> list[str]:
    """Return what is wrong with the wheel and the source distribution of a package."""
    version = released_version(root)
    wheel = target / f"{package.module}-{version}-py3-none-any.whl"
    sources = target / f"{package.module}-{version}.tar.gz"
    metadata = Metadata.from_email(text_of(wheel, "METADATA"), validate=True)
    faults = []
    if str(metadata.version) != version:
        faults.append(f"the version is {metadata.version}")
    if metadata.license_files != ["LICENSE"]:
        faults.append(f"the licence files are {metadata.license_files}")
    if metadata.description is None or markdown.render(metadata.description) is None:
        faults.append("the description does not render")
    if "](../" in (metadata.description or ""):
        faults.append("a link of the description leads nowhere at an index")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    with tarfile.open(sources) as archive:
        entries = {name.partition("/")[2] for name in archive.getnames()}
    faults += module_problems(package, packed, entries, root)
    faults += [
        f"the source distribution lacks {name}" for name in IN_SOURCES if name not in entries
    ]
    return faults


def size_problems(wheel: Path, readme: str) -> list[str]:
    """Return which size of a wheel, or of its files, *readme* says wrongly; kB are 1,000 bytes."""
    match = SIZES.search(readme)
    if match is None:
        return ["it does not say the size of the library"]
    with zipfile.ZipFile(wheel) as archive:
        installed = sum(file.file_size for file in archive.infolist())
    sizes = {"the wheel has": wheel.stat().st_size, "its files have": installed}
    stated = [int(number.replace(",", "")) * 1_000 for number in match.groups()]
    return [
        f"{name} {size / 1_000:,.0f} kB, and not {number // 1_000:,}"
        for (name, size), number in zip(sizes.items(), stated, strict=True)
        if abs(size - number) > TOLERANCE * number
    ]


def module_problems(
    package: Package, packed: set[str], entries: set[str], root: Path
) -> Iterator[str]:
    """Yield what is wrong with the modules in a wheel, *packed*, and in *entries* of sources."""
    command = ["git", "ls-files", "--", str(package.sources)]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, encoding="utf-8")
    for file in listed.stdout.splitlines():
        source = Path(file).relative_to(package.folder)
        name = source.relative_to("src").as_posix()
        if any(source.is_relative_to(folder) for folder in package.built_from):
            if name in packed:
                yield f"the wheel has {name}, from which its files are built"
        elif name not in packed:
            yield f"the wheel lacks {name}"
        if source.as_posix() not in entries:
            yield f"the source distribution lacks {source.as_posix()}"
    built = f"{package.module}/built/"
    if package.built_from and not any(name.startswith(built) for name in packed):
        yield "the wheel lacks its built files"


def npm_problems(tarball: Path) -> list[str]:
    """Return what is wrong with a tarball of npm."""
    with tarfile.open(tarball) as archive:
        names = set(archive.getnames())
        readme = archive.extractfile("package/README.md")
        assert readme is not None
        text = readme.read().decode()
    faults = [
        f"lacks {name}" for name in ("package/LICENSE", "package/package.json") if name not in names
    ]
    if "](../" in text:
        faults.append("a link of the README leads nowhere at an index")
    return faults


def sbom_schema() -> Draft7Validator:
    """
    Return the schema of CycloneDX 1.5, with the two that it refers to.

    The library's own validator checks formats too, by a grammar that takes minutes to do it.
    """
    folder = files("cyclonedx.schema") / "_res"
    names = ("bom-1.5", "spdx", "jsf-0.82")
    schemas = {
        f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json": json.loads(
            (folder / f"{name}.SNAPSHOT.schema.json").read_text("utf-8")
        )
        for name in names
    }
    # They refer to each other by the names of their files, relative to the first one's id.
    registry: Registry[Any] = Registry().with_contents(schemas.items())
    return Draft7Validator(next(iter(schemas.values())), registry=registry)


def sbom_problems(path: Path, target: Path) -> list[str]:
    """Return what is wrong with an SBOM: its form, and whether it has every licence and file."""
    document = json.loads(path.read_text("utf-8"))
    errors = sbom_schema().iter_errors(document)
    invalid = [f"{error.json_path}: {error.message[:200]}" for error in errors]
    if invalid:
        return invalid
    references = [each["bom-ref"] for each in document["components"]]
    faults = []
    if len(set(references)) != len(references):
        faults.append("a reference stands twice")
    faults += [
        f"no licence is known of {each['bom-ref']}: .github/release/licences.py"
        for each in (document["metadata"]["component"], *document["components"])
        if not each.get("licenses")
    ]
    components = {*references, document["metadata"]["component"]["bom-ref"]}
    needed = {
        name for each in document["dependencies"] for name in (each["ref"], *each["dependsOn"])
    }
    faults += [f"there is no component {name}" for name in sorted(needed - components)]
    archive_names = {
        reference["url"]
        for each in document["components"]
        for reference in each.get("externalReferences", [])
    }
    archives = {each.name for each in target.iterdir() if each.suffix in {".whl", ".tgz"}}
    faults += [f"there is no {name}" for name in sorted(archives - archive_names)]
    return faults


def site_problems(site: Path) -> list[str]:
    """Return which files a web server would lack."""
    with tarfile.open(site) as archive:
        names = set(archive.getnames())
    needed = ("index.html", "changes.html", "404.html", "sitemap.xml", "robots.txt")
    return [f"lacks {name}" for name in needed if name not in names]
