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


def run(folder: Path, *arguments: str) -> None:
    """Run a Python program in *folder*."""
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True)


def make_project(folder: Path, port: int = 8000) -> None:
    """Make the project in *folder*, which is empty; its service is at *port*."""
    run(folder, "-m", "django", "startproject", "office", ".")
    run(folder, "manage.py", "startapp", "customers")
    for name, target in OWN_LINES.items():
        lines = (HERE / name).read_text().replace(":8000", f":{port}")
        with (folder / target).open("a") as file:
            file.write(f"\n{lines}")
    run(folder, "manage.py", "makemigrations", "customers")
    run(folder, "manage.py", "migrate")
    run(folder, "manage.py", "counterseal_upgrade", "--create-keys")


if __name__ == "__main__":
    make_project(Path(sys.argv[1]))
