"""
Make the project of the page: `python make_project.py FOLDER`.

It does what the page says: `startproject`, `startapp`, and the lines of one's own behind those that
Django has written.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OWN_LINES = {
    "settings.py": "office/settings.py",
    "urls.py": "office/urls.py",
    "models.py": "customers/models.py",
    "admin.py": "customers/admin.py",
}
"""Where the lines of each file here stand in the project."""

CREATE_TABLES = """
import importlib
from django.core.management import call_command

call_command("makemigrations", "customers")
importlib.invalidate_caches()
call_command("migrate")
call_command("counterseal_upgrade", create_keys=True)
"""
"""The page's three commands, in one process."""


def run(folder: Path, *arguments: str) -> None:
    """Run a Python program in *folder*."""
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True)


def make_project(folder: Path, port: int = 8000, more: str = "") -> None:
    """
    Make the project in *folder*, which is empty.

    Args:
        folder: Where it is.
        port: Where its service is.
        more: What a Python of the project does then.
    """
    run(folder, "-m", "django", "startproject", "office", ".")
    run(folder, "manage.py", "startapp", "customers")
    for name, target in OWN_LINES.items():
        lines = (HERE / name).read_text().replace(":8000", f":{port}")
        with (folder / target).open("a") as file:
            file.write(f"\n{lines}")
    run(folder, "manage.py", "shell", "--command", CREATE_TABLES + more)


if __name__ == "__main__":
    make_project(Path(sys.argv[1]))
