"""The wheel: it has the device library, byte for byte as npm packs it."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1]
PREFIX = "counterseal_pwa/static/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The files of the wheel, by their paths."""
    program = shutil.which(
        "uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None:
        pytest.skip("uv is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [program, "build", "--wheel", "--quiet", "--offline", "--out-dir", folder, FOLDER]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if "hatchling" in ended.stderr and "offline" in ended.stderr.lower():
        pytest.skip(f"hatchling cannot be had: {ended.stderr}")
    assert ended.returncode == 0, ended.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_has_the_library_as_npm_packs_it(wheel, node, javascript_tools):
    packages = javascript_tools.parent
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    parts = ("device/*.js", "wire/*.js", "wire/*.json")
    sources = sorted(path for part in parts for path in packages.glob(part))
    ended = subprocess.run(
        [node / "bin" / "node", npm, "pack", "--ignore-scripts", "--dry-run", "--json", "./device"],
        cwd=packages,
        capture_output=True,
        encoding="utf-8",
        check=True,
        env=os.environ | {"PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"},
    )
    assert json.loads(ended.stdout)[0]["name"] == "@counterseal/device"
    expected = {
        PREFIX + path.relative_to(packages).as_posix(): path.read_bytes() for path in sources
    }
    assert len(expected) > 25
    folders = (f"{PREFIX}device/", f"{PREFIX}wire/")
    assert {name: body for name, body in wheel.items() if name.startswith(folders)} == expected


def test_the_wheel_has_every_file_of_the_app_and_no_test(wheel):
    static = FOLDER / "src" / "counterseal_pwa" / "static"
    for path in static.rglob("*.*"):
        name = PREFIX + path.relative_to(static).as_posix()
        assert wheel[name] == path.read_bytes()
    assert not [name for name in wheel if "test" in name or "node_modules" in name]
