"""A build of the commit, and of another clone of it: both give the same bytes."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from release.archives import differences
from release.build import build as build_release
from release.commit import Commit
from release.packages import ROOT

OTHER_MACHINE = {
    "LC_ALL": "C",
    "PYTHONHASHSEED": "77",
    "TZ": "Asia/Kathmandu",
}
"""What differs in the second build, besides the path, the umask, and when it runs."""


def build(target: Path, *, twice: bool) -> list[str]:
    """Build, and perhaps build from another clone too; return which files differ."""
    commit = Commit.checked_out(ROOT)
    for line in commit.uncommitted():
        print(f"not released, since it is not committed: {line}")
    build_release(commit, target)
    files = sorted(target.iterdir())
    size = sum(path.stat().st_size for path in files)
    print(f"built {len(files)} files, {size:,} bytes, in {target}")
    if not twice:
        return []
    with tempfile.TemporaryDirectory(prefix="another-folder-of-another-length-") as name:
        clone, second = Path(name) / "clone", Path(name) / "files"
        subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, clone], check=True)
        command = [sys.executable, "-m", "release", "build", second]
        environment = dict(os.environ) | OTHER_MACHINE
        subprocess.run(command, cwd=clone, env=environment, umask=0o077, check=True)
        different = differences(target, second)
    if not different:
        print(f"a second clone gave the same bytes: {len(files)} files")
    return [f"differs in a second clone: {name}" for name in different]
