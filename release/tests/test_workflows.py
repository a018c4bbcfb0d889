"""The workflow files are valid and safe; each planted mistake is found."""

import re
import shutil
import subprocess

import pytest
from release.packages import ROOT

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


def test_the_checks_are_there():
    for program in ("check-jsonschema", "zizmor", "towncrier", "uv"):
        assert shutil.which(program), program
