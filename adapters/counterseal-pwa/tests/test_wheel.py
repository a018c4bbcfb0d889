"""The wheel: it has the files that browsers load, whatever it is built from."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from counterseal_pwa import load_assets

FOLDER = Path(__file__).parents[1]
BUILT = "counterseal_pwa/built/"


def build(kind, source, target):
    """Build a package of *source*, as pip does, and return its path."""
    program = shutil.which(
        "uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None:
        pytest.skip("no uv: it is not installed")
    command = [program, "build", f"--{kind}", "--quiet", "--offline", "--out-dir", target, source]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if "hatchling" in ended.stderr and "offline" in ended.stderr.lower():
        pytest.skip(f"no uv: it has no hatchling: {ended.stderr}")
    assert ended.returncode == 0, ended.stderr
    (path,) = (path for path in target.iterdir() if path.suffix in {".gz", ".whl"})
    return path


def test_a_wheel_has_what_a_checkout_serves_and_none_of_its_sources(tmp_path):
    """Also a wheel of a source distribution, for which nothing but Python is needed."""
    archive = build("sdist", FOLDER, tmp_path / "sdist")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("counterseal_pwa-*")
    served = {name: asset.body for name, asset in load_assets().items()}
    for number, folder in enumerate((FOLDER, source)):
        with zipfile.ZipFile(build("wheel", folder, tmp_path / f"wheel-{number}")) as wheel:
            names = wheel.namelist()
            built = {name: wheel.read(name) for name in names if name.startswith(BUILT)}
        assert {name.removeprefix(BUILT): body for name, body in built.items()} == served
        assert not [name for name in names if "/static/" in name or "/test" in name]
