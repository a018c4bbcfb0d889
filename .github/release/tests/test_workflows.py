"""The workflow files are valid and safe; each planted mistake is found."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
from io import BytesIO
from pathlib import Path

import pytest
from release.packages import ROOT
from release.version import npm_version

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
CHECKOUT = r"actions/checkout@[0-9a-f]{40} # v[\d.]+"


def schema_findings(*files):
    """Return what check-jsonschema says of *files*; None if nothing."""
    command = ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files]
    ended = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    return ended.stdout + ended.stderr if ended.returncode else None


def zizmor_findings(*files):
    """Return what zizmor says of *files*; None if nothing."""
    command = ["zizmor", "--offline", "--no-config", "--persona=pedantic", "--quiet", *files]
    ended = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    return ended.stdout + ended.stderr if ended.returncode else None


def test_the_workflows_are_valid():
    assert {file.name for file in WORKFLOWS} == {"ci.yml", "release.yml"}
    assert schema_findings(*WORKFLOWS) is None


def test_the_workflows_are_safe():
    assert zizmor_findings(*WORKFLOWS, FOLDER / "dependabot.yml") is None


def test_the_updates_of_actions_are_valid():
    command = ["check-jsonschema", "--builtin-schema", "vendor.dependabot"]
    subprocess.run([*command, FOLDER / "dependabot.yml"], check=True)


INVALID = [
    ("runs-on:", "runs_on:"),
    ("timeout-minutes: 60", "timeout-minutes: an hour"),
    ("needs: build", "needs: {build: true}"),
    ("contents: read", "contents: reads"),
]


@pytest.mark.parametrize(("valid", "invalid"), INVALID)
def test_an_invalid_file_is_found(tmp_path, valid, invalid):
    text = (FOLDER / "workflows" / "release.yml").read_text("utf-8")
    assert valid in text
    planted = tmp_path / "release.yml"
    planted.write_text(text.replace(valid, invalid, 1), "utf-8")
    assert schema_findings(planted)


UNSAFE = {
    "unpinned-uses": (CHECKOUT, "actions/checkout@v5"),
    "excessive-permissions": (r"^permissions: \{\}$", "permissions: write-all"),
    "artipacked": (r"\n +with:\n +persist-credentials: false", ""),
    "template-injection": (r'"\$GITHUB_REF_NAME"', "${{ github.event.head_commit.message }}"),
    "dangerous-triggers": (r"^  push:\n    tags: \[\"v\*\"\]", "  pull_request_target:"),
    "cache-poisoning": (r"package-manager-cache: false", "cache: npm"),
    "use-trusted-publishing": (r"packages-dir: packages/", "password: ${{ secrets.PYPI }}"),
}


@pytest.mark.parametrize("audit", UNSAFE)
def test_an_unsafe_file_is_found(tmp_path, audit):
    pattern, replacement = UNSAFE[audit]
    text = (FOLDER / "workflows" / "release.yml").read_text("utf-8")
    changed, count = re.subn(pattern, lambda _: replacement, text, count=1, flags=re.MULTILINE)
    assert count == 1
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    planted = folder / "release.yml"
    planted.write_text(changed, "utf-8")
    findings = zizmor_findings(planted)
    assert findings is not None
    assert f"[{audit}]" in findings


def test_a_permission_without_a_use_is_not_granted():
    """Only the jobs that publish may write, and none may write more than its own thing."""
    text = (FOLDER / "workflows" / "release.yml").read_text("utf-8")
    jobs = re.split(r"^  (\w+):$", text.partition("\njobs:\n")[2], flags=re.MULTILINE)[1:]
    granted = {
        name: re.findall(r"^      ([\w-]+: (?:read|write)) #", body, re.MULTILINE)
        for name, body in zip(jobs[::2], jobs[1::2], strict=True)
    }
    assert granted == {
        "build": ["contents: read"],
        "provenance": ["id-token: write", "attestations: write"],
        "pypi": ["id-token: write"],
        "npm": ["id-token: write"],
        "documentation": ["pages: write", "id-token: write"],
        "page": ["contents: write"],
    }


NPM = """#!/bin/sh
# Knows one tarball by its sum, and writes down what is published.
if test "$1" = view; then test "$2" = "$KNOWN" && echo "$KNOWN_SUM"; exit; fi
echo "$@" >>"$PUBLISHED"
"""


def blocks_of_npm():
    """Return the Python that names a package, and the script that publishes to npm."""
    text = (FOLDER / "workflows" / "release.yml").read_text("utf-8")
    _, _, step = text.partition("- name: Publish every tarball with its provenance\n")
    program, _, rest = step.partition("          NAME: |\n")[2].partition("        run: |\n")
    script, _, _ = rest.partition("\n\n")
    assert "npm publish" in script
    return textwrap.dedent(program), textwrap.dedent(script)


def tarball_of(path, name, version):
    """Write a tarball that says of itself what one of npm does; return its sum as npm has it."""
    description = json.dumps({"name": name, "version": version}).encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(description)
        archive.addfile(entry, BytesIO(description))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


@pytest.mark.parametrize(
    ("version", "tag"),
    [("1.2.3", "latest"), ("1.2.3a1", "next"), ("1.2.3b1", "next"), ("1.2.3rc1", "next")],
)
@pytest.mark.parametrize("present", ["nothing", "the same bytes", "other bytes"])
def test_npm_gets_what_it_does_not_have(tmp_path, version, tag, present):
    (tmp_path / "dist").mkdir()
    (tmp_path / "npm").write_text(NPM, "utf-8")
    (tmp_path / "npm").chmod(0o700)
    npm_text = npm_version(version)
    sums = {
        name: tarball_of(tmp_path / f"dist/{name}.tgz", f"@counterseal/{name}", npm_text)
        for name in ("device", "origin")
    }
    published_sums = {"nothing": "", "the same bytes": sums["device"], "other bytes": "sha512-AA=="}
    program, script = blocks_of_npm()
    environment = os.environ | {
        "NAME": program,
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "GITHUB_REF_NAME": f"v{version}",
        "KNOWN": f"@counterseal/device@{npm_text}" if published_sums[present] else "",
        "KNOWN_SUM": published_sums[present],
        "PUBLISHED": str(tmp_path / "published"),
    }
    # As the forge runs it.
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    expected = [
        f"publish ./dist/{name}.tgz --access public --provenance --tag {tag}"
        for name in ("device", "origin")
        if (name, present) != ("device", "the same bytes")
    ]
    assert (tmp_path / "published").read_text("utf-8").splitlines() == expected


def test_the_checks_are_there():
    for program in ("check-jsonschema", "zizmor", "towncrier", "uv"):
        assert shutil.which(program), program
