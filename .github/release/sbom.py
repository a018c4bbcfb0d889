"""
The SBOM: our files, what uv.lock says they need, and the licences, in CycloneDX 1.5.

uv exports its lock file in this format, with a random serial number, the time, and names of its
own for the components. Those are replaced here, so that one commit has one SBOM.
"""

import json
import subprocess
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from release.archives import sha256
from release.licences import find_licence
from release.packages import (
    Package,
    npm_packages,
    python_packages,
    released_version,
    repository_url,
)

NAMESPACE = uuid.UUID("3b1f1d5e-5d0f-5f0a-9a55-3f0f6d3d1c97")
"""Of the serial numbers: RFC 9562, section 5.5. Chosen once, and of no meaning."""


def exported(root: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what uv exports: the packages, all they need, and who needs whom."""
    command = ["uv", "export", "--frozen", "--quiet", "--format=cyclonedx1.5", "--all-packages"]
    options = ["--all-extras", "--no-default-groups", "--preview-features=sbom-export"]
    ended = subprocess.run(
        [*command, *options],
        cwd=root,
        env=dict(environment),
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    document: dict[str, Any] = json.loads(ended.stdout)
    return document


def sbom(
    root: Path,
    files: Path,
    epoch: int,
    environment: Mapping[str, str],
    licence: Callable[[str, str], str | None] = find_licence,
) -> dict[str, Any]:
    """
    Return the SBOM of a release.

    Args:
        root: The exported commit.
        files: The folder of the wheels, source distributions and tarballs.
        epoch: The time of the commit.
        environment: That of the build.
        licence: Returns the SPDX expression of another's package, by name and version; a package
            without one is listed without one, and `release.files` refuses that.
    """
    version, source = released_version(root), repository_url(root)
    document = exported(root, environment)
    ours = {package.name: package for package in python_packages(root)}
    components = {each["bom-ref"]: each for each in document["components"]}
    references = {
        name: f"pkg:pypi/{each['name']}@{each.get('version', version)}"
        for name, each in components.items()
    }
    tree = document["metadata"]["component"]["bom-ref"]
    references[tree] = f"{source}@v{version}"
    listed = [
        component(each, references[name])
        | (
            own_component(ours[each["name"]], version, files)
            if each["name"] in ours
            else licences(licence(each["name"], each["version"]))
        )
        for name, each in components.items()
        if name != tree and "is_synthetic_root" not in str(each.get("properties"))
    ]
    needs = {
        references[each["ref"]]: sorted(references[name] for name in each.get("dependsOn", []))
        for each in document["dependencies"]
    }
    for description in npm_packages(root).values():
        own = npm_component(description, files)
        listed.append(own)
        needs[own["bom-ref"]] = []
        needs[references[tree]] = sorted([*needs[references[tree]], own["bom-ref"]])
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": document["specVersion"],
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z"),
            "tools": document["metadata"]["tools"],
            "component": {
                "type": "application",
                "bom-ref": references[tree],
                "name": "Counterseal",
                "version": version,
                **licences(ours["counterseal"].metadata["license"]),
                "externalReferences": [{"type": "vcs", "url": source}],
            },
        },
        "components": sorted(listed, key=lambda each: each["bom-ref"]),
        "dependencies": [{"ref": name, "dependsOn": needs[name]} for name in sorted(needs)],
    }
    serial = uuid.uuid5(NAMESPACE, json.dumps(content, sort_keys=True))
    return {"serialNumber": f"urn:uuid:{serial}"} | content


def component(exported_one: dict[str, Any], reference: str) -> dict[str, Any]:
    """Return a component as uv exports it, named by its package URL."""
    return exported_one | {"bom-ref": reference, "purl": reference}


def licences(expression: str | None) -> dict[str, Any]:
    """Return the member with the licence of a component, or nothing."""
    return {} if expression is None else {"licenses": [{"expression": expression}]}


def own_component(package: Package, version: str, files: Path) -> dict[str, Any]:
    """Return what a component of ours says besides: its version, its licence and its files."""
    stem = f"{package.module}-{version}"
    return {
        "version": version,
        **licences(package.metadata["license"]),
        "externalReferences": [
            distribution(files / f"{stem}-py3-none-any.whl"),
            distribution(files / f"{stem}.tar.gz"),
        ],
    }


def npm_component(description: dict[str, Any], files: Path) -> dict[str, Any]:
    """Return the component of a package of npm, which needs no other."""
    scope, _, name = description["name"].partition("/")
    reference = f"pkg:npm/%40{scope[1:]}/{name}@{description['version']}"
    tarball = f"{scope[1:]}-{name}-{description['version']}.tgz"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": description["name"],
        "version": description["version"],
        **licences(description["license"]),
        "purl": reference,
        "externalReferences": [distribution(files / tarball)],
    }


def distribution(path: Path) -> dict[str, Any]:
    """Return the reference to a file of the release, with its SHA-256."""
    return {
        "type": "distribution",
        "url": path.name,
        "hashes": [{"alg": "SHA-256", "content": sha256(path)}],
    }
