"""Two releases: the one of a commit, in wheels and an environment of its own, and this one."""

import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[3]
PACKAGES = ("http", "keys", "records", "redis", "server", "sql", "web")
MAIN = "from counterseal_server.cli import main; main()"


@frozen
class Release:
    """
    An installed release.

    Attributes:
        name: Its name in the table.
        python: The Python of its environment.
    """

    name: str
    python: str

    @property
    def program(self):
        """The command `counterseal` of this release, as a process is started."""
        return [self.python, "-c", MAIN]


def this_release():
    """Return the release of this clone, which is installed where this runs."""
    return Release("new", sys.executable)


def build_release(commit, folder):
    """Build the release of *commit* into wheels, install them alone, and return it."""
    source, wheels, environment = (folder / name for name in ("source", "wheels", "environment"))
    source.mkdir()
    command = [shutil.which("git"), "-C", ROOT, "archive", commit]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        raise SystemExit(f"{archive.stderr.decode().strip()}: fetch the commit first")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(source, filter="data")
    for package in ("counterseal", *(f"counterseal-{name}" for name in PACKAGES)):
        uv("build", "--quiet", "--wheel", f"--package={package}", f"--out-dir={wheels}", source)
    python = environment / "bin" / "python"
    uv("venv", "--quiet", f"--python={sys.executable}", environment)
    uv(
        *("pip", "install", "--quiet", f"--python={python}", f"--find-links={wheels}"),
        # The same third-party packages as here: what differs are the two releases.
        *("--constraint", constraints(source, folder)),
        *("counterseal-server[redis,service]", "counterseal-sql[postgresql]"),
    )
    where = "import counterseal_server; print(counterseal_server.__file__)"
    file = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    if not file.stdout.startswith(str(environment)):
        raise SystemExit(f"the older release is not the one of {commit}: {file.stdout}")
    return Release("old", str(python))


def constraints(source, folder):
    """Write the versions of the older release's uv.lock to a file; return its path."""
    file = folder / "constraints.txt"
    text = uv(
        *("export", "--frozen", "--quiet", "--all-packages", "--all-extras", "--no-hashes"),
        *("--no-emit-workspace", "--no-dev", f"--directory={source}"),
    )
    file.write_text(text)
    return file


def uv(*arguments):
    """Run uv, and return what it printed."""
    command = [Path(sys.executable).with_name("uv"), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
