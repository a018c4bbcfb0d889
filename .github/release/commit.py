"""The commit that is released: its files, its time, and the environment in which it is built."""

import os
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path


@dataclass(frozen=True)
class Commit:
    """
    The commit that a clone has checked out.

    Attributes:
        clone: The folder of the clone.
        epoch: When it was committed, in seconds since 1970.
    """

    clone: Path
    epoch: int

    @classmethod
    def checked_out(cls, clone: Path) -> "Commit":
        """Read the commit of *clone*."""
        command = ["git", "-C", str(clone), "log", "-1", "--format=%ct"]
        ended = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        return cls(clone, int(ended.stdout))

    def uncommitted(self) -> list[str]:
        """Return the changed files, which are not released."""
        command = ["git", "-C", str(self.clone), "status", "--porcelain"]
        ended = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        return ended.stdout.splitlines()

    def export(self, folder: Path) -> None:
        """Write the committed files into *folder*."""
        command = ["git", "-C", str(self.clone), "archive", "--format=tar", "HEAD"]
        ended = subprocess.run(command, check=True, capture_output=True)
        with tarfile.open(fileobj=BytesIO(ended.stdout)) as archive:
            archive.extractall(folder, filter="data")

    def environment(self) -> dict[str, str]:
        """Return the environment of everything that builds: nothing depends on the machine."""
        removed = ("COUNTERSEAL", "GIT_", "PYTHON", "UV_PROJECT_ENVIRONMENT")
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(removed)
        }
        return inherited | {
            "LC_ALL": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "SOURCE_DATE_EPOCH": str(self.epoch),
            "TZ": "UTC",
        }
