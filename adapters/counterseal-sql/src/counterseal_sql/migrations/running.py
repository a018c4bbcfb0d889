"""How Alembic runs the migrations; its import is slow."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


class Migrations:
    """
    The migrations of this release, for the database of one connection.

    Args:
        connection: The connection of the transaction.

    Attributes:
        config: Where Alembic finds them, and the connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.config = Config()
        folder = str(Path(__file__).parent).replace("%", "%%")
        self.config.set_main_option("script_location", folder)
        self.config.attributes["connection"] = connection

    def revisions(self) -> set[str]:
        """Return the numbers of all migrations."""
        scripts = ScriptDirectory.from_config(self.config)
        return {script.revision for script in scripts.walk_revisions()}

    def run(self) -> None:
        """Run those that the database has not had."""
        command.upgrade(self.config, "head")
